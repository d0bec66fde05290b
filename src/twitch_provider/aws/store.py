# SPDX-License-Identifier: Apache-2.0
"""The lake's store on Amazon's ``S3Hook``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from typing import Any, BinaryIO, cast

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from twitch_provider.aws.errors import DENIED, cannot_tell, explain
from twitch_provider.aws.identity import EXPIRED_AT_ONCE, holder
from twitch_provider.aws.quiet import keep_boto_quiet, keep_masks_quiet
from twitch_provider.compat import AirflowException, AirflowNotFoundException, mask_secret
from twitch_provider.exceptions import TwitchConfigError, TwitchError, TwitchStoreError


class S3Store:
    """One bucket; a :class:`twitch_provider.lake.store.Store`.

    Nothing is resolved before the first call.

    :param bucket: its name, without ``s3://``
    :param aws_conn_id: Airflow's connection to AWS; None or empty: boto3's credential chain (an IAM role)
    :raises TwitchConfigError: (every method) the connection or the region is missing or wrong
    :raises TwitchStoreAccessError: (every method) credentials, permission or bucket are wrong
    :raises TwitchStoreUnavailableError: (every method) S3 is down or cannot be reached
    """

    def __init__(self, bucket: str, aws_conn_id: str | None) -> None:
        self.bucket = bucket
        self.aws_conn_id = aws_conn_id or None
        self._hook: _Hook | None = None

    @property
    def hook(self) -> S3Hook:
        """The hook behind every method.

        :raises TwitchConfigError: the connection does not exist
        """
        return self._sending()

    def put(
        self, key: str, body: bytes, *, content_type: str, metadata: Mapping[str, str] | None = None
    ) -> None:
        """Write an object, replacing what was there, and look whether all of it arrived.

        :param key: without the bucket
        :param body: its bytes
        :param content_type: its media type
        :param metadata: further ASCII texts by lower-case names, kept beside the bytes
        """
        with self._explained(key):
            hook = self._sending(ContentType=content_type, Metadata=metadata or {})
            hook.load_bytes(body, key=key, bucket_name=self.bucket, replace=True)
            self._check_size(key, len(body))

    def put_file(self, key: str, file: BinaryIO, *, content_type: str) -> None:
        """Write an object from a file, replacing what was there. The file stays open.

        A large file is uploaded in parts, and the key changes when the last one is there. The parts of a
        worker that is killed are invisible, and stay until a lifecycle rule of the bucket deletes them:
        https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpu-abort-incomplete-mpu-lifecycle-config.html
        """
        with self._explained(key):
            file.seek(0)
            hook = self._sending(ContentType=content_type)
            hook.load_file_obj(cast(BytesIO, _Lent(file)), key=key, bucket_name=self.bucket, replace=True)

    def _check_size(self, key: str, sent: int) -> None:
        """Compare the size of a new object with what was sent.

        Some stores that are not Amazon's keep the frames of aws-chunked uploads inside the object, which
        nobody can read then: https://docs.aws.amazon.com/sdkref/latest/guide/feature-dataintegrity.html

        :raises TwitchStoreError: they differ
        """
        try:
            found = self.hook.get_conn().get_object(Bucket=self.bucket, Key=key, Range="bytes=0-0")
            found["Body"].close()
            # A store that ignores the range returns all of it.
            size = int(found.get("ContentRange", "").rpartition("/")[2] or found["ContentLength"])
        except ClientError as error:
            if error.response["Error"]["Code"] != "InvalidRange":
                raise
            size = 0
        if size != sent:
            raise TwitchStoreError(
                f"{self.uri(key)} has {size:,} bytes, and {sent:,} were sent: if this store does not decode "
                "aws-chunked uploads, set AWS_REQUEST_CHECKSUM_CALCULATION=when_required, or "
                "request_checksum_calculation in config_kwargs of the connection's extra.",
                key=self.uri(key),
            )

    def get(self, key: str) -> bytes | None:
        """Return an object's bytes, None if there is no such key."""
        with self._explained(key):
            found = self._open(key)
            return None if found is None else bytes(found["Body"].read())

    def exists(self, key: str) -> bool:
        """Whether there is such a key."""
        return self.metadata(key) is not None

    def metadata(self, key: str) -> Mapping[str, str] | None:
        """Return the metadata that :meth:`put` wrote with an object, None if there is no such key."""
        # Not by HEAD: its refusals have no code to explain.
        with self._explained(key):
            found = self._open(key)
            if found is None:
                return None
            found["Body"].close()
            return dict(found["Metadata"])

    def _open(self, key: str) -> Any:
        try:
            return self.hook.get_conn().get_object(Bucket=self.bucket, Key=key)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "NoSuchKey" or (code in DENIED and self._is_missing(key)):
                return None
            raise

    def _is_missing(self, key: str) -> bool:
        """Whether a key that S3 denies us is just not there.

        S3 denies a missing key, too, if s3:ListBucket is granted for some prefixes only:
        https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
        """
        try:
            listed = self.hook.get_conn().list_objects_v2(Bucket=self.bucket, Prefix=key, MaxKeys=1)
        except ClientError as error:
            if error.response["Error"]["Code"] in DENIED:
                raise cannot_tell(bucket=self.bucket, key=key, aws_conn_id=self.aws_conn_id) from None
            raise
        return key not in (entry["Key"] for entry in listed.get("Contents", ()))

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects in this order; missing ones are fine."""
        # One by one: S3Hook's batch hides why S3 refused, and a run deletes a handful.
        for key in keys:
            with self._explained(key):
                self.hook.get_conn().delete_object(Bucket=self.bucket, Key=key)

    def folders(self, prefix: str) -> list[str]:
        """Return the common prefixes one level below (they end in ``/``), sorted."""
        with self._explained(prefix):
            return sorted(self.hook.list_prefixes(bucket_name=self.bucket, prefix=prefix, delimiter="/"))

    def list(self, prefix: str) -> list[str]:
        """Return every key that begins with the prefix, sorted."""
        with self._explained(prefix):
            return sorted(self.hook.list_keys(bucket_name=self.bucket, prefix=prefix))

    def uri(self, key: str) -> str:
        """Return the object's address: ``s3://bucket/key``."""
        return f"s3://{self.bucket}/{key}"

    def _sending(self, **arguments: Any) -> S3Hook:
        """Return the hook, which adds these arguments to what it uploads.

        There is one hook, and so one client: making a client takes longer than using it.
        """
        if self._hook is None:
            keep_boto_quiet()
            keep_masks_quiet()
            if self.aws_conn_id:
                self._check_connection(self.aws_conn_id)
            self._hook = _Hook(aws_conn_id=self.aws_conn_id)
        self._hook.arguments = arguments
        self._hook.hide_credentials()
        return self._hook

    @staticmethod
    def _check_connection(aws_conn_id: str) -> None:
        # S3Hook would only log a warning and use whatever credentials the worker has.
        try:
            S3Hook.get_connection(aws_conn_id)
        except AirflowNotFoundException:
            raise TwitchConfigError(
                f"Connection {aws_conn_id!r} does not exist: create it, "
                f"or leave aws_conn_id empty to use {holder()}."
            ) from None

    @contextmanager
    def _explained(self, key: str) -> Iterator[None]:
        try:
            yield
        except TwitchError:
            raise
        except (ClientError, BotoCoreError, ResponseParserError, AirflowException, ValueError) as error:
            # `from None`: a cause may carry an access key, and Airflow prints causes.
            raise self._explain(error, key) from None
        except RuntimeError as error:
            # RecursionError: a redirect does not name its region, and botocore follows it endlessly.
            if not (isinstance(error, RecursionError) or EXPIRED_AT_ONCE in str(error)):
                raise
            raise self._explain(error, key) from None

    def _explain(self, error: Exception, key: str) -> TwitchError:
        return explain(error, bucket=self.bucket, key=key, aws_conn_id=self.aws_conn_id)


class _Hook(S3Hook):
    """``S3Hook`` with upload arguments for each call, and a role's credentials masked in the logs."""

    arguments: Mapping[str, Any] = {}
    _credentials: Any = None
    _hidden: Any = None

    @property
    def extra_args(self) -> dict[str, Any]:
        # S3Hook's own are those of its constructor, and a hook has one client.
        return {**super().extra_args, **self.arguments}

    def get_session(self, *args: Any, **kwargs: Any) -> Any:
        session = super().get_session(*args, **kwargs)
        self._credentials = session.get_credentials()
        return session

    def hide_credentials(self) -> None:
        """Mask them in the logs: at DEBUG, botocore writes the session token of every request.

        Called before every request, as a role's credentials are renewed while it runs.
        """
        self.get_conn()
        frozen = self._credentials.get_frozen_credentials() if self._credentials else None
        if frozen is not None and frozen != self._hidden:
            for secret in filter(None, (frozen.secret_key, frozen.token)):
                mask_secret(secret)
            self._hidden = frozen


class _Lent:
    """A file that boto3 cannot close: it closes small ones after the upload."""

    def __init__(self, file: BinaryIO) -> None:
        self.read, self.seek, self.tell = file.read, file.seek, file.tell

    def close(self) -> None:
        pass
