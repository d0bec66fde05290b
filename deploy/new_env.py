# SPDX-License-Identifier: Apache-2.0
"""Print a new ``.env`` for ``compose.yaml``: fresh secrets, and the settings that are given as NAME=VALUE.

``(umask 077; python deploy/new_env.py TWITCH_BUCKET=my-lake AWS_REGION=eu-central-1 > deploy/.env)``

Once for an installation: the database keeps the password that it was made with, and what Airflow has
encrypted only the old Fernet key opens. Needs nothing but Python.
"""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
import stat
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Setting:
    """A name that can be given.

    :param default: None where it has to be given
    :param pattern: of the whole value
    :param meaning: what the value has to be, for the sentence that refuses another
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
        "twitch", r"[\w!*().-]+(/[\w!*().-]+)*", "what the keys begin with, without a slash at its ends"
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


#: Of letters, digits, ``-``, ``_`` and ``=`` only: they stand in addresses of databases, too.
SECRETS: Mapping[str, Callable[[], str]] = {
    "POSTGRES_PASSWORD": lambda: secrets.token_urlsafe(32),
    "REDIS_PASSWORD": lambda: secrets.token_urlsafe(32),
    "FERNET_KEY": _fernet_key,
    "JWT_SECRET": lambda: secrets.token_urlsafe(64),
    "API_SECRET_KEY": lambda: secrets.token_urlsafe(32),
    "ADMIN_PASSWORD": lambda: secrets.token_urlsafe(18),
}


def read(arguments: Sequence[str]) -> dict[str, str]:
    """Return every setting, those that were not given with their defaults.

    :param arguments: each NAME=VALUE
    :raises ValueError: one is unknown, given twice, wrong or missing; a sentence for a person
    """
    given: dict[str, str] = {}
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if name in SECRETS:
            raise ValueError(
                f"{name} is made here and cannot be given: every user of a machine can read arguments. "
                "Put another value into the finished file."
            )
        if name not in SETTINGS or not equals:
            raise ValueError(
                f"{name!r:.80} is no setting: give NAME=VALUE, where NAME is one of {', '.join(SETTINGS)}."
            )
        if name in given:
            raise ValueError(f"{name} is given twice: give it once.")
        given[name] = value
    if given.get("SECRETS_BACKEND_KWARGS") and not given.get("SECRETS_BACKEND"):
        raise ValueError("SECRETS_BACKEND_KWARGS is of no use without a SECRETS_BACKEND: give both.")
    settings = {name: given.get(name, setting.default) for name, setting in SETTINGS.items()}
    return {name: check(name, value) for name, value in settings.items()}


def check(name: str, value: str | None) -> str:
    """Return a value that is right.

    :param name: of the setting
    :param value: as it was given; None where it was not
    :raises ValueError: it is wrong or missing; a sentence for a person
    """
    setting = SETTINGS[name]
    if value is None:
        raise ValueError(f"{name} is missing: give {name}=…, {setting.meaning}.")
    # Whatever ends a line or the quotes could bring in settings of its own.
    if not value.isprintable() or "'" in value or value.endswith("\\"):
        raise ValueError(
            f"{name} has a character that a line of .env cannot hold: a line's end, a single quote, "
            "or a backslash at its end."
        )
    if name == "SECRETS_BACKEND_KWARGS":
        # Without the value, in which somebody may have written a key.
        if not _is_object(value):
            raise ValueError(f"{name} is wrong: it is {setting.meaning}.")
    elif not re.fullmatch(setting.pattern, value, re.ASCII):
        raise ValueError(f"{name}={value:.200} is wrong: it is {setting.meaning}.")
    return value


def _is_object(text: str) -> bool:
    try:
        return not text or isinstance(json.loads(text), dict)
    except ValueError:
        return False


def render(settings: Mapping[str, str]) -> str:
    """Return the file.

    :param settings: every setting, checked
    """
    values = {**settings, **{name: make() for name, make in SECRETS.items()}}
    if settings["EXECUTOR"] == "CeleryExecutor":
        # Compose itself reads it.
        values["COMPOSE_PROFILES"] = "celery"
    # Between single quotes, Compose takes everything as it is, $ too.
    # https://docs.docker.com/compose/how-tos/environment-variables/variable-interpolation/#env-file-syntax
    lines = [f"{name}='{value}'\n" for name, value in values.items()]
    return "# Secrets of this installation: keep them, and keep them private.\n" + "".join(lines)


def main(arguments: Sequence[str]) -> int:
    """Print the file, or a sentence why not; return the exit status."""
    try:
        text = render(read(arguments))
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    descriptor = sys.stdout.fileno()
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        # Whatever the umask was.
        os.fchmod(descriptor, 0o600)
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
