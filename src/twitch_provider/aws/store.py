# SPDX-License-Identifier: Apache-2.0
"""The lake's store on Amazon's ``S3Hook``."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import partial
from os import SEEK_END
from typing import TYPE_CHECKING, Any, BinaryIO

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from twitch_provider.aws.bucket import Bucket
from twitch_provider.aws.comparison import REMEDY, difference, sizes
from twitch_provider.aws.conditions import Conditions, quoted
from twitch_provider.aws.errors import BROKEN_OFF, explain
from twitch_provider.aws.identity import EXPIRED_AT_ONCE
from twitch_provider.aws.refusals import is_missing
from twitch_provider.compat import AirflowException
from twitch_provider.exceptions import (
    TwitchConfigError,
    TwitchDataError,
    TwitchError,
    TwitchStoreAccessError,
    TwitchStoreError,
)
from twitch_provider.lake.store import Entry, Stat, StoredObject

if TYPE_CHECKING:
    from airflow.providers.amazon.aws.hooks.s3 import S3Hook

log = logging.getLogger(__name__)

_CHUNK = 64 * 1024
#: How often a body is asked for that breaks off.
_READS = 3


class S3Store:
    """One bucket; a :class:`twitch_provider.lake.store.Store`.

    Nothing is resolved before the first call.

    :param bucket: its name, without ``s3://``
    :param aws_conn_id: Airflow's connection to AWS; None or empty: boto3's credential chain (an IAM role)
    :param extra_args: of every upload, by the names of ``S3Hook``'s ``extra_args``: encryption and the like
    :param limits: of the client, by the names of botocore's ``Config``: time-outs and retries
    :raises TwitchConfigError: (every method) the connection or the region is missing or wrong
    :raises TwitchStoreAccessError: (every method) credentials, permission or bucket are wrong
    :raises TwitchStoreUnavailableError: (every method) S3 is down or cannot be reached
    """

    def __init__(
        self,
        bucket: str,
        aws_conn_id: str | None,
        extra_args: Mapping[str, Any] | None = None,
        limits: Mapping[str, Any] | None = None,
    ) -> None:
        self.bucket = bucket
        self.aws_conn_id = aws_conn_id or None
        self._requests = Bucket(bucket, self.aws_conn_id, extra_args or {}, limits)
        self._conditions = Conditions(self.uri(""), self._etag)

    @property
    def hook(self) -> S3Hook:
        """The hook behind every method.

        :raises TwitchConfigError: the connection does not exist
        """
        return self._requests.hook

    def put(
        self, key: str, body: bytes, *, content_type: str, metadata: Mapping[str, str] | None = None
    ) -> None:
        """Write an object, replacing what was there, and compare what lies there with what was sent.

        :param key: without the bucket
        :param body: its bytes
        :param content_type: its media type
        :param metadata: further ASCII texts by lower-case names, kept beside the bytes
        """
        with self._explained(key):
            self._requests.write(key, body, content_type, metadata or {})
            self._compare(key, body)

    def create(self, key: str, body: bytes, *, content_type: str) -> bool:
        """Write an object on condition that the key is free, and compare it with what was sent.

        :param key: without the bucket
        :param body: its bytes
        :param content_type: its media type
        :returns: False if an object lies there. It may be this one: botocore sends again after a lost answer
        """
        with self._explained(key):
            write = partial(self._requests.write, key, body, content_type, {})
            written = self._conditions.send(key, None, write, "PutObject")
            if written is not None:
                self._compare(key, body)
            return written is not None

    def replace(
        self, key: str, body: bytes, *, content_type: str, metadata: Mapping[str, str], etag: str | None
    ) -> bool:
        """Write an object on condition that what lies there is what :meth:`stat` saw, and compare it.

        :param key: without the bucket
        :param body: its bytes
        :param content_type: its media type
        :param metadata: further ASCII texts by lower-case names, kept beside the bytes
        :param etag: of the object that was seen; None where the key was free
        :returns: False if another object, or none, lies there now; a lost answer may also end so
        """
        with self._explained(key):
            write = partial(self._requests.write, key, body, content_type, metadata)
            written = self._conditions.send(key, etag, write, "PutObject")
            if written is not None:
                self._compare(key, body, written.get("ETag"))
            return written is not None

    def put_file(self, key: str, file: BinaryIO, *, content_type: str) -> None:
        """Write an object from a file, replacing what was there, and compare its size if it may be read.

        The file stays open.

        A large file is uploaded in parts, and the key changes when the last one is there. The parts of a
        worker that is killed are invisible, and stay until a lifecycle rule of the bucket deletes them:
        https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpu-abort-incomplete-mpu-lifecycle-config.html
        """
        with self._explained(key):
            size = file.seek(0, SEEK_END)
            file.seek(0)
            self._requests.write_file(key, file, content_type)
            self._compare_size(key, size)

    def _etag(self, key: str) -> str | None:
        found = self.stat(key)
        return None if found is None else found.etag

    def _compare(self, key: str, body: bytes, written: str | None = None) -> None:
        """Compare what lies there with what was sent.

        :param written: the entity tag of what was written, where others replace it rightfully
        """
        found = self._requests.head(key) or {}
        differs = difference(found, body, lambda: self.get(key))
        if differs and written in (None, found.get("ETag")):
            raise self._damaged(key, differs, found, len(body))

    def _compare_size(self, key: str, size: int) -> None:
        """Compare the size of an object with that of a file, unless nobody may read what was written."""
        try:
            with self._explained(key):
                found = self._requests.head(key)
        except TwitchStoreAccessError:
            log.warning("%s was written; its size could not be compared: it may not be read.", self.uri(key))
            return
        if found is None:
            raise self._damaged(key, "is not there", {}, size)
        there = found.get("ContentLength", size)
        if there != size:
            raise self._damaged(key, sizes(there, size), found, size)

    def _damaged(self, key: str, how: str, found: Mapping[str, Any], sent: int) -> TwitchError:
        sentence = f"{self.uri(key)} {how}: if this store does not decode aws-chunked uploads, {REMEDY}."
        if found.get("ContentLength", 0) > sent:
            # The frames of the upload are in it, and would be again.
            return TwitchConfigError(sentence)
        return TwitchStoreError(sentence, key=self.uri(key))

    def get(self, key: str) -> bytes | None:
        """Return an object's bytes, None if there is no such key."""
        found = self.read(key)
        return None if found is None else found.body

    def read(self, key: str) -> StoredObject | None:
        """Return an object's bytes and tag, None if there is no such key."""

        def whole(found: dict[str, Any]) -> StoredObject:
            return StoredObject(bytes(found["Body"].read()), quoted(found.get("ETag", "")))

        return self._read(key, whole)

    def read_within(self, key: str, limit: int) -> StoredObject | None:
        """Return an object's bytes and tag, None if there is no such key, without reading a larger one.

        :param key: without the bucket
        :param limit: how many bytes it may have
        :raises TwitchDataError: it has more
        """

        def within(found: dict[str, Any]) -> StoredObject:
            body = bytearray()
            if found.get("ContentLength", 0) <= limit:
                # To its end, where botocore checks that all of it arrived.
                for chunk in found["Body"].iter_chunks(_CHUNK):
                    body += chunk
                    if len(body) > limit:
                        break
                else:
                    return StoredObject(bytes(body), found.get("ETag", ""))
            raise TwitchDataError(f"{self.uri(key)} is larger than {limit:,} bytes")

        return self._read(key, within)

    def _read(self, key: str, read: Callable[[dict[str, Any]], StoredObject]) -> StoredObject | None:
        """Open an object and read it, again where its body breaks off: botocore repeats requests only.

        A day is closed over hundreds of objects, and one of these bodies would end the whole try.
        """
        with self._explained(key):
            reads = _READS
            while (found := self._requests.open(key)) is not None:
                try:
                    with closing(found["Body"]):
                        return read(found)
                except BROKEN_OFF as error:
                    reads -= 1
                    if not reads:
                        raise
                    log.info("%s broke off (%s): reading it again.", self.uri(key), type(error).__name__)
            return None

    def exists(self, key: str) -> bool:
        """Whether there is such a key."""
        return self.stat(key) is not None

    def stat(self, key: str) -> Stat | None:
        """Return an object's tag and metadata, None if there is no such key."""
        # Not by HEAD: its refusals have no code to explain.
        with self._explained(key):
            found = self._requests.open(key)
            if found is None:
                return None
            found["Body"].close()
            # Some stores capitalize the names, as those of headers.
            metadata = {name.lower(): value for name, value in found["Metadata"].items()}
            return Stat(quoted(found.get("ETag", "")), metadata)

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects in this order; missing ones are fine."""
        # One by one: S3Hook's batch hides why S3 refused, and a run deletes a handful.
        for key in keys:
            self._delete(key)

    def _delete(self, key: str) -> None:
        with self._explained(key):
            try:
                self._requests.delete(key)
            except ClientError as error:
                if not is_missing(error):
                    raise

    def delete_unchanged(self, key: str, etag: str) -> bool:
        """Delete an object on condition that it is the one that was seen.

        :param key: without the bucket
        :param etag: of the object that was seen
        :returns: False if another object, or none, lies there now
        """
        # Many stores ignore the condition: look first, so that little time is left between.
        if self._etag(key) != etag:
            return False
        with self._explained(key):
            delete = partial(self._requests.delete, key)
            return self._conditions.send(key, etag, delete, "DeleteObject") is not None

    def folders(self, prefix: str) -> list[str]:
        """Return the common prefixes one level below (they end in ``/``), sorted."""
        with self._explained(prefix):
            pages = self._requests.pages(prefix, Delimiter="/")
            return sorted(each["Prefix"] for page in pages for each in page.get("CommonPrefixes", ()))

    def entries(self, prefix: str) -> Sequence[Entry]:
        """Return every object whose key begins with the prefix, sorted by key, with its size and tag."""
        with self._explained(prefix):
            return sorted(
                Entry(each["Key"], each["Size"], quoted(each.get("ETag", "")))
                for page in self._requests.pages(prefix)
                for each in page.get("Contents", ())
            )

    def list(self, prefix: str) -> list[str]:
        """Return every key that begins with the prefix, sorted."""
        return [each.key for each in self.entries(prefix)]

    def uri(self, key: str) -> str:
        """Return the object's address: ``s3://bucket/key``."""
        return f"s3://{self.bucket}/{key}"

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
        return explain(error, bucket=self.bucket, key=key, asker=self._requests.asker)
