# SPDX-License-Identifier: Apache-2.0
"""Writing and deleting on condition that nobody else did."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from twitch_provider.aws.store import S3Store
from twitch_provider.exceptions import TwitchError, TwitchStoreAccessError, TwitchStoreUnavailableError

Refuse = Callable[..., None]
CSV = "text/csv"


def is_conditional(headers: dict[str, Any]) -> bool:
    return "If-Match" in headers or "If-None-Match" in headers


def ours(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """Airflow 2 warns of lineage, too."""
    return [record for record in caplog.records if record.name.startswith("twitch_provider")]


def tag(store: S3Store, key: str) -> str:
    found = store.stat(key)
    assert found
    return found.etag


def test_an_object_is_created_once(store: S3Store) -> None:
    assert store.create("a.csv", b"first", content_type=CSV)
    assert not store.create("a.csv", b"second", content_type=CSV)
    assert store.get("a.csv") == b"first"


def test_an_object_is_replaced_if_it_is_the_one_that_was_seen(store: S3Store) -> None:
    store.put("a.csv", b"old", content_type=CSV)
    seen = tag(store, "a.csv")
    new: dict[str, Any] = {"content_type": CSV, "metadata": {"run-after": "now"}}
    assert store.replace("a.csv", b"new", etag=seen, **new)
    assert not store.replace("a.csv", b"late", etag=seen, **new)
    assert not store.replace("a.csv", b"late", etag=None, **new)
    assert store.read("a.csv") == (b"new", tag(store, "a.csv"))
    assert store.stat("a.csv") == (tag(store, "a.csv"), {"run-after": "now"})
    assert not store.replace("gone.csv", b"late", etag=seen, **new)
    assert store.replace("b.csv", b"first", etag=None, **new)


def test_an_object_is_deleted_if_it_is_the_one_that_was_seen(store: S3Store) -> None:
    store.put("a.csv", b"old", content_type=CSV)
    seen = tag(store, "a.csv")
    store.put("a.csv", b"new", content_type=CSV)
    assert not store.delete_unchanged("a.csv", seen)
    assert store.delete_unchanged("a.csv", tag(store, "a.csv"))
    assert not store.delete_unchanged("a.csv", seen)
    assert (store.read("a.csv"), store.stat("a.csv")) == (None, None)


def test_an_answer_that_is_lost_finds_its_own_object(store: S3Store) -> None:
    """botocore sends again, and S3 refuses what it has stored."""
    lost: list[bool] = []

    def lose(request: Any, **_: Any) -> None:
        if not lost:
            lost.append(True)
            S3Store("lake", "aws_default").create("a.csv", b"mine", content_type=CSV)
            raise ConnectionClosedError(endpoint_url=request.url)

    store.hook.get_conn().meta.events.register("before-send.s3.PutObject", lose)
    assert not store.create("a.csv", b"mine", content_type=CSV)
    assert lost
    assert store.get("a.csv") == b"mine"


@pytest.mark.parametrize("code", ["ConditionalRequestConflict", "OperationAborted"])
def test_a_conflict_is_asked_again_a_few_times(store: S3Store, refuse: Refuse, code: str) -> None:
    conflicts: list[Any] = []

    def twice(headers: dict[str, Any]) -> bool:
        conflicts.append(headers)
        return len(conflicts) <= 2

    refuse(store, "PutObject", code, 409, when=twice)
    assert store.create("a.csv", b"x", content_type=CSV)
    refuse(store, "PutObject", code, 409)
    with pytest.raises(TwitchStoreUnavailableError, match=code):
        store.create("b.csv", b"x", content_type=CSV)
    assert len(conflicts) == 3 + 5


def test_a_conflict_with_one_who_was_first_is_decided(store: S3Store, refuse: Refuse) -> None:
    store.put("a.csv", b"first", content_type=CSV)
    seen = tag(store, "a.csv")
    refuse(store, "PutObject", "ConditionalRequestConflict", 409, when=is_conditional)
    assert not store.create("a.csv", b"second", content_type=CSV)
    store.put("a.csv", b"second", content_type=CSV)
    assert not store.replace("a.csv", b"third", content_type=CSV, metadata={}, etag=seen)


REFUSALS = [("NotImplemented", 501), ("", 501), ("NotImplemented", 400), ("InvalidArgument", 400)]


@pytest.mark.parametrize(("code", "status"), REFUSALS)
def test_a_store_that_refuses_conditions_is_served_without(
    store: S3Store, refuse: Refuse, caplog: pytest.LogCaptureFixture, code: str, status: int
) -> None:
    caplog.set_level(logging.WARNING, "twitch_provider")
    for operation in ("PutObject", "DeleteObject"):
        refuse(store, operation, code, status, when=is_conditional)
    assert store.create("a.csv", b"first", content_type=CSV)
    assert not store.create("a.csv", b"second", content_type=CSV)
    assert not store.replace("a.csv", b"second", content_type=CSV, metadata={}, etag='"another"')
    seen = tag(store, "a.csv")
    assert store.replace("a.csv", b"second", content_type=CSV, metadata={}, etag=seen)
    assert not store.delete_unchanged("a.csv", seen)
    assert store.get("a.csv") == b"second"
    assert store.delete_unchanged("a.csv", tag(store, "a.csv"))
    assert not store.delete_unchanged("a.csv", seen)
    (record,) = ours(caplog)
    assert record.message == (
        f"The store of s3://lake/ does not take the condition IfNoneMatch of PutObject ({code or status}): "
        "what two tries of one run do at the same time is not detected there."
    )


def test_one_condition_that_is_refused_leaves_the_others(store: S3Store, refuse: Refuse) -> None:
    """Stores that take If-None-Match only, and no condition on deleting."""
    refuse(store, "PutObject", "NotImplemented", 501, when=lambda headers: "If-Match" in headers)
    refuse(store, "DeleteObject", "NotImplemented", 501, when=is_conditional)
    assert store.create("a.csv", b"first", content_type=CSV)
    assert store.replace("a.csv", b"second", content_type=CSV, metadata={}, etag=tag(store, "a.csv"))
    assert store.delete_unchanged("a.csv", tag(store, "a.csv"))
    conditions: list[str] = []

    def record(params: dict[str, Any], **_: Any) -> None:
        conditions.extend(name for name in params["headers"] if name.startswith("If-"))

    store.hook.get_conn().meta.events.register("before-call.s3.PutObject", record)
    assert store.create("a.csv", b"third", content_type=CSV)
    assert conditions == ["If-None-Match"]


def compare(store: S3Store, met: Callable[[str], bool]) -> list[str]:
    """Let S3 compare tags otherwise; return those that it is asked for."""
    tags: list[str] = []

    def refusal(params: dict[str, Any], **_: Any) -> None:
        tag = params["headers"].pop("If-Match", None)
        if tag is None:
            return
        tags.append(tag)
        if not met(tag):
            answer = {"Error": {}, "ResponseMetadata": {"HTTPStatusCode": 412}}
            raise ClientError(answer, "PutObject")

    store.hook.get_conn().meta.events.register("before-call.s3.PutObject", refusal)
    return tags


def test_a_store_may_compare_tags_without_their_quotes(store: S3Store) -> None:
    """As Ceph 16 does."""
    store.put("a.csv", b"first", content_type=CSV)
    seen = tag(store, "a.csv")
    tags = compare(store, lambda given: given == seen.strip('"'))
    assert store.replace("a.csv", b"first", content_type=CSV, metadata={}, etag=seen)
    assert store.replace("a.csv", b"first", content_type=CSV, metadata={}, etag=seen)
    assert tags == [seen, seen.strip('"'), seen.strip('"')]
    assert not store.replace("a.csv", b"first", content_type=CSV, metadata={}, etag='"another"')


def test_a_store_may_list_tags_without_their_quotes(store: S3Store) -> None:
    """As rclone does: what was listed would never be what lies there."""

    def strip(parsed: dict[str, Any], **_: Any) -> None:
        for each in parsed["Contents"]:
            each["ETag"] = each["ETag"].strip('"')

    store.hook.get_conn().meta.events.register("after-call.s3.ListObjectsV2", strip)
    store.put("a.csv", b"first", content_type=CSV)
    (entry,) = store.entries("a")
    assert entry.etag == tag(store, "a.csv")
    assert store.replace("a.csv", b"second", content_type=CSV, metadata={}, etag=entry.etag)


def test_a_store_that_meets_no_condition_is_served_without(
    store: S3Store, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "twitch_provider")
    store.put("a.csv", b"first", content_type=CSV)
    seen = tag(store, "a.csv")
    compare(store, lambda _: False)
    assert not store.replace("a.csv", b"second", content_type=CSV, metadata={}, etag='"another"')
    assert not ours(caplog)
    assert store.replace("a.csv", b"second", content_type=CSV, metadata={}, etag=seen)
    assert not store.replace("a.csv", b"third", content_type=CSV, metadata={}, etag=seen)
    assert "does not take the condition IfMatch of PutObject (412)" in caplog.text


def test_a_denial_is_not_taken_for_a_store_without_conditions(store: S3Store, refuse: Refuse) -> None:
    refuse(store, "PutObject", "AccessDenied", 403, when=is_conditional)
    with pytest.raises(TwitchStoreAccessError):
        store.create("a.csv", b"x", content_type=CSV)
    assert store.get("a.csv") is None


def test_what_is_refused_without_conditions_too_is_an_error(
    store: S3Store, refuse: Refuse, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "twitch_provider")
    refuse(store, "PutObject", "NotImplemented", 501)
    with pytest.raises(TwitchError, match="501"):
        store.create("a.csv", b"x", content_type=CSV)
    assert not ours(caplog)


def test_a_bucket_that_is_missing_is_not_an_object_that_is(store: S3Store) -> None:
    del store
    missing = S3Store("nope", "aws_default")
    acts: list[Callable[[], bool]] = [
        lambda: missing.create("a", b"", content_type=CSV),
        lambda: missing.replace("a", b"", content_type=CSV, metadata={}, etag='"x"'),
        lambda: missing.delete_unchanged("a", '"x"'),
    ]
    for act in acts:
        with pytest.raises(TwitchStoreAccessError, match="The bucket 'nope' does not exist"):
            act()


def test_what_is_written_right_before_it_is_deleted_stays(store: S3Store) -> None:
    store.put("a.csv", b"old", content_type=CSV)
    seen = tag(store, "a.csv")

    def overtake(params: dict[str, Any], **_: Any) -> None:
        S3Store("lake", "aws_default").put("a.csv", b"new", content_type=CSV)
        # Older versions of moto ignore the condition.
        if params["headers"]["If-Match"] == seen:
            raise ClientError({"Error": {}, "ResponseMetadata": {"HTTPStatusCode": 412}}, "DeleteObject")

    store.hook.get_conn().meta.events.register("before-call.s3.DeleteObject", overtake)
    assert not store.delete_unchanged("a.csv", seen)
    assert store.get("a.csv") == b"new"
