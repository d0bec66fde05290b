# SPDX-License-Identifier: Apache-2.0
"""Where a run reads and writes: arguments first, then Airflow's ``[twitch]`` section, then the defaults.

The options are declared in :mod:`twitch_provider.get_provider_info`. They are read inside tasks, never at
parse time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from twitch_provider.compat import conf
from twitch_provider.exceptions import TwitchConfigError
from twitch_provider.get_provider_info import get_provider_info


@dataclass(frozen=True)
class LakeConfig:
    """The lake of a run.

    :param bucket: of S3
    :param prefix: what all keys begin with
    :param aws_conn_id: the ``aws`` connection; empty for the instance's IAM role or the AWS environment
    """

    bucket: str
    prefix: str
    aws_conn_id: str

    @classmethod
    def resolve(
        cls,
        bucket: str | None = None,
        prefix: str | None = None,
        aws_conn_id: str | None = None,
    ) -> LakeConfig:
        """Resolve every option: the argument, else the ``[twitch]`` option, else its default.

        A template renders a param without a value as the text ``None``, which therefore means None here.

        :param bucket: None or empty text: not given
        :param prefix: likewise
        :param aws_conn_id: None: not given; empty text: the IAM role
        :raises TwitchConfigError: no bucket is set, or its name is invalid
        """
        name = _given(bucket) or option("bucket")
        if not name:
            raise TwitchConfigError(
                "no bucket is set: use the DAG param `bucket`, or the option [twitch] bucket "
                "(AIRFLOW__TWITCH__BUCKET)"
            )
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
        if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", name):
            raise TwitchConfigError(
                f"bucket {name!r:.80} is not a valid name of an S3 bucket: "
                f"set it without s3:// and without a path"
            )
        return cls(
            bucket=name,
            prefix=_given(prefix) or option("prefix"),
            # Empty has a meaning here: no connection, the IAM role.
            aws_conn_id=option("aws_conn_id") if aws_conn_id in {None, "None"} else _given(aws_conn_id),
        )


def _given(value: Any) -> str:
    # A template renders a param without a value as the text None.
    return "" if value in {None, "None"} else str(value).strip()


def option(name: str) -> str:
    """Read one option of the ``[twitch]`` section.

    :param name: for example ``bucket``
    """
    default = get_provider_info()["config"]["twitch"]["options"][name]["default"]
    return str(conf.get("twitch", name, fallback=default))
