# SPDX-License-Identifier: Apache-2.0
"""The lake's store on Amazon's ``S3Hook``, and S3's many refusals as a few sentences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import BinaryIO, cast

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.providers.common.compat.sdk import AirflowException, AirflowNotFoundException
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from twitch_provider.exceptions import TwitchConfigError, TwitchError
from twitch_provider.hooks.s3_errors import explain


class S3Store:
    """One bucket; a :class:`twitch_provider.lake.store.Store`.

    Nothing is resolved before the first call.

    :param bucket: its name, without ``s3://``
    :param aws_conn_id: Airflow's connection to AWS; None or empty: boto3's own chain, such as an IAM role
    :raises TwitchConfigError: (every method) the connection or the region is missing or wrong
    :raises TwitchStoreAccessError: (every method) credentials, permission or bucket are wrong
    :raises TwitchStoreUnavailableError: (every method) S3 is down or out of reach
    """

    def __init__(self, bucket: str, aws_conn_id: str | None) -> None:
        self.bucket = bucket
        self.aws_conn_id = aws_conn_id or None
        self._hooks: dict[str | None, S3Hook] = {}

    @property
    def hook(self) -> S3Hook:
        """The hook that reads, lists and deletes.

        :raises TwitchConfigError: the connection does not exist
        """
        return self._hook(content_type=None)

    def put(self, key: str, body: bytes, *, content_type: str) -> None:
        """Write an object, replacing what was there.

        :param key: without the bucket
        :param body: its bytes
        :param content_type: its media type
        :raises TwitchConfigError: the connection or the region is missing or wrong
        :raises TwitchStoreError: S3 refuses, or is out of reach
        """
        with self._explained(key):
            hook = self._hook(content_type=content_type)
            hook.load_bytes(body, key=key, bucket_name=self.bucket, replace=True)

    def put_file(self, key: str, file: BinaryIO, *, content_type: str) -> None:
        """Write an object from a file, replacing what was there. The file stays open.

        A large one goes up in parts. Until all are there, and so if one fails, the key is as it was. Those of
        a worker that is killed stay out of sight until a lifecycle rule of the bucket deletes them:
        https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpu-abort-incomplete-mpu-lifecycle-config.html

        :param key: without the bucket
        :param file: read from its beginning
        :param content_type: its media type
        :raises TwitchConfigError: the connection or the region is missing or wrong
        :raises TwitchStoreError: S3 refuses, or is out of reach
        """
        with self._explained(key):
            file.seek(0)
            hook = self._hook(content_type=content_type)
            hook.load_file_obj(cast(BytesIO, _Lent(file)), key=key, bucket_name=self.bucket, replace=True)

    def get(self, key: str) -> bytes | None:
        """Return an object's bytes, None where there is no such key.

        :param key: without the bucket
        :raises TwitchConfigError: the connection or the region is missing or wrong
        :raises TwitchStoreError: S3 refuses, or is out of reach
        """
        with self._explained(key):
            try:
                answer = self.hook.get_conn().get_object(Bucket=self.bucket, Key=key)
            except ClientError as error:
                if error.response["Error"]["Code"] == "NoSuchKey":
                    return None
                raise
            body: bytes = answer["Body"].read()
            return body

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects in this order; missing ones are fine.

        :param keys: without the bucket
        :raises TwitchConfigError: the connection or the region is missing or wrong
        :raises TwitchStoreError: S3 refuses, or is out of reach
        """
        # One by one: S3Hook's batch hides why S3 refused, and a run deletes a handful.
        for key in keys:
            with self._explained(key):
                self.hook.get_conn().delete_object(Bucket=self.bucket, Key=key)

    def folders(self, prefix: str) -> list[str]:
        """Return the common prefixes one level below (they end in ``/``), sorted.

        :param prefix: of keys
        :raises TwitchConfigError: the connection or the region is missing or wrong
        :raises TwitchStoreError: S3 refuses, or is out of reach
        """
        with self._explained(prefix):
            return sorted(self.hook.list_prefixes(bucket_name=self.bucket, prefix=prefix, delimiter="/"))

    def list(self, prefix: str) -> list[str]:
        """Return every key that begins with the prefix, sorted.

        :param prefix: of keys
        :raises TwitchConfigError: the connection or the region is missing or wrong
        :raises TwitchStoreError: S3 refuses, or is out of reach
        """
        with self._explained(prefix):
            return sorted(self.hook.list_keys(bucket_name=self.bucket, prefix=prefix))

    def uri(self, key: str) -> str:
        """Return the object's address: ``s3://bucket/key``.

        :param key: without the bucket
        """
        return f"s3://{self.bucket}/{key}"

    def _hook(self, *, content_type: str | None) -> S3Hook:
        """Keep one hook for each content type: that is a matter of its constructor."""
        if content_type not in self._hooks:
            if self.aws_conn_id:
                self._check_connection(self.aws_conn_id)
            extra_args = {"ContentType": content_type} if content_type else {}
            self._hooks[content_type] = S3Hook(aws_conn_id=self.aws_conn_id, extra_args=extra_args)
        return self._hooks[content_type]

    @staticmethod
    def _check_connection(aws_conn_id: str) -> None:
        # S3Hook would only warn and go on with whatever credentials the machine has.
        try:
            S3Hook.get_connection(aws_conn_id)
        except AirflowNotFoundException:
            raise TwitchConfigError(
                f"Connection {aws_conn_id!r} does not exist: create it, "
                "or give no aws_conn_id to use the machine's IAM role."
            ) from None

    @contextmanager
    def _explained(self, key: str) -> Iterator[None]:
        # `from None`: a cause may carry an access key, and Airflow prints causes.
        try:
            yield
        except TwitchError:
            raise
        except (ClientError, BotoCoreError, ResponseParserError, AirflowException, ValueError) as error:
            raise explain(error, bucket=self.bucket, key=key, aws_conn_id=self.aws_conn_id) from None


class _Lent:
    """A file that nobody else can close: boto3 closes small ones when it has sent them."""

    def __init__(self, file: BinaryIO) -> None:
        self.read, self.seek, self.tell = file.read, file.seek, file.tell

    def close(self) -> None:
        pass
