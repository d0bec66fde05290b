# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import csv
import gzip
import io
import json
from typing import Any

import pytest

from twitch_provider.compat import AirflowFailException
from twitch_provider.exceptions import TwitchError, TwitchServerError
from twitch_provider.hooks.twitch import TwitchHook
from twitch_provider.testing import Simulator
from twitch_provider.transfers.twitch_to_s3 import TwitchToS3Operator

pytestmark = pytest.mark.filterwarnings("ignore:.*cannot be called outside")


def transfer(endpoint: str = "streams", s3_key: str = "s3://lake/a", **arguments: Any) -> TwitchToS3Operator:
    return TwitchToS3Operator(task_id="transfer", endpoint=endpoint, s3_key=s3_key, **arguments)


def test_writes_the_whole_list_as_helix_sent_it(twitch_connection: Simulator, bucket: Any) -> None:
    reference = transfer(s3_key="a/b.jsonl", s3_bucket="lake").execute({})
    rows = [json.loads(line) for line in bucket.read("a/b.jsonl").splitlines()]
    assert rows == list(TwitchHook().get_streams())
    assert reference == {"uri": "s3://lake/a/b.jsonl", "rows": len(rows)}
    assert bucket.content_type("a/b.jsonl") == "application/x-ndjson"
    assert len(rows) > 200


def test_writes_csv(twitch_connection: Simulator, bucket: Any) -> None:
    reference = transfer(file_format="csv", max_items=50).execute({})
    rows = list(csv.DictReader(io.StringIO(bucket.read("a").decode(), newline="")))
    sent = list(TwitchHook().get_streams(max_items=50))
    assert [row["title"] for row in rows] == [" ".join(row["title"].splitlines()) for row in sent]
    assert [json.loads(row["tags"] or "null") for row in rows] == [row["tags"] for row in sent]
    assert list(rows[0]) == list(sent[0])
    assert reference["rows"] == 50


def test_the_same_rows_give_the_same_bytes(twitch_connection: Simulator, bucket: Any) -> None:
    for key in ("a", "b"):
        transfer(s3_key=f"s3://lake/{key}", compression="gzip", max_items=5).execute({})
    assert bucket.read("a") == bucket.read("b")
    assert gzip.decompress(bucket.read("a")).count(b"\n") == 5
    assert bucket.content_type("a") == "application/gzip"


def test_passes_parameters_on(twitch_connection: Simulator, bucket: Any) -> None:
    ids = [row["user_id"] for row in TwitchHook().get_streams(max_items=150)]
    assert transfer("users", endpoint_params={"id": ids}).execute({})["rows"] == 150
    assert transfer(s3_key="s3://lake/b", endpoint_params="{'language': 'de'}").execute({})["rows"] > 0
    assert {json.loads(line)["language"] for line in bucket.read("b").splitlines()} == {"de"}


def test_uploads_with_the_arguments_of_the_option(
    twitch_connection: Simulator, bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__TWITCH__S3_EXTRA_ARGS", '{"ServerSideEncryption": "aws:kms"}')
    transfer(max_items=5).execute({})
    head = bucket.client.head_object(Bucket="lake", Key="a")
    assert head["ServerSideEncryption"] == "aws:kms"


def test_nobody_live_is_an_empty_object(twitch_connection: Simulator, bucket: Any) -> None:
    reference = transfer(endpoint_params={"user_login": "nobody_at_all"}).execute({})
    assert (reference["rows"], bucket.read("a")) == (0, b"")


@pytest.mark.parametrize("fault", ["error_500", "null_data", "half_body", "empty_page", "endless_cursors"])
def test_an_error_in_the_middle_leaves_what_was_there(
    twitch_connection: Simulator, bucket: Any, naps: list[float], fault: str
) -> None:
    bucket.put("a", b"old")
    twitch_connection.fault(fault, endpoint="streams", times=None, start=2)
    with pytest.raises(TwitchError):
        transfer(replace=True).execute({})
    assert bucket.objects() == {"a": b"old"}


def test_a_twitch_that_is_down_is_tried_again(
    twitch_connection: Simulator, bucket: Any, naps: list[float]
) -> None:
    twitch_connection.fault("error_500", times=None)
    with pytest.raises(TwitchServerError):
        transfer().execute({})
    assert bucket.objects() == {}


def test_what_is_there_is_replaced_only_on_demand(twitch_connection: Simulator, bucket: Any) -> None:
    bucket.put("a", b"old")
    with pytest.raises(
        AirflowFailException, match="s3://lake/a exists already; choose another s3_key, or set replace"
    ):
        transfer().execute({})
    assert not twitch_connection.counters.requests
    transfer(replace=True, max_items=1).execute({})
    assert bucket.read("a").count(b"\n") == 1


def test_what_came_while_twitch_was_read_is_not_replaced(
    twitch_connection: Simulator, bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk = TwitchHook.walk

    def slow(hook: TwitchHook, query: Any) -> Any:
        yield from walk(hook, query)
        bucket.put("a", b"somebody else's")

    monkeypatch.setattr(TwitchHook, "walk", slow)
    with pytest.raises(AirflowFailException, match="exists already"):
        transfer().execute({})
    assert bucket.read("a") == b"somebody else's"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"endpoint": "chat"}, "endpoint 'chat' is unknown"),
        ({"endpoint_params": {"game": "1"}}, "parameter game is unknown"),
        ({"max_items": 0}, "max_items must be a whole number, 1 or more"),
        ({"file_format": "xml"}, "file_format must be jsonl or csv"),
        ({"compression": "zip"}, "compression must be gzip or None"),
        ({"s3_key": "a"}, "s3_key must be a key in s3_bucket, or s3://bucket/key without s3_bucket, not 'a'"),
        ({"s3_bucket": "lake"}, "s3_key must be a key in s3_bucket"),
        ({"s3_key": "s3://lake"}, "s3_key must be a key in s3_bucket"),
        ({"s3_key": ""}, "s3_key must be a key in s3_bucket"),
        ({"s3_key": "a", "s3_bucket": ""}, "s3_key must be a key in s3_bucket"),
        ({"s3_key": "s3://nope/a"}, "The bucket 'nope' does not exist"),
        ({"aws_conn_id": "nowhere"}, "Connection 'nowhere' does not exist"),
        ({"twitch_conn_id": "nowhere"}, "connection nowhere does not exist"),
    ],
)
def test_a_wrong_argument_is_one_sentence_before_twitch_is_asked(
    twitch_connection: Simulator, bucket: Any, arguments: Any, sentence: str
) -> None:
    with pytest.raises(AirflowFailException, match=sentence):
        transfer(**arguments).execute({})
    assert not twitch_connection.counters.requests
    assert bucket.objects() == {}


def test_a_longer_key_is_another_object(twitch_connection: Simulator, bucket: Any) -> None:
    bucket.put("a.csv", b"old")
    transfer(max_items=1).execute({})
    assert set(bucket.objects()) == {"a", "a.csv"}


def test_params_without_a_value_are_not_given(
    twitch_connection: Simulator, bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    none = dict.fromkeys(
        ("s3_bucket", "aws_conn_id", "twitch_conn_id", "endpoint_params", "max_items"), "None"
    )
    assert transfer(**none).execute({})["rows"] == len(list(TwitchHook().get_streams()))


def test_rows_that_twitch_counts_but_does_not_show_are_no_empty_list(
    twitch_connection: Simulator, bucket: Any
) -> None:
    (one,) = TwitchHook().get_streams(max_items=1)
    with pytest.raises(AirflowFailException, match="shows none of them to an app token"):
        transfer("channels/followers", endpoint_params={"broadcaster_id": one["user_id"]}).execute({})
    assert bucket.objects() == {}
