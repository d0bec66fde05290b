# SPDX-License-Identifier: Apache-2.0
"""One object on S3 that is about to be written, with S3's refusals as sentences of ours."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, BinaryIO

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.providers.common.compat.sdk import AirflowException

from twitch_provider.aws.store import S3Store
from twitch_provider.exceptions import TwitchParameterError


@dataclass(frozen=True)
class S3Object:
    """A place for an object.

    Nothing is resolved before the first call.

    :param bucket: its name
    :param key: below it, without a leading ``s3://``
    :param aws_conn_id: Airflow's connection to AWS; None: boto3's own chain, such as an IAM role
    :raises TwitchConfigError: (every method) the connection or the region is missing or wrong
    :raises TwitchStoreAccessError: (every method) credentials, permission or bucket are wrong
    :raises TwitchStoreUnavailableError: (every method) S3 is down or out of reach
    """

    bucket: str
    key: str
    aws_conn_id: str | None

    @classmethod
    def at(cls, s3_bucket: Any, s3_key: Any, aws_conn_id: str | None) -> S3Object:
        """Find the place that an operator's arguments mean.

        :param s3_bucket: None where the key says it all
        :param s3_key: a key, or a whole address like ``s3://bucket/key``
        :param aws_conn_id: see above
        :raises TwitchParameterError: they name no object, or two buckets
        """
        try:
            bucket, key = S3Hook.get_s3_bucket_key(s3_bucket, str(s3_key or ""), "s3_bucket", "s3_key")
        except (AirflowException, TypeError, ValueError):
            bucket = key = ""
        if not bucket or not key:
            raise TwitchParameterError(
                f"s3_key wants a key in s3_bucket, or s3://bucket/key without s3_bucket, not {s3_key!r:.120} "
                f"with {s3_bucket!r:.60}",
                parameter="s3_key",
            )
        return cls(bucket, key, aws_conn_id)

    @property
    def uri(self) -> str:
        """The address: ``s3://bucket/key``."""
        return f"s3://{self.bucket}/{self.key}"

    def require_absent(self) -> None:
        """Make sure that there is none.

        :raises TwitchParameterError: there is one
        """
        if not self._store.exists(self.key):
            return
        raise TwitchParameterError(
            f"{self.uri} is there already; give another s3_key, or replace=True", parameter="replace"
        )

    def write(self, file: BinaryIO, *, content_type: str) -> None:
        """Write the object, replacing what was there. The file stays open.

        :param file: read from its beginning
        :param content_type: its media type
        """
        self._store.put_file(self.key, file, content_type=content_type)

    @functools.cached_property
    def _store(self) -> S3Store:
        return S3Store(self.bucket, self.aws_conn_id)
