# SPDX-License-Identifier: Apache-2.0
"""The requests of a store to one bucket. They raise botocore's errors; the store explains them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import Any, BinaryIO, cast

from boto3.s3.transfer import S3Transfer
from botocore.exceptions import ClientError

from twitch_provider.aws.comparison import digest_arguments, sends_checksums
from twitch_provider.aws.errors import DENIED, cannot_tell
from twitch_provider.aws.hook import LakeHook
from twitch_provider.aws.identity import Asker
from twitch_provider.aws.masking import code_of
from twitch_provider.aws.refusals import is_missing

#: Arguments of uploads that every other request needs, too: who pays, and whose bucket it has to be.
_OF_ALL = ("RequestPayer", "ExpectedBucketOwner")


class Bucket:
    """One bucket. Nothing is resolved before the first request.

    :param name: of the bucket, without ``s3://``
    :param aws_conn_id: Airflow's connection to AWS; None: boto3's credential chain
    :param extra_args: of every upload
    :param limits: of the client, by the names of botocore's ``Config``
    """

    def __init__(
        self,
        name: str,
        aws_conn_id: str | None,
        extra_args: Mapping[str, Any],
        limits: Mapping[str, Any] | None = None,
    ) -> None:
        self.name = name
        self.aws_conn_id = aws_conn_id
        self.extra_args = dict(extra_args)
        self._of_all = {name: self.extra_args[name] for name in _OF_ALL if name in self.extra_args}
        self._limits = limits
        self._hook: LakeHook | None = None

    @property
    def hook(self) -> LakeHook:
        """The hook behind every request.

        There is one hook, and so one client: making a client takes longer than using it.

        :raises TwitchConfigError: the connection does not exist
        """
        if self._hook is None:
            self._hook = LakeHook.connected(self.aws_conn_id, self._limits)
        self._hook.hide_credentials()
        return self._hook

    @property
    def asker(self) -> Asker:
        """Who asks whom, as far as it is known yet."""
        owner = self._of_all.get("ExpectedBucketOwner")
        if self._hook is None:
            return Asker(self.aws_conn_id, owner=owner)
        return Asker(self.aws_conn_id, self._hook.method, self._hook.partition, owner)

    @property
    def _client(self) -> Any:
        return self.hook.get_conn()

    def write(
        self, key: str, body: bytes, content_type: str, metadata: Mapping[str, str], **condition: str
    ) -> Mapping[str, Any]:
        """Write an object in one request, which S3Hook does not offer: only such a one takes a condition.

        :param key: of the object
        :param body: its bytes
        :param content_type: its media type
        :param metadata: kept beside the bytes
        :param condition: ``IfMatch`` or ``IfNoneMatch``
        """
        client = self._client
        arguments = {
            **digest_arguments(client.meta.config, body),
            **self.extra_args,
            "ContentType": content_type,
            "Metadata": metadata,
            **condition,
        }
        answer: Mapping[str, Any] = client.put_object(Bucket=self.name, Key=key, Body=body, **arguments)
        self.hook.report_writing(self.name, key)
        return answer

    def write_file(self, key: str, file: BinaryIO, content_type: str) -> None:
        """Write an object from a file: a large one in parts.

        :param key: of the object
        :param file: at its beginning
        :param content_type: its media type
        """
        # Not BucketKeyEnabled: boto3's transfers do not know it.
        known = {k: v for k, v in self.extra_args.items() if k in S3Transfer.ALLOWED_UPLOAD_ARGS}
        self.hook.arguments = {**known, "ContentType": content_type}
        self.hook.load_file_obj(cast(BytesIO, _Lent(file)), key=key, bucket_name=self.name, replace=True)

    def open(self, key: str) -> dict[str, Any] | None:
        """Return the answer to GetObject, None if there is no such key.

        :param key: of the object
        """
        try:
            found: dict[str, Any] = self._client.get_object(Bucket=self.name, Key=key, **self._of_all)
        except ClientError as error:
            self._require_missing(error, key)
            return None
        return found

    def head(self, key: str) -> dict[str, Any] | None:
        """Return size, entity tag and checksum of an object, None if there is no such key.

        :param key: of the object
        """
        client = self._client
        mode = {"ChecksumMode": "ENABLED"} if sends_checksums(client.meta.config) else {}
        try:
            found: dict[str, Any] | None = client.head_object(
                Bucket=self.name, Key=key, **mode, **self._of_all
            )
        except ClientError:
            # Its refusals have no code to explain: ask so that they have one.
            found = self.open(key)
            if found is not None:
                found["Body"].close()
        return found

    def _require_missing(self, error: ClientError, key: str) -> None:
        if not (is_missing(error) or (code_of(error) in DENIED and self._is_missing(key))):
            raise error

    def _is_missing(self, key: str) -> bool:
        """Whether a key that S3 denies us is just not there.

        S3 denies a missing key, too, if s3:ListBucket is granted for some prefixes only:
        https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
        """
        try:
            listed = self._client.list_objects_v2(Bucket=self.name, Prefix=key, MaxKeys=1, **self._of_all)
        except ClientError as error:
            if code_of(error) in DENIED:
                raise cannot_tell(error, bucket=self.name, key=key, asker=self.asker) from None
            raise
        return key not in (entry["Key"] for entry in listed.get("Contents", ()))

    def delete(self, key: str, **condition: str) -> Mapping[str, Any]:
        """Delete an object.

        :param key: of the object
        :param condition: ``IfMatch``
        """
        arguments = {**self._of_all, **condition}
        answer: Mapping[str, Any] = self._client.delete_object(Bucket=self.name, Key=key, **arguments)
        return answer

    def pages(self, prefix: str, **more: str) -> Iterator[Mapping[str, Any]]:
        """Return the pages of a list.

        :param prefix: of the keys
        :param more: arguments of ListObjectsV2
        """
        paginator = self._client.get_paginator("list_objects_v2")
        yield from paginator.paginate(Bucket=self.name, Prefix=prefix, **self._of_all, **more)


class _Lent:
    """A file that boto3 cannot close: it closes small ones after the upload."""

    def __init__(self, file: BinaryIO) -> None:
        self.read, self.seek, self.tell = file.read, file.seek, file.tell

    def close(self) -> None:
        pass
