# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import csv
import gzip
import hashlib
import io
import itertools
import json
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pkgutil import resolve_name
from types import SimpleNamespace
from typing import Any

import pytest
from tests.operators.conftest import rerun

from twitch_provider.compat import AirflowFailException
from twitch_provider.exceptions import (
    TwitchDataError,
    TwitchIncompleteError,
    TwitchServerError,
)
from twitch_provider.operators.twitch import TwitchAllStreamsOperator
from twitch_provider.testing import Simulator
from twitch_provider.testing.generated import GeneratedWorld
from twitch_provider.testing.population import Population
from twitch_provider.testing.world import WorldClock

# Airflow 2 has them elsewhere, and under other names.
_AIRFLOW_2 = version("apache-airflow").startswith("2.")
_ASSETS, _EVENTS = (
    ("airflow.datasets.Dataset", "airflow.utils.context.OutletEventAccessors")
    if _AIRFLOW_2
    else ("airflow.sdk.Asset", "airflow.sdk.execution_time.context.OutletEventAccessors")
)

pytestmark = pytest.mark.filterwarnings("ignore:.*cannot be called outside")


def crawl(**arguments: Any) -> TwitchAllStreamsOperator:
    return TwitchAllStreamsOperator(task_id="crawl", **arguments)


def read(store: Any, uri: str) -> bytes:
    body: bytes = store.objects[uri.removeprefix("s3://lake/")]
    return body


def rows(store: Any, uri: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(gzip.decompress(read(store, uri)).decode(), newline="")))


def assert_described(store: Any) -> Any:
    """Every manifest describes exactly what lies beside it; returns the newest.

    Beside it may lie what tries left that were cut short.
    """
    listed: set[str] = set()
    for key in store.list(""):
        if "/manifests/" in key:
            manifest = json.loads(store.objects[key])
            for entry in manifest["objects"]:
                body = store.objects[entry["key"]]
                assert (len(body), hashlib.sha256(body).hexdigest()) == (entry["bytes"], entry["sha256"])
                listed.add(entry["key"])
    others = {key for key in store.objects if "/manifests/" not in key} - listed
    assert all("/incomplete/" in key for key in others)
    return manifest


def test_publishes_every_live_stream(twitch_connection: Simulator, context: Any, store: Any) -> None:
    # The world changes every minute; here its time stands still.
    twitch_connection.twitch.clock = WorldClock(twitch_connection.now, lambda: 0.0)
    reference: Any = crawl().execute(context)
    at = context["dag_run"].run_after
    assert reference == {
        "uri": f"s3://lake/twitch/all_streams/{at:dt=%Y-%m-%d/hour=%H}/streams_data_{at:%Y%m%dT%H%M%SZ}.csv.gz",
        "manifest": f"s3://lake/twitch/manifests/mine/{at:dt=%Y-%m-%d/hour=%H}/{at:%Y%m%dT%H%M%SZ}.json",
        "rows": reference["rows"],
        "run_after": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "run_type": "scheduled",
        "complete": True,
        "adhoc": False,
        "scope": {
            "asks": {"strategy": "languages"},
            "writes": {"file_format": "csv", "compression": "gzip"},
        },
        "completeness": 1.0,
    }
    found = rows(store, reference["uri"])
    live = twitch_connection.twitch.world.at(twitch_connection.now).streams
    assert {row["user_id"] for row in found} == {
        each.keys.user_id for each in live if each.keys.type == "live"
    }
    viewers = [int(row["viewer_count"]) for row in found]
    assert viewers == sorted(viewers, reverse=True)
    manifest = assert_described(store)
    assert manifest["complete"] is True
    assert (
        manifest["requests"]
        == manifest["crawl"]["requests"]
        == twitch_connection.counters.requests["streams"]
    )
    assert manifest["crawl"]["cut"] == {}


def test_the_next_run_looks_up_broadcasters_missing_from_the_walks(
    twitch_connection: Simulator, context: Any, store: Any
) -> None:
    crawl().execute(rerun(context, minutes=-5))
    twitch_connection.advance(300)
    reference: Any = crawl().execute(context)
    manifest = assert_described(store)
    assert manifest["crawl"]["ended"] > 0
    assert reference["completeness"] > 0.99
    assert manifest["previous"]["gap_seconds"] == 300


def test_a_rerun_keeps_the_form_of_its_run(twitch_connection: Simulator, context: Any, store: Any) -> None:
    first: Any = crawl(compression="zstd").execute(context)
    before = dict(store.objects)
    for form in ({}, {"compression": "none"}, {"file_format": "parquet"}):
        assert crawl(**form).execute(context) == first
    assert first["uri"].endswith(".csv.zst")
    assert store.objects == before


def test_what_lost_a_part_lies_apart(
    twitch_connection: Simulator, context: Any, store: Any, naps: list[float]
) -> None:
    twitch_connection.fault("error_500", endpoint="streams", times=None, start=20)
    reference: Any = crawl().execute(context)
    assert reference["complete"] is False
    assert "/incomplete/all_streams/dt=" in reference["uri"]
    manifest = assert_described(store)
    assert manifest["complete"] is False
    assert any("Twitch answered 500" in why for why in manifest["crawl"]["cut"].values())

    twitch_connection.clear_faults()
    again: Any = crawl().execute(context)
    assert (again["complete"], "/incomplete/" in again["uri"]) == (True, False)
    assert assert_described(store)["complete"] is True


def test_what_lost_a_part_may_be_a_failure(
    twitch_connection: Simulator, context: Any, store: Any, naps: list[float]
) -> None:
    twitch_connection.fault("error_500", endpoint="streams", times=None, start=20)
    with pytest.raises(TwitchIncompleteError, match="Twitch answered 500"):
        crawl(on_incomplete="fail").execute(context)
    (raw,) = store.objects
    assert "/incomplete/raw/all_streams/" in raw


def test_what_lost_a_part_is_never_tried_again_when_it_is_too_late(
    twitch_connection: Simulator, context: Any, store: Any, naps: list[float]
) -> None:
    twitch_connection.fault("error_500", endpoint="streams", times=None, start=20)
    with pytest.raises(TwitchIncompleteError):
        crawl(on_incomplete="fail").execute(rerun(context, minutes=-60))
    cleared = rerun(context, minutes=-60, clear_number=1)
    with pytest.raises(AirflowFailException, match="The crawl is incomplete, its table is not published"):
        crawl(on_incomplete="fail").execute(cleared)
    kept: Any = crawl().execute(cleared)
    assert "/incomplete/" in kept["uri"]


def test_languages_are_remembered_however_old_the_last_snapshot_is(
    twitch_connection: Simulator, context: Any, store: Any
) -> None:
    before: Any = crawl().execute(rerun(context, minutes=-10))
    key = before["manifest"].removeprefix("s3://lake/")
    manifest = json.loads(store.objects.pop(key))
    manifest["crawl"]["languages"]["tlh"] = 1
    old = rerun(context, minutes=-3 * 24 * 60)["dag_run"].run_after
    store.objects[f"twitch/manifests/mine/{old:dt=%Y-%m-%d/hour=%H}/{old:%Y%m%dT%H%M%SZ}.json"] = json.dumps(
        manifest
    ).encode()
    reference: Any = crawl().execute(context)
    assert "tlh" in json.loads(read(store, reference["manifest"]))["crawl"]["language_walks"]
    assert json.loads(read(store, reference["manifest"]))["crawl"]["second_look"]["missed"] == 0


def test_a_twitch_without_a_stream_is_an_error(
    twitch_connection: Simulator, context: Any, store: Any, naps: list[float]
) -> None:
    empty = GeneratedWorld(1, streams=1)
    empty.at(twitch_connection.now).streams.clear()  # type: ignore[attr-defined]
    twitch_connection.twitch.world = empty
    with pytest.raises(TwitchDataError, match="not one live stream"):
        crawl().execute(context)
    assert all("/incomplete/raw/" in key for key in store.objects)


@pytest.mark.parametrize(("share", "ends"), [(100, "error"), (10, "incomplete"), (0.5, "complete")])
def test_rows_that_cleaning_refuses_are_missing(
    twitch_connection: Simulator,
    context: Any,
    store: Any,
    monkeypatch: pytest.MonkeyPatch,
    share: float,
    ends: str,
) -> None:
    true_row, made = Population.row, itertools.count()

    def row(population: Population, broadcast: Any, *, viewers: int) -> dict[str, Any]:
        wrong = next(made) % 400 < share * 4
        return true_row(population, broadcast, viewers=viewers) | ({"title": 5} if wrong else {})

    monkeypatch.setattr(Population, "row", row)
    if ends == "error":
        with pytest.raises(TwitchDataError, match="Cleaning refused 700 of 700 rows"):
            crawl().execute(context)
        assert not store.list("twitch/manifests/")
    else:
        reference: Any = crawl().execute(context)
        assert (reference["complete"], "/incomplete/" in reference["uri"]) == (
            ends == "complete",
            ends == "incomplete",
        )
        assert assert_described(store)["complete"] is (ends == "complete")


def test_a_twitch_that_is_down_leaves_nothing(
    twitch_connection: Simulator, context: Any, store: Any, naps: list[float]
) -> None:
    twitch_connection.fault("error_500", times=None)
    with pytest.raises(TwitchServerError):
        crawl().execute(context)
    assert store.objects == {}


@pytest.mark.parametrize("complete", [True, False])
def test_too_late_it_builds_the_same_again_from_its_raw_pages(
    twitch_connection: Simulator,
    context: Any,
    store: Any,
    naps: list[float],
    complete: bool,
) -> None:
    if not complete:
        twitch_connection.fault("error_500", endpoint="streams", times=None, start=20)
    first: Any = crawl().execute(rerun(context, minutes=-60))
    before = dict(store.objects)
    # As if the worker had been killed before it wrote the manifest.
    for key in [key for key in store.objects if "/manifests/" in key or key.endswith(".csv.gz")]:
        del store.objects[key]
    asked = sum(twitch_connection.counters.requests.values())
    assert crawl().execute(rerun(context, minutes=-60, clear_number=1)) == first
    assert sum(twitch_connection.counters.requests.values()) == asked
    assert {key for key in before if before[key] != store.objects[key]} <= set(
        store.list("twitch/manifests/")
    )
    assert assert_described(store)["complete"] is complete


def test_too_late_without_raw_pages_fails_for_good(
    twitch_connection: Simulator, context: Any, store: Any
) -> None:
    with pytest.raises(AirflowFailException, match="Twitch cannot be asked about the past: it was cleared"):
        crawl().execute(rerun(context, minutes=-60, clear_number=1))
    with pytest.raises(AirflowFailException, match="max_lateness is 12 minutes"):
        crawl(max_lateness=timedelta(minutes=12)).execute(rerun(context, minutes=-60))
    assert not twitch_connection.counters.requests
    assert store.objects == {}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"strategy": "backwards"}, "strategy must be languages or checkpoints"),
        ({"on_incomplete": "shrug"}, "on_incomplete must be keep or fail"),
        ({"crawl_seconds": 0}, "crawl_seconds must be between 1 and 3600"),
        ({"compression": "bz2"}, "compression"),
        ({"file_format": "xlsx"}, "file_format"),
        ({"dataset": "top_streams"}, "is a name of the lake's own"),
    ],
)
def test_a_wrong_argument_is_one_sentence_before_anything_is_asked(
    twitch_connection: Simulator, context: Any, store: Any, arguments: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(AirflowFailException, match=sentence):
        crawl(**arguments).execute(context)
    assert not twitch_connection.counters.requests


def test_a_crawl_of_another_name_keeps_its_manifests_apart(
    twitch_connection: Simulator, context: Any, store: Any
) -> None:
    reference: Any = crawl(dataset="everything").execute(context)
    assert "/manifests/mine.everything/" in reference["manifest"]


def test_events_of_outlets_say_what_was_written(
    twitch_connection: Simulator, context: Any, store: Any
) -> None:
    asset = resolve_name(_ASSETS)("twitch://mine")
    operator = crawl()
    operator.outlets = [asset, SimpleNamespace(namespace="s3://lake", name="of OpenLineage")]
    events = context["outlet_events"] = resolve_name(_EVENTS)()
    reference = operator.execute(context)
    assert events[asset].extra == reference
    assert len(events) == 1


def test_instants_are_those_of_the_run(twitch_connection: Simulator, context: Any, store: Any) -> None:
    reference: Any = crawl().execute(context)
    ticks = {row["run_after"] for row in rows(store, reference["uri"])}
    assert ticks == {context["dag_run"].run_after.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
    first = json.loads(read(store, reference["manifest"]))["first_answer_at"]
    assert datetime.fromisoformat(first) <= twitch_connection.now


@pytest.mark.parametrize("damage", ["manifest", "table", "schema version"])
def test_a_last_snapshot_that_cannot_be_trusted_is_a_warning(
    twitch_connection: Simulator,
    context: Any,
    store: Any,
    caplog: pytest.LogCaptureFixture,
    damage: str,
) -> None:
    before: Any = crawl().execute(rerun(context, minutes=-5))
    name = "uri" if damage == "table" else "manifest"
    key = before[name].removeprefix("s3://lake/")
    whole = store.objects[key]
    store.objects[key] = (
        whole[:-9]
        if damage != "schema version"
        else whole.replace(b'"schema_version": 1', b'"schema_version": 99')
    )
    assert store.objects[key] != whole
    twitch_connection.advance(300)
    reference: Any = crawl().execute(context)
    assert (reference["complete"], reference["completeness"]) == (True, 1.0)
    assert "this crawl reads a sample of its pages once more" in caplog.text


def test_where_the_last_snapshot_is_damaged_the_one_before_is_gone_by(
    twitch_connection: Simulator, context: Any, store: Any
) -> None:
    crawl().execute(rerun(context, minutes=-10))
    last: Any = crawl().execute(rerun(context, minutes=-5))
    store.objects[last["uri"].removeprefix("s3://lake/")] += b"x"
    twitch_connection.advance(600)
    reference: Any = crawl().execute(context)
    assert reference["completeness"] > 0.99
