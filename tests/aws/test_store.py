# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import boto3
import pytest
from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.response import StreamingBody

from twitch_provider.aws.bucket import Bucket
from twitch_provider.aws.identity import EXPIRED_AT_ONCE
from twitch_provider.aws.store import S3Store
from twitch_provider.exceptions import (
    TwitchConfigError,
    TwitchDataError,
    TwitchError,
    TwitchStoreAccessError,
    TwitchStoreError,
    TwitchStoreUnavailableError,
)

Refuse = Callable[..., None]


def test_put_replaces_and_sets_the_content_type(store: S3Store) -> None:
    store.put("a/b.csv", b"old", content_type="text/csv; charset=utf-8")
    store.put("a/b.csv", b"new", content_type="text/csv; charset=utf-8")
    assert store.get("a/b.csv") == b"new"
    head = boto3.client("s3", region_name="us-east-1").head_object(Bucket="lake", Key="a/b.csv")
    assert head["ContentType"] == "text/csv; charset=utf-8"


def test_content_types_do_not_mix(store: S3Store) -> None:
    store.put("a.csv", b"", content_type="text/csv")
    store.put("b.json", b"", content_type="application/json")
    store.put("c.csv", b"", content_type="text/csv")
    client = boto3.client("s3", region_name="us-east-1")
    found = [
        client.head_object(Bucket="lake", Key=key)["ContentType"] for key in ("a.csv", "b.json", "c.csv")
    ]
    assert found == ["text/csv", "application/json", "text/csv"]


def test_metadata_is_kept_with_its_object_only(store: S3Store) -> None:
    store.put("a.csv", b"x", content_type="text/csv", metadata={"run-after": "2026-11-23T16:35:00Z"})
    store.put("b.csv", b"", content_type="text/csv")
    found = [store.stat(key) for key in ("a.csv", "b.csv")]
    assert [each and each.metadata for each in found] == [{"run-after": "2026-11-23T16:35:00Z"}, {}]
    assert store.stat("a") is None


def test_get_of_a_missing_key_is_none(store: S3Store) -> None:
    assert store.get("nothing") is None


def test_exists_distinguishes_a_key_from_a_longer_one(store: S3Store) -> None:
    store.put("a.csv", b"x", content_type="text/csv")
    assert (store.exists("a.csv"), store.exists("a")) == (True, False)


def test_delete_ignores_missing_keys(store: S3Store) -> None:
    store.put("a", b"", content_type="text/csv")
    store.delete(["nothing", "a"])
    assert store.list("") == []


def test_lists_keys_and_folders(store: S3Store) -> None:
    for key in ("t/dt=2/x", "t/dt=1/hour=1/y", "t/dt=1/x", "t/z", "u/x"):
        store.put(key, b"", content_type="text/csv")
    assert store.list("t/dt=1/") == ["t/dt=1/hour=1/y", "t/dt=1/x"]
    assert store.folders("t/") == ["t/dt=1/", "t/dt=2/"]
    assert store.list("none/") == store.folders("none/") == []


def test_lists_the_size_and_the_tag_that_conditions_take(store: S3Store) -> None:
    store.put("t/b", b"12", content_type="text/csv")
    store.put("t/a", b"1", content_type="text/csv")
    first, second = store.entries("t/")
    assert [(each.key, each.size) for each in (first, second)] == [("t/a", 1), ("t/b", 2)]
    assert store.replace("t/a", b"2", content_type="text/csv", metadata={}, etag=first.etag)
    assert not store.replace("t/a", b"3", content_type="text/csv", metadata={}, etag=first.etag)


def test_lists_more_than_one_page_of_s3(store: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "2")
    for number in range(5):
        store.put(f"many/{number}/x", b"", content_type="text/csv")
    assert len(store.list("many/")) == len(store.folders("many/")) == 5


def test_uri() -> None:
    assert S3Store("lake", None).uri("a/b.csv") == "s3://lake/a/b.csv"


def test_a_missing_connection_is_not_replaced_by_the_workers_role(store: S3Store) -> None:
    del store
    with pytest.raises(TwitchConfigError, match="Connection 'nowhere' does not exist: create it, or leave"):
        S3Store("lake", "nowhere").get("a")


@pytest.mark.parametrize("aws_conn_id", ["", None])
def test_no_connection_means_boto3_s_own_credentials(
    store: S3Store, aws_conn_id: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    store.put("a", b"x", content_type="text/csv")
    assert S3Store("lake", aws_conn_id).get("a") == b"x"


def test_missing_bucket_says_so_in_every_operation(store: S3Store) -> None:
    del store
    missing = S3Store("nope", "aws_default")
    for operation in (
        lambda: missing.put("a", b"", content_type="text/csv"),
        lambda: missing.put_file("a", BytesIO(b"x"), content_type="text/csv"),
        lambda: missing.get("a"),
        lambda: missing.exists("a"),
        lambda: missing.delete(["a"]),
        lambda: missing.list("a"),
        lambda: missing.folders("a"),
    ):
        with pytest.raises(TwitchStoreAccessError, match="The bucket 'nope' does not exist") as caught:
            operation()
        assert caught.value.key == "s3://nope/a"
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__


def test_an_invalid_bucket_name_is_configuration(store: S3Store) -> None:
    del store
    with pytest.raises(TwitchConfigError, match="correct the bucket's name"):
        S3Store("not a bucket", "aws_default").get("a")


LARGE = 9_000_000  # boto3 sends what is larger than 8 MB in parts


@pytest.fixture
def client(store: S3Store) -> Any:
    del store
    # moto gives an object that came in parts a checksum that is not S3's, and some boto3 refuses it.
    lenient = Config(response_checksum_validation="when_required")
    return boto3.client("s3", region_name="us-east-1", config=lenient)


@pytest.mark.parametrize("size", [0, 10, LARGE], ids=["empty", "small", "in parts"])
def test_puts_a_file_from_its_beginning_and_leaves_it_open(
    store: S3Store, client: Any, tmp_path: Path, size: int
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * size)
    store.put("a/b.gz", b"what was there", content_type="text/csv")
    with path.open("rb") as file:
        file.seek(size // 2)
        store.put_file("a/b.gz", file, content_type="application/gzip")
        assert not file.closed
    assert client.get_object(Bucket="lake", Key="a/b.gz")["Body"].read() == b"x" * size
    assert client.head_object(Bucket="lake", Key="a/b.gz")["ContentType"] == "application/gzip"


@pytest.mark.parametrize(
    ("operation", "size"),
    [
        ("PutObject", 10),
        ("CreateMultipartUpload", LARGE),
        ("UploadPart", LARGE),
        ("CompleteMultipartUpload", LARGE),
    ],
)
def test_a_file_that_fails_leaves_no_half_object(
    store: S3Store, client: Any, refuse: Refuse, operation: str, size: int
) -> None:
    store.put("a.gz", b"what was there", content_type="text/csv")
    refuse(store, operation)
    denied = "S3 denies s3:PutObject on arn:aws:s3:::lake/a.gz: grant it to connection 'aws_default'"
    with pytest.raises(TwitchStoreAccessError, match=denied) as caught:
        store.put_file("a.gz", BytesIO(b"x" * size), content_type="application/gzip")
    assert caught.value.key == "s3://lake/a.gz"
    assert caught.value.__suppress_context__
    assert store.get("a.gz") == b"what was there"
    assert "Uploads" not in client.list_multipart_uploads(Bucket="lake")


def test_one_client_does_everything(store: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    create = boto3.session.Session.client

    def client(*arguments: Any, **named: Any) -> Any:
        made.append(arguments)
        return create(*arguments, **named)

    monkeypatch.setattr(boto3.session.Session, "client", client)
    store.put("a", b"", content_type="text/csv")
    store.put_file("b", BytesIO(b""), content_type="application/gzip")
    store.get("a")
    store.list("")
    store.delete(["a"])
    assert len(made) == 1


def test_a_missing_key_is_found_missing_by_a_list_if_s3_denies_it(store: S3Store, refuse: Refuse) -> None:
    store.put("a.csv", b"x", content_type="text/csv")
    refuse(store, "GetObject")
    assert store.get("a") is None
    with pytest.raises(TwitchStoreAccessError, match=r"S3 denies s3:GetObject on arn:aws:s3:::lake/a\.csv: "):
        store.get("a.csv")


def test_a_key_of_which_nothing_is_known_names_both_permissions(store: S3Store, refuse: Refuse) -> None:
    refuse(store, "GetObject")
    refuse(store, "ListObjectsV2")
    with pytest.raises(TwitchStoreAccessError, match=r"s3:GetObject on .* and s3:ListBucket on") as caught:
        store.get("a/b")
    assert caught.value.key == "s3://lake/a/b"
    assert caught.value.__suppress_context__


def test_a_list_that_fails_is_what_is_reported(store: S3Store, refuse: Refuse) -> None:
    refuse(store, "GetObject")
    refuse(store, "ListObjectsV2", "SlowDown")
    with pytest.raises(TwitchStoreUnavailableError, match="SlowDown"):
        store.get("a")


def test_the_credentials_of_a_role_are_masked_and_so_are_those_that_follow(
    store: S3Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    del store
    masked: list[str] = []
    monkeypatch.setattr("twitch_provider.aws.hook.mask_secret", masked.append)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    of_a_role = S3Store("lake", None)
    sessions = [
        Credentials("ASIA1", "secret one", "token one"),
        Credentials("ASIA2", "secret two", "token two"),
    ]
    monkeypatch.setattr(boto3.session.Session, "get_credentials", lambda _: sessions[0])
    of_a_role.list("")
    of_a_role.list("")
    assert masked == ["secret one", "token one"]
    monkeypatch.setattr(sessions[0], "get_frozen_credentials", sessions[1].get_frozen_credentials)
    of_a_role.list("")
    assert masked[2:] == ["secret two", "token two"]


@pytest.mark.parametrize("error", [RuntimeError(f"The {EXPIRED_AT_ONCE}."), RecursionError()])
def test_runtime_errors_of_botocore_are_explained(
    store: S3Store, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(S3Hook, "get_session", fail)
    with pytest.raises(TwitchError, match=r"^S3 cannot be used for s3://lake/a"):
        store.get("a")
    error = RuntimeError("something else")
    with pytest.raises(RuntimeError, match=r"^something else$"):
        store.get("a")


def test_names_of_metadata_are_lower_case_whatever_a_store_makes_of_them(store: S3Store) -> None:
    def capitalize(parsed: dict[str, Any], **_: Any) -> None:
        parsed["Metadata"] = {name.title(): value for name, value in parsed["Metadata"].items()}

    store.put("a.csv", b"x", content_type="text/csv", metadata={"run-after": "now"})
    store.hook.get_conn().meta.events.register("after-call.s3.GetObject", capitalize)
    found = store.stat("a.csv")
    assert found
    assert found.metadata == {"run-after": "now"}


@pytest.mark.parametrize("code", ["NoSuchKey", "NotFound", "NoSuchObject", "404", ""])
def test_other_stores_have_other_words_for_a_missing_key(store: S3Store, refuse: Refuse, code: str) -> None:
    for operation in ("GetObject", "DeleteObject"):
        refuse(store, operation, code, 404)
    assert (store.get("a.csv"), store.stat("a.csv")) == (None, None)
    store.delete(["a.csv"])
    assert not store.delete_unchanged("a.csv", '"x"')


def test_extra_arguments_are_those_of_every_upload(store: S3Store, client: Any) -> None:
    del store
    extra_args = {"ServerSideEncryption": "AES256", "StorageClass": "STANDARD_IA", "BucketKeyEnabled": True}
    encrypted = S3Store("lake", "aws_default", extra_args)
    encrypted.put("put", b"x", content_type="text/csv")
    encrypted.create("create", b"x", content_type="text/csv")
    encrypted.replace("replace", b"x", content_type="text/csv", metadata={}, etag=None)
    encrypted.put_file("file", BytesIO(b"x"), content_type="text/csv")
    encrypted.put_file("parts", BytesIO(bytes(LARGE)), content_type="text/csv")
    for key in ("put", "create", "replace", "file", "parts"):
        head = client.head_object(Bucket="lake", Key=key)
        assert (head["ServerSideEncryption"], head["StorageClass"]) == ("AES256", "STANDARD_IA"), key
        assert head["ContentType"] == "text/csv", key


def test_who_pays_is_said_in_every_request(store: S3Store) -> None:
    del store
    paid = S3Store("lake", "aws_default", {"RequestPayer": "requester", "StorageClass": "STANDARD_IA"})
    sent: list[tuple[str, str | None]] = []

    def record(params: dict[str, Any], event_name: str, **_: Any) -> None:
        sent.append((event_name.rpartition(".")[2], params["headers"].get("x-amz-request-payer")))

    paid.hook.get_conn().meta.events.register("before-call.s3", record)
    paid.create("a", b"x", content_type="text/csv")
    paid.put_file("a", BytesIO(b"x"), content_type="text/csv")
    paid.get("a")
    paid.list("")
    paid.folders("")
    paid.delete(["a"])
    assert {payer for _, payer in sent} == {"requester"}
    assert {operation for operation, _ in sent} == {
        "PutObject",
        "HeadObject",
        "GetObject",
        "ListObjectsV2",
        "DeleteObject",
    }


def test_the_size_of_a_file_is_compared(store: S3Store) -> None:
    def cut(parsed: dict[str, Any], **_: Any) -> None:
        parsed["ContentLength"] -= 1

    store.put_file("a", BytesIO(b"xyz"), content_type="text/csv")
    store.hook.get_conn().meta.events.register("after-call.s3.HeadObject", cut)
    with pytest.raises(
        TwitchStoreError, match=r"a has 2 bytes, and 3 were sent.* request_checksum_calculation"
    ):
        store.put_file("a", BytesIO(b"xyz"), content_type="text/csv")


def test_one_who_may_only_write_can_transfer_a_file(
    store: S3Store, refuse: Refuse, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    for operation in ("HeadObject", "GetObject", "ListObjectsV2"):
        refuse(store, operation, status=403)
    store.put_file("a", BytesIO(b"xyz"), content_type="text/csv")
    assert client.get_object(Bucket="lake", Key="a")["Body"].read() == b"xyz"
    assert "s3://lake/a was written; its size could not be compared" in caplog.text


@pytest.mark.parametrize("calculation", ["when_supported", "when_required"])
def test_a_bucket_with_object_lock_is_written_to(
    store: S3Store, client: Any, monkeypatch: pytest.MonkeyPatch, calculation: str
) -> None:
    del store
    monkeypatch.setenv("AWS_REQUEST_CHECKSUM_CALCULATION", calculation)
    client.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
    rule = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}}
    lock = {"ObjectLockEnabled": "Enabled", "Rule": rule}
    client.put_object_lock_configuration(Bucket="locked", ObjectLockConfiguration=lock)
    locked = S3Store("locked", "aws_default")
    assert locked.create("a", b"first", content_type="text/csv")
    found = locked.stat("a")
    assert found
    assert locked.replace("a", b"second", content_type="text/csv", metadata={}, etag=found.etag)
    locked.put("a", b"third", content_type="text/csv")
    locked.delete(["a"])
    assert locked.get("a") is None
    assert len(client.list_object_versions(Bucket="locked")["Versions"]) == 3


def test_a_bucket_with_a_key_of_kms_is_written_to(store: S3Store, client: Any) -> None:
    del store
    encrypted = S3Store(
        "lake", "aws_default", {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "alias/lake"}
    )
    assert encrypted.create("a", b"first", content_type="text/csv")
    assert encrypted.get("a") == b"first"
    assert client.head_object(Bucket="lake", Key="a")["ServerSideEncryption"] == "aws:kms"


def test_reads_an_object_within_a_limit(store: S3Store) -> None:
    store.put("a", b"x" * 200_000, content_type="text/plain")
    found = store.read_within("a", 200_000)
    assert found is not None
    assert (len(found.body), found.etag) == (200_000, store.stat("a").etag)  # type: ignore[union-attr]
    assert store.read_within("nothing", 1) is None


@pytest.mark.parametrize("told", [True, False])
def test_an_object_beyond_the_limit_is_not_read(
    store: S3Store, monkeypatch: pytest.MonkeyPatch, told: bool
) -> None:
    read: list[int] = []

    class Endless(BytesIO):
        def read(self, amt: int | None = -1, /) -> bytes:
            assert amt is not None
            read.append(amt)
            return b"x" * amt

    def open_(_bucket: Bucket, _key: str) -> dict[str, Any]:
        length = {"ContentLength": 50_000_000} if told else {}
        return {"Body": StreamingBody(Endless(), None), "ETag": "e", **length}

    monkeypatch.setattr(Bucket, "open", open_)
    with pytest.raises(TwitchDataError, match=r"s3://lake/a is larger than 100,000 bytes"):
        store.read_within("a", 100_000)
    assert sum(read) < (1 if told else 200_000)


def test_an_object_that_is_cut_off_on_its_way_is_not_there_in_part(
    store: S3Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def open_(_bucket: Bucket, _key: str) -> dict[str, Any]:
        return {"Body": StreamingBody(BytesIO(b"half"), 8), "ContentLength": 8}

    monkeypatch.setattr(Bucket, "open", open_)
    with pytest.raises(TwitchStoreUnavailableError):
        store.read_within("a", 100)


@pytest.mark.parametrize("broken", [0, 1, 2, 3])
@pytest.mark.parametrize("limit", [None, 100])
def test_a_body_that_breaks_off_is_read_again_twice(
    store: S3Store, monkeypatch: pytest.MonkeyPatch, broken: int, limit: int | None
) -> None:
    opened: list[str] = []

    def open_(_bucket: Bucket, key: str) -> dict[str, Any]:
        opened.append(key)
        body = b"half" if len(opened) <= broken else b"both one"
        return {"Body": StreamingBody(BytesIO(body), 8), "ContentLength": 8, "ETag": '"e"'}

    def read() -> Any:
        return store.read("a") if limit is None else store.read_within("a", limit)

    monkeypatch.setattr(Bucket, "open", open_)
    if broken == 3:
        with pytest.raises(TwitchStoreUnavailableError, match="IncompleteReadError"):
            read()
    else:
        assert read().body == b"both one"
    assert opened == ["a"] * min(broken + 1, 3)


def test_limits_go_with_the_settings_of_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    config = {"s3": {"addressing_style": "path"}, "read_timeout": 60}
    extra = {"region_name": "us-east-1", "config_kwargs": config}
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps({"conn_type": "aws", "extra": extra}))
    store = S3Store("lake", "aws_default", limits={"read_timeout": 5})
    found = store.hook.get_conn().meta.config
    assert (found.s3["addressing_style"], found.read_timeout) == ("path", 5)
