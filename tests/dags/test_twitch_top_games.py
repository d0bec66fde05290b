# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from demo.worlds.recordings import read_dataset
from tests.dags.conftest import read_dag

from twitch_provider.hooks.twitch import TwitchHook
from twitch_provider.testing import Simulator

Run = Callable[..., dict[str, str]]
SEED = Path(__file__).parents[3] / "shared" / "data" / "seed"
SUCCESS = {"extract": "success", "transform": "success", "load": "success"}

pytestmark = pytest.mark.filterwarnings("default")  # dag.test runs all of Airflow in this process


def tick(minutes_ago: int = 0) -> datetime:
    """A tick that is recent enough to ask Twitch, if it is not too many minutes ago."""
    return datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=minutes_ago)


def rows(body: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(body.decode(), newline="")))


def table(bucket: Any, dataset: str) -> list[dict[str, str]]:
    (key,) = bucket.find(f"/{dataset}/dt=")[-1:]
    return rows(bucket.read(key))


def manifest(bucket: Any) -> Any:
    return json.loads(bucket.read(bucket.find("/manifests/")[-1]))


def test_publishes_a_snapshot_that_its_manifest_describes_to_the_byte(
    run_dag: Run, bucket: Any, connect: Any
) -> None:
    run_after = tick()
    with Simulator(streams=1500) as twitch:
        connect(twitch)
        assert run_dag(run_after) == SUCCESS
        assert (twitch.counters.requests["streams"], twitch.counters.requests["games/top"]) == (20, 1)
        assert twitch.counters.tokens_minted == 1

    where = f"{run_after:dt=%Y-%m-%d/hour=%H}"
    at = f"{run_after:%Y%m%dT%H%M%SZ}"
    assert {key.removeprefix("twitch/") for key in bucket.find() if "/rejects/" not in key} == {
        f"raw/top_games/{where}/pages_{at}.jsonl.gz",
        f"top_streams/{where}/streams_data_{at}.csv",
        f"top_games/{where}/games_data_{at}.csv",
        f"manifests/twitch_top_games/{where}/{at}.json",
        "latest/top_streams.csv",
        "latest/top_games.csv",
    }
    described = manifest(bucket)
    assert (described["complete"], described["requests"], described["transport"]["tokens"]) == (True, 21, 1)
    for entry in described["objects"]:
        body = bucket.read(entry["key"])
        assert (len(body), hashlib.sha256(body).hexdigest()) == (entry["bytes"], entry["sha256"])
    for counts in described["counts"].values():
        parts = ("rows_out", "duplicates", "filtered", "rejects")
        assert counts["rows_in"] == sum(counts[part] for part in parts)

    games, streams = table(bucket, "top_games"), table(bucket, "top_streams")
    assert [game["rank"] for game in games] == [str(n) for n in range(1, 21)]
    assert sum(int(game["streams_seen"]) for game in games) <= len(streams)
    assert {stream["run_after"] for stream in streams} == {f"{run_after:%Y-%m-%dT%H:%M:%SZ}"}


def test_each_task_says_in_one_line_of_its_log_what_it_did(
    run_dag: Run, bucket: Any, connect: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with Simulator(streams=300) as twitch, caplog.at_level("INFO"):
        connect(twitch)
        run_dag(tick())
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("twitch_provider")]
    ours = [line for line in lines if line.startswith(("Asked", "Cleaned", "Published"))]
    folders = ("/raw/", "twitch/top_streams/", "twitch/top_games/", "/manifests/")
    raw, streams, games, described = (f"s3://lake/{bucket.find(folder)[0]}" for folder in folders)
    counts = manifest(bucket)["counts"]
    rows = [
        f"{counts[name]['rows_in']} rows in, {counts[name]['rows_out']} out, 0 duplicates, "
        f"{counts[name]['filtered']} filtered, 0 rejected"
        for name in ("top_streams", "top_games")
    ]
    took = f"21 requests, {manifest(bucket)['points_left']} points left"
    more = f"top_games ({games}): {rows[1]}; {took}; manifest {described}"
    assert ours == [
        f"Asked Twitch: 21 pages, {took}; {raw}",
        f"Cleaned top_streams: {rows[0]}; top_games: {rows[1]}; of {raw}",
        f"Published top_streams ({streams}): {rows[0]}; {more}",
    ]


def test_a_second_tick_knows_the_first(run_dag: Run, bucket: Any, connect: Any) -> None:
    with Simulator(streams=300) as twitch:
        connect(twitch)
        last = tick()
        run_dag(last - timedelta(minutes=6))
        run_dag(last)
        assert twitch.counters.tokens_minted == 1
    assert manifest(bucket)["previous"]["gap_seconds"] == 360
    assert len(bucket.find("/manifests/")) == 2


def test_a_run_cleared_too_late_is_built_again_from_its_raw_pages(
    run_dag: Run, bucket: Any, connect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_after = tick()
    with Simulator(streams=300) as twitch:
        connect(twitch)
        run_dag(run_after)
        before = bucket.objects()
        monkeypatch.setattr("twitch_provider.pipelines.run._too_late", lambda *_: "it was cleared")
        twitch.advance(86_400)
        asked = sum(twitch.counters.requests.values())
        assert run_dag(run_after) == SUCCESS
        assert sum(twitch.counters.requests.values()) == asked
    assert bucket.objects() == before
    assert (manifest(bucket)["requests"], manifest(bucket)["transport"]["tokens"]) == (21, 1)


def test_a_run_too_late_without_raw_pages_fails(run_dag: Run, bucket: Any, connect: Any) -> None:
    with Simulator(streams=300) as twitch:
        connect(twitch)
        states = run_dag(tick(minutes_ago=60))
        assert not twitch.counters.requests
    assert states == {"extract": "failed", "transform": "upstream_failed", "load": "upstream_failed"}
    assert bucket.find() == []


@pytest.mark.parametrize(
    ("fault", "task"),
    [("error_500", "extract"), ("null_data", "extract"), ("token_down", "extract")],
)
def test_a_twitch_that_is_down_leaves_no_snapshot(
    run_dag: Run, bucket: Any, connect: Any, naps: list[float], fault: str, task: str
) -> None:
    with Simulator(streams=300) as twitch:
        connect(twitch)
        twitch.fault(fault, times=None, start=1 if fault.startswith("token") else 5)
        assert run_dag(tick())[task] == "failed"
    assert bucket.find() == []


def test_a_wrong_bucket_fails_without_asking_twice(
    run_dag: Run, bucket: Any, connect: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    with Simulator(streams=300) as twitch:
        connect(twitch)
        assert run_dag(tick(), bucket="somebody-elses")["extract"] == "failed"
    assert "AirflowFailException" in "".join(capfd.readouterr())


def test_a_first_page_of_games_that_comes_empty_is_not_the_end(
    run_dag: Run, bucket: Any, connect: Any
) -> None:
    with Simulator(streams=300) as twitch:
        connect(twitch)
        twitch.fault("empty_page", endpoint="games/top")
        assert run_dag(tick()) == SUCCESS
    assert len(table(bucket, "top_games")) == 20


def test_the_params_choose_games_pages_and_prefix(run_dag: Run, bucket: Any, connect: Any) -> None:
    with Simulator(streams=3000) as twitch:
        connect(twitch)
        assert run_dag(tick(), games=2, pages_per_game=3, prefix="mine") == SUCCESS
        assert 2 <= twitch.counters.requests["streams"] <= 6
    assert len(table(bucket, "top_games")) == 2
    assert {key.split("/")[0] for key in bucket.find()} == {"mine"}


def test_a_run_with_other_params_changes_nothing_of_the_record(
    run_dag: Run, bucket: Any, connect: Any
) -> None:
    with Simulator(streams=300) as twitch:
        connect(twitch)
        assert run_dag(tick(minutes_ago=5)) == SUCCESS
        before = bucket.objects()
        # The form sends all of them.
        assert run_dag(tick(), games=2, pages_per_game=1, bucket=None, prefix=None) == SUCCESS
    after = bucket.objects()
    assert {key: after[key] for key in before} == before
    assert {key.split("/")[1] for key in after.keys() - before.keys()} == {"adhoc"}
    (written,) = bucket.find("adhoc/manifests/")
    described = json.loads(bucket.read(written))
    assert (described["adhoc"], described["interval_seconds"]) == (True, None)
    assert described["scope"]["asks"] == {"games": 2, "pages_per_game": 1}
    assert described["previous"]["manifest"] in before


def test_a_run_that_the_form_started_with_the_dags_own_params_is_of_the_record(
    run_dag: Run, bucket: Any, connect: Any
) -> None:
    with Simulator(streams=300) as twitch:
        connect(twitch)
        assert run_dag(tick(), games=20, pages_per_game=1, bucket="lake", prefix="mine") == SUCCESS
    assert not bucket.find("/adhoc/")
    assert bucket.find("mine/latest/")
    described = manifest(bucket)
    assert (described["adhoc"], described["run_type"], described["interval_seconds"]) == (
        False,
        "manual",
        300,
    )


def test_the_capture_comes_out_exactly(run_dag: Run, bucket: Any, connect: Any) -> None:
    if not SEED.is_dir():
        pytest.skip("no capture beside this checkout (../shared/data/seed)")
    with Simulator(read_dataset(SEED)) as twitch:
        connect(twitch)
        assert run_dag(tick()) == SUCCESS
    games, streams = table(bucket, "top_games"), table(bucket, "top_streams")
    captured = rows((SEED / "games_data.csv").read_bytes())
    assert [game["id"] for game in games] == [game["id"] for game in captured]
    assert {stream["id"] for stream in streams} == {
        stream["id"] for stream in rows((SEED / "streams_data.csv").read_bytes())
    }
    assert len(streams) == 392
    assert sum(int(stream["viewer_count"]) for stream in streams) == 701_497
    assert len({stream["language"] for stream in streams}) == 16
    assert sum(stream["is_mature"] == "true" for stream in streams) == 73
    by_viewers = max(games, key=lambda game: int(game["viewers_seen"]))
    assert by_viewers["name"] == "Counter-Strike"
    assert round(float(by_viewers["viewers_share"]) * 100, 2) == 17.47
    assert {stream["snapshot_at"][:10] for stream in streams} == {"2024-07-17"}


def test_no_secret_is_in_anything_that_was_written(
    run_dag: Run, bucket: Any, connect: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    with Simulator(streams=300) as twitch:
        connect(twitch)
        run_dag(tick())
        token = TwitchHook()._session.tokens.recall()
        assert token is not None
        secrets = [twitch.client_secret, token.value]
    written = "".join(capfd.readouterr()) + repr(bucket.objects())
    assert [secret for secret in secrets if secret in written] == []


def test_the_dag_is_declared_as_a_snapshot_of_now() -> None:
    dag = read_dag("twitch_top_games")
    assert (dag.catchup, dag.max_active_runs, dag.tags) == (False, 1, {"twitch"})
    if hasattr(dag, "allowed_run_types"):  # from Airflow 3.2 on
        assert {str(getattr(kind, "value", kind)) for kind in dag.allowed_run_types} == {
            "scheduled",
            "manual",
        }
    assert "in S3 as clean CSV" in dag.doc_md
    assert {name: dag.params[name] for name in ("bucket", "prefix", "games", "pages_per_game")} == {
        "bucket": None,
        "prefix": None,
        "games": 20,
        "pages_per_game": 1,
    }
    assert {task.pool for task in dag.tasks} == {"default_pool"}
    assert all(task.retries == 3 and task.retry_exponential_backoff for task in dag.tasks)
