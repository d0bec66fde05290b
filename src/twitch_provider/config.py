# SPDX-License-Identifier: Apache-2.0
"""Where a run reads and writes: arguments first, then Airflow's ``[twitch]`` section, then the defaults.

The options are declared in :mod:`twitch_provider.get_provider_info`. They are read inside tasks, never at
parse time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import conf

from twitch_provider.exceptions import TwitchConfigError
from twitch_provider.get_provider_info import get_provider_info

if TYPE_CHECKING:
    from twitch_provider.lake.store import Store


@dataclass(frozen=True)
class LakeConfig:
    """The lake of a run.

    :param bucket: of S3
    :param prefix: what all keys begin with
    :param twitch_conn_id: the ``twitch`` connection
    :param aws_conn_id: the ``aws`` connection; empty for the instance's IAM role or the AWS environment
    """

    bucket: str
    prefix: str
    twitch_conn_id: str
    aws_conn_id: str

    @classmethod
    def resolve(cls, arguments: Mapping[str, Any] | None = None) -> LakeConfig:
        """Resolve every option.

        :param arguments: DAG params or operator arguments by option name; None stands for "not given", and so
            does an empty text but for ``aws_conn_id``
        :raises TwitchConfigError: there is no bucket, or its name is none
        """
        given = arguments or {}
        options = {
            name: str(given.get(name) or "").strip() or option(name)
            for name in ("bucket", "prefix", "twitch_conn_id")
        }
        # Empty has a meaning here: none, the IAM role.
        aws_conn_id = given.get("aws_conn_id")
        options["aws_conn_id"] = (option("aws_conn_id") if aws_conn_id is None else str(aws_conn_id)).strip()
        bucket = options["bucket"]
        if not bucket:
            raise TwitchConfigError(
                "no bucket: give the DAG param `bucket`, or set [twitch] bucket (AIRFLOW__TWITCH__BUCKET)"
            )
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
        if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", bucket):
            raise TwitchConfigError(
                f"bucket {bucket!r:.80} is no name of an S3 bucket: give it without s3:// and without a path"
            )
        return cls(**options)

    def store(self) -> Store:
        """Open the bucket."""
        from twitch_provider.aws.store import S3Store

        return S3Store(self.bucket, self.aws_conn_id or None)


def option(name: str) -> str:
    """Read one option of the ``[twitch]`` section.

    :param name: for example ``bucket``
    """
    default = get_provider_info()["config"]["twitch"]["options"][name]["default"]
    return str(conf.get("twitch", name, fallback=default))
