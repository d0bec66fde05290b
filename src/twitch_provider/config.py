# SPDX-License-Identifier: Apache-2.0
"""Where a run reads and writes: arguments first, then Airflow's ``[twitch]`` section, then the defaults.

The options are declared in :mod:`twitch_provider.get_provider_info`. They are read inside tasks, never at
parse time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from twitch_provider.compat import Variable, conf
from twitch_provider.exceptions import TwitchConfigError
from twitch_provider.get_provider_info import get_provider_info

#: The names of S3's buckets, for Python and for the JSON schema of a param; empty means the option.
#: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
BUCKET_PATTERN = r"^(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$|^$"

#: A prefix of the lake, likewise. No segment may look like a partition, climb up, or need quotes.
PREFIX_PATTERN = r"^(?!(.*/)?\.{1,2}(/|$))[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*$|^$"

#: What the option ``s3_extra_args`` may hold: arguments of PutObject that the lake does not set itself. Not
#: a customer's key (``SSECustomerKey``): it is a secret, and reading would need it too.
#: https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
S3_EXTRA_ARGS = (
    "ACL",
    "BucketKeyEnabled",
    "CacheControl",
    "ChecksumAlgorithm",
    "ExpectedBucketOwner",
    "GrantFullControl",
    "GrantRead",
    "GrantReadACP",
    "GrantWriteACP",
    "RequestPayer",
    "SSEKMSEncryptionContext",
    "SSEKMSKeyId",
    "ServerSideEncryption",
    "StorageClass",
    "Tagging",
)

#: The Airflow Variable that overrides the option ``watch_list``.
WATCH_LIST_VARIABLE = "twitch_watch_list"
#: An entry of it. https://dev.twitch.tv/docs/api/reference/#get-users has the form of logins.
_WATCHED = re.compile(
    r"(site)|(game) *: *([^\x00-\x1f\x7f]{1,140})|(channel) *: *(\w{1,25})", re.ASCII | re.IGNORECASE
)
_MOST_WATCHED = 100


@dataclass(frozen=True)
class LakeConfig:
    """The lake of a run.

    :param bucket: of S3
    :param prefix: what all keys begin with
    :param aws_conn_id: the ``aws`` connection; empty for the instance's IAM role or the AWS environment
    :param s3_extra_args: arguments of each upload, such as ``{"ServerSideEncryption": "aws:kms"}``
    """

    bucket: str
    prefix: str
    aws_conn_id: str
    s3_extra_args: Mapping[str, str | bool] = field(default_factory=dict)

    @classmethod
    def resolve(
        cls,
        bucket: str | None = None,
        prefix: str | None = None,
        aws_conn_id: str | None = None,
    ) -> LakeConfig:
        """Resolve every option: the argument, else the ``[twitch]`` option, else its default.

        A template renders a param without a value as the text ``None``, and JSON has ``null``: both mean
        None here.

        :param bucket: None or empty text: not given
        :param prefix: likewise
        :param aws_conn_id: None: not given; empty text: the IAM role
        :raises TwitchConfigError: no bucket is set, its name or the prefix is invalid, or
            ``[twitch] s3_extra_args`` is
        """
        name = _given(bucket) or option("bucket")
        if not name:
            raise TwitchConfigError(
                "no bucket is set: use the DAG param `bucket`, or the option [twitch] bucket "
                "(AIRFLOW__TWITCH__BUCKET)"
            )
        if not re.fullmatch(BUCKET_PATTERN, name):
            raise TwitchConfigError(
                f"bucket must be 3 to 63 of a-z, 0-9, hyphens and single dots, begin and end with a letter "
                f"or a digit, and have no s3:// and no path, not {name!r:.80}"
            )
        path = _given(prefix) or option("prefix")
        if not re.fullmatch(PREFIX_PATTERN, path):
            raise TwitchConfigError(
                f"prefix must be segments of A-Z, a-z, 0-9, dots, underscores and hyphens, joined by single "
                f"slashes, none of them . or .., not {path!r:.80}"
            )
        return cls(
            bucket=name,
            prefix=path,
            # Empty has a meaning here: no connection, the IAM role.
            aws_conn_id=option("aws_conn_id") if _is_none(aws_conn_id) else _given(aws_conn_id),
            s3_extra_args=s3_extra_args(),
        )


def _given(value: Any) -> str:
    return "" if _is_none(value) else str(value).strip()


def _is_none(value: Any) -> bool:
    return value is None or str(value).strip() in {"None", "null"}


def option(name: str) -> str:
    """Read one option of the ``[twitch]`` section.

    :param name: for example ``bucket``
    """
    default = get_provider_info()["config"]["twitch"]["options"][name]["default"]
    return str(conf.get("twitch", name, fallback=default))


def option_is_true(name: str) -> bool:
    """Read an option of the ``[twitch]`` section that is true or false.

    :param name: for example ``escape_formulas``
    :raises TwitchConfigError: it is neither
    """
    text = option(name).strip().lower()
    if text not in {"true", "false"}:
        raise TwitchConfigError(
            f"[twitch] {name} (AIRFLOW__TWITCH__{name.upper()}) must be true or false, not {text!r:.60}"
        )
    return text == "true"


def s3_extra_args() -> dict[str, str | bool]:
    """Read the option ``[twitch] s3_extra_args``: arguments of each upload, by boto3's names.

    Some buckets refuse what is uploaded without an encryption header, for example.

    :raises TwitchConfigError: it is not a JSON object, or an argument is not one of :data:`S3_EXTRA_ARGS`
    """
    text = option("s3_extra_args").strip()
    where = "[twitch] s3_extra_args (AIRFLOW__TWITCH__S3_EXTRA_ARGS)"
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise TwitchConfigError(
            f'{where} must be a JSON object such as {{"ServerSideEncryption": "AES256"}}, not {text!r:.60}'
        )
    for name, value in found.items():
        if name not in S3_EXTRA_ARGS:
            raise TwitchConfigError(
                f"{where} does not support {name!r:.60}: use only {', '.join(S3_EXTRA_ARGS)}"
            )
        kind, called = (bool, "true or false") if name == "BucketKeyEnabled" else (str, "text")
        if not isinstance(value, kind):
            raise TwitchConfigError(f"{where}: {name} must be {called}, not {value!r:.60}")
    return found


def watch_list() -> list[str]:
    """Read what is watched: the Airflow Variable ``twitch_watch_list``, else the option ``watch_list``.

    A Variable that exists counts, also an empty one.

    :returns: ``site``, ``game:{id or name}`` and ``channel:{login}``, each once, in the order of the list
    :raises TwitchConfigError: an entry has another form, or there are more than 100
    """
    where, text = f"The Airflow Variable {WATCH_LIST_VARIABLE}", _variable(WATCH_LIST_VARIABLE)
    if text is None:
        where, text = "[twitch] watch_list (AIRFLOW__TWITCH__WATCH_LIST)", option("watch_list")
    entries = _entries(text)
    found = {each.casefold(): each for each in map(_watched, entries) if each}
    for entry in entries:
        if not _watched(entry):
            raise TwitchConfigError(
                f"{where} must be separated by commas or be a JSON list, and consist of site, game:ID, "
                f"game:NAME and channel:LOGIN, not {entry!r:.60}."
            )
    if len(found) > _MOST_WATCHED:
        raise TwitchConfigError(f"{where} must have at most {_MOST_WATCHED} entries, not {len(found)}.")
    return list(found.values())


def _variable(name: str) -> str | None:
    """The text of an Airflow Variable; None if it does not exist."""
    try:
        found: str | None = Variable.get(name, default=None)
    except TypeError:  # Airflow 2
        found = Variable.get(name, default_var=None)  # type: ignore[call-arg]
    return found


def _entries(text: str) -> list[Any]:
    """The entries of a list, of whatever kind; of text that is not valid JSON itself."""
    if not text.strip().startswith("["):
        return [each for each in text.split(",") if each.strip()]
    try:
        found: list[Any] = json.loads(text)
    except (ValueError, RecursionError):
        return [text]
    return found


def _watched(entry: Any) -> str:
    """An entry in its own form; empty if it has none."""
    match = _WATCHED.fullmatch(entry.strip()) if isinstance(entry, str) else None
    if match is None:
        return ""
    site, _, game, _, login = match.groups()
    return "site" if site else f"game:{game.strip()}" if game else f"channel:{login.lower()}"
