# SPDX-License-Identifier: Apache-2.0
"""Print a new ``.env`` for ``compose.yaml``: new secrets, and the settings that are given as NAME=VALUE.

``(umask 077; python deploy/new_env.py TWITCH_BUCKET=my-lake AWS_REGION=eu-central-1 > deploy/.env)``

The secrets of an installation must stay: the database keeps the password that it was created with, and
only the old Fernet key can decrypt what Airflow has encrypted. ``--keep .env`` before the settings prints
that file with these settings replaced and with what it lacks. It needs only Python.
"""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
import stat
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Setting:
    """A setting that can be given.

    :param default: None if it is required
    :param pattern: of the whole value
    :param meaning: what the value must be, for the error message
    """

    default: str | None
    pattern: str
    meaning: str


SETTINGS = {
    # https://docs.docker.com/reference/cli/docker/image/tag/
    "AIRFLOW_IMAGE": Setting(
        "airflow-twitch", r"[a-z0-9][\w./:@-]*", "the name of an image that was built from our Dockerfile"
    ),
    "EXECUTOR": Setting("LocalExecutor", "LocalExecutor|CeleryExecutor", "LocalExecutor or CeleryExecutor"),
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
    "TWITCH_BUCKET": Setting(
        None,
        r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
        "the name of an S3 bucket, without s3:// and without a path",
    ),
    "TWITCH_PREFIX": Setting(
        "twitch", r"[\w!*().-]+(/[\w!*().-]+)*", "a prefix of keys, without a leading or trailing slash"
    ),
    "TWITCH_SNS_TOPIC": Setting(
        "",
        r"(arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256})?",
        "the ARN of a standard SNS topic, or empty for none",
    ),
    "AWS_REGION": Setting("us-east-1", r"[a-z]{2,}(-[a-z]+)+-\d+", "a region, such as eu-central-1"),
    "SECRETS_BACKEND": Setting(
        "", r"([A-Za-z_]\w*(\.[A-Za-z_]\w*)+)?", "the path of a class, or empty for none"
    ),
    "SECRETS_BACKEND_KWARGS": Setting("", r".*", "a JSON object, or empty for none"),
}


def _fernet_key() -> str:
    # https://github.com/fernet/spec/blob/master/Spec.md#key-format
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


#: Only letters, digits, ``-``, ``_`` and ``=``, because they are also used in database URLs.
SECRETS: Mapping[str, Callable[[], str]] = {
    "POSTGRES_PASSWORD": lambda: secrets.token_urlsafe(32),
    "REDIS_PASSWORD": lambda: secrets.token_urlsafe(32),
    "FERNET_KEY": _fernet_key,
    "JWT_SECRET": lambda: secrets.token_urlsafe(64),
    "API_SECRET_KEY": lambda: secrets.token_urlsafe(32),
    "ADMIN_PASSWORD": lambda: secrets.token_urlsafe(18),
}


def read(arguments: Sequence[str], old: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return every setting, with defaults for those that were not given.

    :param arguments: each NAME=VALUE
    :param old: the values of an existing file, which take precedence over the defaults
    :raises ValueError: one is unknown, given twice, invalid or missing; the message says what to do
    """
    given: dict[str, str] = {}
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if name in SECRETS:
            raise ValueError(
                f"{name} is generated and cannot be given, because every user can read arguments: "
                "change it in the finished file."
            )
        if name not in SETTINGS or not equals:
            raise ValueError(
                f"{name!r:.80} is not a setting: give NAME=VALUE, where NAME is one of {', '.join(SETTINGS)}."
            )
        if name in given:
            raise ValueError(f"{name} is given twice: give it once.")
        given[name] = value
    known = {**(old or {}), **given}
    if known.get("SECRETS_BACKEND_KWARGS") and not known.get("SECRETS_BACKEND"):
        raise ValueError("SECRETS_BACKEND_KWARGS requires SECRETS_BACKEND: give both.")
    settings = {name: known.get(name, setting.default) for name, setting in SETTINGS.items()}
    return {name: check(name, value) for name, value in settings.items()}


def check(name: str, value: str | None) -> str:
    """Return a value if it is valid.

    :param name: of the setting
    :param value: as it was given; None if it was not
    :raises ValueError: it is invalid or missing; the message says what to do
    """
    setting = SETTINGS[name]
    if value is None:
        raise ValueError(f"{name} is missing: give {name}=…, {setting.meaning}.")
    # A value that ends the line or the quotes could inject further settings.
    if not value.isprintable() or "'" in value or value.endswith("\\"):
        raise ValueError(
            f"{name} contains a character that .env does not allow: a line break, a single quote, "
            "or a trailing backslash."
        )
    if name == "SECRETS_BACKEND_KWARGS":
        # Without the value, which may contain a key.
        if not _is_object(value):
            raise ValueError(f"{name} is invalid: it must be {setting.meaning}.")
    elif not re.fullmatch(setting.pattern, value, re.ASCII):
        raise ValueError(f"{name}={value:.200} is invalid: it must be {setting.meaning}.")
    return value


def _is_object(text: str) -> bool:
    try:
        return not text or isinstance(json.loads(text), dict)
    except ValueError:
        return False


def render(settings: Mapping[str, str]) -> str:
    """Return the file.

    :param settings: every setting, validated
    """
    values = {**settings, **{name: make() for name, make in SECRETS.items()}}
    if settings["EXECUTOR"] == "CeleryExecutor":
        # Compose itself reads it.
        values["COMPOSE_PROFILES"] = "celery"
    # Compose takes everything between single quotes literally, including $.
    # https://docs.docker.com/compose/how-tos/environment-variables/variable-interpolation/#env-file-syntax
    lines = [f"{name}='{value}'\n" for name, value in values.items()]
    return "# Secrets of this installation: keep them, and keep them private.\n" + "".join(lines)


def values(text: str) -> dict[str, str]:
    """Return what stands in a file, secrets included.

    :param text: of the file, each line ``NAME='value'``
    """
    pairs = [line.partition("=") for line in text.splitlines() if not line.startswith("#")]
    return {name: value.strip("'") for name, equals, value in pairs if equals}


def keep(old: str, new: str, given: Collection[str]) -> str:
    """Return an existing file with what was given, and with what it lacks.

    :param old: its text
    :param new: a new one
    :param given: names of the settings to take from the new one
    """
    lines = {line.partition("=")[0]: line for line in new.splitlines() if not line.startswith("#")}
    kept = []
    for line in old.splitlines():
        name = line.partition("=")[0]
        replacement = lines.pop(name, None)
        if name not in given:
            kept.append(line)
        elif replacement is not None:
            kept.append(replacement)
        # Of a setting that stands there twice, Compose would take the second.
    return "".join(f"{line}\n" for line in [*kept, *lines.values()])


def main(arguments: Sequence[str]) -> int:
    """Print the file, or an error message; return the exit status."""
    old = ""
    try:
        if arguments[:1] == ["--keep"]:
            _, path, *arguments = arguments
            old = Path(path).read_text()
        text = render(read(arguments, values(old)))
        if old:
            text = keep(old, text, {argument.partition("=")[0] for argument in arguments})
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    descriptor = sys.stdout.fileno()
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        # Regardless of the umask.
        os.fchmod(descriptor, 0o600)
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
