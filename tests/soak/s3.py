# SPDX-License-Identifier: Apache-2.0
"""An S3 below botocore: the real client signs, sends and retries, and no socket is opened.

Bodies lie on the disk, so that the memory of the process is that of the code under test. Every change of what
a manifest lists is compared with what the manifest says, at the moment of the change.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import urllib.parse
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any, NamedTuple
from xml.sax.saxutils import escape

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError, ReadTimeoutError
from tests.soak.kernel import Kernel, sleep, worker

BUCKET = "soak-lake"
#: Seconds that an answer takes.
LATENCY = 0.03
#: A request that was signed with a clock that is further off is refused.
#: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
SKEW = timedelta(minutes=15)

_READ_TIMEOUT = 60.0
_MOST_KEYS = 1000


class Refusal(NamedTuple):
    """How S3 fails.

    :param kind: one of :data:`REFUSALS`
    """

    kind: str


#: Ways in which a request fails. The client sends most of them again.
REFUSALS = ("slow down", "internal error", "no connection", "lost answer", "half a body", "conflict")
#: How all of them fail while S3 is away.
AWAY = ("slow down", "internal error", "no connection", "denied")

_CODES = {
    "slow down": (503, "SlowDown"),
    "internal error": (500, "InternalError"),
    "denied": (403, "AccessDenied"),
    "conflict": (409, "ConditionalRequestConflict"),
}


@dataclass(frozen=True)
class Stored:
    """What lies under a key."""

    path: Path
    size: int
    sha256: str
    etag: str
    metadata: Mapping[str, str]
    written_at: datetime

    @property
    def body(self) -> bytes:
        return self.path.read_bytes()


@dataclass
class Bucket:
    """The one bucket.

    :param folder: for bodies
    :param kernel: the time
    :param refuse: says how the next request fails; empty where it does not
    """

    folder: Path
    kernel: Kernel
    refuse: Callable[[str], str] = lambda _operation: ""
    objects: dict[str, Stored] = field(default_factory=dict)
    requests: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    #: What a manifest said that was not so, at the moment of a change.
    lies: list[str] = field(default_factory=list)
    _keys: list[str] = field(default_factory=list)
    _listed: dict[str, set[str]] = field(default_factory=dict)
    _number: int = 0

    def send(self, request: Any) -> AWSResponse:
        """Answer a prepared request: stands in for botocore's HTTP session."""
        here = worker()
        if here is not None:
            here.about_to_send()
        sleep(LATENCY / 2)
        operation, answer = self._decide(request)
        self.requests[operation] += 1
        sleep(LATENCY / 2)
        return answer()

    def _decide(self, request: Any) -> tuple[str, Callable[[], AWSResponse]]:
        url = urllib.parse.urlsplit(request.url)
        query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        key = urllib.parse.unquote(url.path.removeprefix("/"))
        if not (url.hostname or "").startswith(f"{BUCKET}."):
            raise AssertionError(f"a request left the simulation: {url.hostname}")
        headers = {
            name.lower(): value.decode() if isinstance(value, bytes) else str(value)
            for name, value in request.headers.items()
        }
        operation = "LIST" if request.method == "GET" and not key else request.method
        how = self.refuse(operation) or self._skewed(headers)
        conditional = "if-match" in headers or "if-none-match" in headers
        if how in {"conflict", "half a body"} and not (
            conditional if how == "conflict" else operation == "GET"
        ):
            how = ""
        if how:
            self.refused[how] += 1
        if how == "no connection":
            sleep(1)
            raise EndpointConnectionError(endpoint_url=f"https://{url.hostname}/")
        if how == "skewed":
            return operation, lambda: self._error(request, 403, "RequestTimeTooSkewed")
        if how in _CODES:
            status, code = _CODES[how]
            return operation, lambda: self._error(request, status, code)
        if operation == "LIST":
            made = self._list(request, query)
        else:
            made = getattr(self, f"_{request.method.lower()}")(
                request, key, headers, half=how == "half a body"
            )
        if how == "lost answer":
            sleep(_READ_TIMEOUT)
            error = ConnectionClosedError if self._number % 2 else ReadTimeoutError
            raise error(endpoint_url=f"https://{url.hostname}/")
        return operation, lambda: made

    def _skewed(self, headers: Mapping[str, str]) -> str:
        signed = datetime.strptime(headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        return "skewed" if abs(signed - self.kernel.world) > SKEW else ""

    # --- operations ----------------------------------------------------------------------------------------

    def _put(self, request: Any, key: str, headers: Mapping[str, str], half: bool) -> AWSResponse:
        if (unmet := self._unmet(key, headers)) is not None:
            return self._error(request, *unmet)
        body = _body(request.body, headers)
        metadata = {
            name.removeprefix("x-amz-meta-"): value
            for name, value in headers.items()
            if name.startswith("x-amz-meta-")
        }
        self._number += 1
        path = self.folder / str(self._number)
        path.write_bytes(body)
        stored = Stored(
            path,
            len(body),
            hashlib.sha256(body).hexdigest(),
            f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"',
            metadata,
            self.kernel.world,
        )
        before = self.objects.get(key)
        self.objects[key] = stored
        if before is None:
            insort(self._keys, key)
        else:
            before.path.unlink()
        self._watch(key)
        return _answer(request, 200, {"ETag": stored.etag})

    def _get(self, request: Any, key: str, headers: Mapping[str, str], half: bool) -> AWSResponse:
        stored = self.objects.get(key)
        if stored is None:
            return self._error(request, 404, "NoSuchKey")
        body = b"" if request.method == "HEAD" else stored.body
        sent = body[: len(body) // 2] if half else body
        return _answer(request, 200, _headers_of(stored, headers), sent)

    _head = _get

    def _delete(self, request: Any, key: str, headers: Mapping[str, str], half: bool) -> AWSResponse:
        if (unmet := self._unmet(key, headers)) is not None:
            return self._error(request, *unmet)
        stored = self.objects.pop(key, None)
        if stored is not None:
            self._keys.remove(key)
            stored.path.unlink()
            self._watch(key)
        return _answer(request, 204, {})

    def _unmet(self, key: str, headers: Mapping[str, str]) -> tuple[int, str] | None:
        there = self.objects.get(key)
        if headers.get("if-none-match") == "*" and there is not None:
            return 412, "PreconditionFailed"
        if (tag := headers.get("if-match")) is not None:
            if there is None:
                return 404, "NoSuchKey"
            if there.etag != tag:
                return 412, "PreconditionFailed"
        return None

    def _list(self, request: Any, query: Mapping[str, str]) -> AWSResponse:
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        after = query.get("continuation-token", "")
        most = int(query.get("max-keys", _MOST_KEYS))
        contents: list[str] = []
        folders: list[str] = []
        last, token = "", ""
        for key in self._below(prefix, after):
            folder = ""
            if delimiter and delimiter in key[len(prefix) :]:
                folder = prefix + key[len(prefix) :].split(delimiter)[0] + delimiter
                if folder in folders or folder == after:
                    continue
            if len(contents) + len(folders) == most:
                token = last
                break
            (folders if folder else contents).append(folder or key)
            last = folder or key
        return _answer(
            request, 200, {"Content-Type": "application/xml"}, self._page(contents, folders, token)
        )

    def _below(self, prefix: str, after: str) -> Iterator[str]:
        for key in self._keys[bisect_left(self._keys, max(prefix, after)) :]:
            if not key.startswith(prefix):
                return
            if key != after and not (after.endswith("/") and key.startswith(after)):
                yield key

    def _page(self, contents: list[str], folders: list[str], token: str) -> bytes:
        rows = [
            f"<Contents><Key>{_quoted(key)}</Key><Size>{self.objects[key].size}</Size>"
            f"<ETag>{escape(self.objects[key].etag)}</ETag>"
            f"<LastModified>{self.objects[key].written_at:%Y-%m-%dT%H:%M:%S.000Z}</LastModified></Contents>"
            for key in contents
        ]
        rows += [f"<CommonPrefixes><Prefix>{_quoted(each)}</Prefix></CommonPrefixes>" for each in folders]
        more = f"<NextContinuationToken>{escape(token)}</NextContinuationToken>" if token else ""
        return (
            f"<ListBucketResult><Name>{BUCKET}</Name><EncodingType>url</EncodingType>"
            f"<IsTruncated>{str(bool(token)).lower()}</IsTruncated>{more}{''.join(rows)}</ListBucketResult>"
        ).encode()

    def _error(self, request: Any, status: int, code: str) -> AWSResponse:
        body = (
            b""
            if request.method == "HEAD"
            else f"<Error><Code>{code}</Code><Message>-</Message></Error>".encode()
        )
        return _answer(request, status, {"Content-Type": "application/xml"}, body)

    # --- whether manifests are true at every moment --------------------------------------------------------

    def _watch(self, key: str) -> None:
        if "/manifests/" in key and "/metrics/" not in key:
            self._forget(key)
            if (stored := self.objects.get(key)) is not None:
                self._compare(key, stored)
        for manifest in self._listed.get(key, ()):
            if (stored := self.objects.get(manifest)) is not None:
                self._compare(manifest, stored)

    def _forget(self, manifest: str) -> None:
        for listing in self._listed.values():
            listing.discard(manifest)

    def _compare(self, manifest: str, stored: Stored) -> None:
        for entry in json.loads(stored.body)["objects"]:
            self._listed.setdefault(entry["key"], set()).add(manifest)
            there = self.objects.get(entry["key"])
            if there is None or (there.size, there.sha256) != (entry["bytes"], entry["sha256"]):
                what = "was not there" if there is None else "was something else"
                self.lies.append(
                    f"{self.kernel.world:%H:%M:%S}: {manifest} lists {entry['key']}, which {what}"
                )


def _headers_of(stored: Stored, asked: Mapping[str, str]) -> dict[str, str]:
    headers = {
        "ETag": stored.etag,
        "Content-Length": str(stored.size),
        "Last-Modified": format_datetime(stored.written_at, usegmt=True),
        **{f"x-amz-meta-{name}": value for name, value in stored.metadata.items()},
    }
    if asked.get("x-amz-checksum-mode") == "ENABLED":
        headers["x-amz-checksum-sha256"] = base64.b64encode(bytes.fromhex(stored.sha256)).decode()
        headers["x-amz-checksum-type"] = "FULL_OBJECT"
    return headers


def _body(sent: Any, headers: Mapping[str, str]) -> bytes:
    data: bytes = sent if isinstance(sent, bytes) else b"" if sent is None else sent.read()
    if "aws-chunked" not in headers.get("content-encoding", ""):
        return data
    file, body = io.BytesIO(data), b""
    while size := int(file.readline().split(b";")[0], 16):
        body += file.read(size)
        file.readline()
    return body


def _quoted(key: str) -> str:
    return urllib.parse.quote(key)


class _Raw(io.BytesIO):
    """A body as urllib3 would hand it on."""

    def stream(self, amt: int = 65536, decode_content: bool = False) -> Iterator[bytes]:
        while chunk := self.read(amt):
            yield chunk


def _answer(request: Any, status: int, headers: dict[str, str], body: bytes = b"") -> AWSResponse:
    from botocore.compat import HTTPHeaders

    carried = HTTPHeaders()
    for name, value in {"Content-Length": str(len(body)), "x-amz-request-id": "0", **headers}.items():
        carried[name] = value
    answer = AWSResponse(request.url, status, carried, _Raw(body))
    if not request.stream_output:
        _ = answer.content
    return answer
