# SPDX-License-Identifier: Apache-2.0
"""The two servers beside a local Airflow, started for real."""

from __future__ import annotations

import json
import os
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest
from demo.bucket import reader
from demo.errors import DemoError
from demo.services import new_keys, show_lake, start_lake, start_twitch, tokens_minted
from demo.settings import Lake, Twitch

from twitch_provider.aws.store import S3Store
from twitch_provider.links.lake import in_console

KEYS = new_keys()
BEGIN = datetime(2026, 11, 23, 16, 35, tzinfo=UTC)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def test_keys_are_as_long_as_aws_and_twitch_make_them() -> None:
    assert {name: len(key) for name, key in KEYS.items()} == {
        "s3_access_key": 20,
        "s3_secret_key": 40,
        "twitch_client_id": 30,
        "twitch_client_secret": 30,
    }
    assert not set(KEYS.values()) & set(new_keys().values())


def test_objects_are_plain_files(stack: ExitStack, tmp_path: Path) -> None:
    lake = start_lake(stack, tmp_path / "s3", tmp_path / "logs", KEYS, os.environ)
    assert lake.folder
    (lake.folder / lake.bucket / "twitch").mkdir()
    (lake.folder / lake.bucket / "twitch" / "a.csv").write_text("id\n")
    assert reader(lake)("twitch/a.csv") == b"id\n"
    assert reader(lake)("twitch/b.csv") is None


def test_an_object_is_listed_with_the_tag_that_it_has(
    stack: ExitStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = start_lake(stack, tmp_path / "s3", tmp_path / "logs", KEYS, os.environ)
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(lake.connection))
    store = S3Store(lake.bucket, "aws_default")
    store.put("twitch/a.csv", b"id\n", content_type="text/csv")
    assert [each.etag for each in store.entries("twitch/")] == [store.read("twitch/a.csv").etag]  # type: ignore[union-attr]


def test_links_from_tasks_lead_to_the_objects(stack: ExitStack, tmp_path: Path) -> None:
    lake = start_lake(stack, tmp_path / "s3", tmp_path / "logs", KEYS, os.environ)
    assert lake.folder
    (lake.folder / lake.bucket / "dt=1").mkdir()
    (lake.folder / lake.bucket / "dt=1" / "a.json").write_text("{}")
    setting = show_lake(stack, lake, tmp_path / "logs", os.environ)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(*setting.popitem())
        url = in_console(f"s3://{lake.bucket}/dt=1/a.json")
    with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - our own server
        assert answer.read() == b"{}"
    assert show_lake(stack, Lake("real"), tmp_path, os.environ) == {}


def test_lake_refuses_other_keys(stack: ExitStack, tmp_path: Path) -> None:
    lake = start_lake(stack, tmp_path / "s3", tmp_path / "logs", KEYS, os.environ)
    stranger = Lake(lake.bucket, endpoint_url=lake.endpoint_url, access_key="A" * 20, secret_key="b" * 40)
    with pytest.raises(DemoError, match=r"^s3://twitch-lake/a\.csv cannot be read: "):
        reader(stranger)("a.csv")


def test_servers_keep_secrets_out_of_their_arguments(stack: ExitStack, tmp_path: Path) -> None:
    start_lake(stack, tmp_path / "s3", tmp_path, KEYS, os.environ)
    start_twitch(stack, tmp_path, KEYS, {**os.environ}, begin=BEGIN)
    commands = [" ".join(child.cmdline()) for child in psutil.Process().children(recursive=True)]
    assert any("rclone serve s3" in command for command in commands)
    assert any("demo.worlds" in command for command in commands)
    for name in ("s3_secret_key", "twitch_client_secret"):
        assert not [command for command in commands if KEYS[name] in command]


def test_simulated_twitch_starts_at_the_given_instant(stack: ExitStack, tmp_path: Path) -> None:
    twitch = start_twitch(stack, tmp_path, KEYS, os.environ, begin=BEGIN)
    assert twitch.simulated
    assert twitch.simulated.moves
    assert twitch.client_id == KEYS["twitch_client_id"]
    assert tokens_minted(twitch) == 0


def test_capture_that_does_not_exist(stack: ExitStack, tmp_path: Path) -> None:
    with pytest.raises(DemoError, match=r"nowhere does not exist: DATASET must be the path of a capture\.$"):
        start_twitch(stack, tmp_path, KEYS, os.environ, dataset=tmp_path / "nowhere")


def test_invalid_capture_is_refused_with_the_simulators_error(stack: ExitStack, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DemoError, match=r"^The simulated Twitch could not start: The dataset .*empty"):
        start_twitch(stack, tmp_path, KEYS, os.environ, dataset=tmp_path / "empty")


def test_credentials_and_bucket_mean_the_real_ones(stack: ExitStack, tmp_path: Path) -> None:
    caller = {"TWITCH_CLIENT_ID": "id", "TWITCH_CLIENT_SECRET": "secret", "S3_BUCKET": "s3://bucket/"}
    assert start_twitch(stack, tmp_path, KEYS, caller) == Twitch("id", "secret")
    assert start_lake(stack, tmp_path, tmp_path, KEYS, caller) == Lake("bucket")
    assert tokens_minted(Twitch("id", "secret")) is None
