# SPDX-License-Identifier: Apache-2.0
"""What lies there is compared with what was sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from twitch_provider.aws.store import S3Store
from twitch_provider.exceptions import TwitchConfigError, TwitchStoreError

CSV = "text/csv"
WRITES: dict[str, Callable[[S3Store, bytes], object]] = {
    "put": lambda store, body: store.put("a.csv", body, content_type=CSV),
    "create": lambda store, body: store.create("a.csv", body, content_type=CSV),
    "replace": lambda store, body: store.replace("a.csv", body, content_type=CSV, metadata={}, etag=None),
}


def keep(store: S3Store, change: Callable[[bytes], bytes]) -> None:
    """Let S3 keep something else than what is sent."""

    def changed(params: dict[str, Any], **_: Any) -> None:
        params["Body"] = change(params["Body"])

    store.hook.get_conn().meta.events.register("before-parameter-build.s3.PutObject", changed)


def answer(store: S3Store, operation: str, **values: Any) -> None:
    """Let S3 answer something else; None: nothing."""

    def changed(parsed: dict[str, Any], **_: Any) -> None:
        parsed.update(values)
        for name in [name for name, value in values.items() if value is None]:
            del parsed[name]

    store.hook.get_conn().meta.events.register(f"after-call.s3.{operation}", changed)


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("body", [b"a,b\n", b""])
def test_frames_of_an_upload_that_stay_in_the_object_are_found(
    store: S3Store, write: str, body: bytes
) -> None:
    keep(store, lambda sent: b"%x\r\n%s\r\n0\r\n\r\n" % (len(sent), sent))
    sentence = rf"a.csv has \d+ bytes, and {len(body)} were sent.* request_checksum_calculation"
    with pytest.raises(TwitchConfigError, match=sentence):
        WRITES[write](store, body)


@pytest.mark.parametrize("write", WRITES)
def test_other_bytes_of_the_same_size_are_found(store: S3Store, write: str) -> None:
    keep(store, lambda sent: b"x" * len(sent))
    with pytest.raises(TwitchStoreError, match=r"a\.csv has other bytes than the 4 that were sent"):
        WRITES[write](store, b"a,b\n")


@pytest.mark.parametrize("size", [0, 4, 9_000_000])
def test_a_write_takes_two_requests(store: S3Store, asked: Counter[str], size: int) -> None:
    for write in WRITES.values():
        store.delete(["a.csv"])
        asked.clear()
        write(store, b"x" * size)
        assert asked == {"PutObject": 1, "HeadObject": 1}


@pytest.mark.parametrize("checksum", [None, "AAAA"], ids=["none", "another"])
def test_the_entity_tag_is_compared_where_there_is_no_checksum_of_ours(
    store: S3Store, asked: Counter[str], checksum: str | None
) -> None:
    answer(store, "HeadObject", ChecksumSHA256=checksum)
    store.put("a.csv", b"a,b\n", content_type=CSV)
    assert asked == {"PutObject": 1, "HeadObject": 1}


def test_an_object_is_read_where_nothing_is_a_digest_of_it(store: S3Store, asked: Counter[str]) -> None:
    """A key of KMS with requests for checksums turned off, and stores whose tags are their own."""
    answer(store, "HeadObject", ChecksumSHA256=None, ETag='"0123"')
    store.put("a.csv", b"a,b\n", content_type=CSV)
    assert asked == {"PutObject": 1, "HeadObject": 1, "GetObject": 1}
    keep(store, lambda sent: b"x" * len(sent))
    with pytest.raises(TwitchStoreError, match="has other bytes"):
        store.put("a.csv", b"a,b\n", content_type=CSV)


def test_an_object_is_read_where_its_size_is_not_right(store: S3Store, asked: Counter[str]) -> None:
    for said in (None, 0):
        answer(store, "HeadObject", ContentLength=said)
        store.put("a.csv", b"a,b\n", content_type=CSV)
    assert asked["GetObject"] == 2


def test_one_who_replaces_it_right_after_is_not_taken_for_damage(store: S3Store) -> None:
    other: list[bool] = []

    def overtake(**_: Any) -> None:
        if not other:
            other.append(True)
            S3Store("lake", "aws_default").put("a.csv", b"newer", content_type=CSV)

    store.hook.get_conn().meta.events.register("before-call.s3.HeadObject", overtake)
    assert store.replace("a.csv", b"a,b\n", content_type=CSV, metadata={}, etag=None)


def test_what_is_gone_right_after_is_an_error(store: S3Store) -> None:
    def delete(**_: Any) -> None:
        S3Store("lake", "aws_default").delete(["a.csv"])

    store.hook.get_conn().meta.events.register("before-call.s3.HeadObject", delete)
    with pytest.raises(TwitchStoreError, match=r"s3://lake/a\.csv is not there"):
        store.put("a.csv", b"a,b\n", content_type=CSV)


def test_stores_that_do_not_know_checksums_get_content_md5(
    store: S3Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required")
    sent: list[dict[str, Any]] = []

    def record(request: Any, **_: Any) -> None:
        sent.append(request.headers)

    store.hook.get_conn().meta.events.register("before-send.s3", record)
    store.put("a.csv", b"a,b\n", content_type=CSV)
    # Text or bytes, as botocore's version has it.
    assert "9p9bcrx5qS3HDGPJqhQuNg==" in str(sent[0]["Content-MD5"])
    assert not [name for headers in sent for name in headers if "checksum" in name or "trailer" in name]
