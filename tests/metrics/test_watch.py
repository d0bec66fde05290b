# SPDX-License-Identifier: Apache-2.0
"""From published tables to detectors and to what is active."""

from __future__ import annotations

import gzip
import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.metrics.lake import Lake, stream
from tests.metrics.watched import KEYS, MIDNIGHT, SCOPE, TODAY, Weeks

from twitch_provider.metrics import watch_channels
from twitch_provider.metrics.detectors import detectors_of, summaries
from twitch_provider.metrics.situation import Found
from twitch_provider.metrics.spikes import BUDGET
from twitch_provider.metrics.watch import RECENT, WatchList, of_day, recent

WATCH = WatchList(("site", "game:game 3", "game:1"))
NOON = MIDNIGHT + timedelta(hours=12)


def found(weeks: Weeks, now: datetime, watch: WatchList = WATCH) -> Found:
    weeks.publish(until=now)
    viewers = recent(weeks.store, KEYS, now, watch)
    return Found([], (viewers, {}), detectors_of(weeks.store, KEYS, TODAY, watch), watch)


def test_a_category_is_watched_by_its_id_or_its_name_in_any_case() -> None:
    assert WATCH.has("game:1")
    assert WATCH.has("game:77", "GAME 3")
    assert WATCH.has("site")
    assert not WATCH.has("game:3", "Game 33")
    assert not WATCH.has("channel:1")
    assert not WatchList(()).has("site")


def test_a_quiet_day_has_nothing_to_tell() -> None:
    assert found(Weeks(), NOON).active == {}


def test_a_spike_of_a_watched_category_is_active_until_an_hour_without_another_unusual_change() -> None:
    weeks = Weeks()
    weeks.multiply("3", 3, NOON, NOON + timedelta(hours=8))
    now = found(weeks, NOON + timedelta(minutes=20))
    assert set(now.active) == {f"change {SCOPE} site", f"change {SCOPE} game:3"}
    alert = now.active[f"change {SCOPE} game:3"]
    assert {name: alert[name] for name in ("kind", "series", "name", "at")} == {
        "kind": "rise",
        "series": "game:3",
        "name": "Game 3",
        "at": "2026-11-23T12:00:00Z",
    }
    assert alert["text"].startswith(
        f"Game 3 (all_streams): {alert['viewers']:,} viewers at 2026-11-23T12:00:00Z, "
    )
    assert " more than half an hour before; usual then is " in alert["text"]

    assert f"change {SCOPE} game:3" in found(weeks, NOON + timedelta(minutes=80)).active
    later = found(weeks, NOON + timedelta(minutes=100))
    assert f"change {SCOPE} game:3" not in later.active
    clear = later.all_clear(f"change {SCOPE} game:3", alert)
    assert clear is not None
    assert (clear["kind"], clear["began"], clear["at"]) == ("rise", alert["at"], "2026-11-23T13:35:00Z")
    assert "the unusual rise that began at 2026-11-23T12:00:00Z" in clear["text"]


def test_while_snapshots_are_missing_nothing_is_over() -> None:
    weeks = Weeks()
    weeks.multiply("3", 3, NOON, NOON + timedelta(hours=10))
    alert = found(weeks, NOON + timedelta(minutes=20)).active[f"change {SCOPE} game:3"]
    weeks.drop(NOON + timedelta(minutes=20), NOON + timedelta(hours=6))
    name = f"change {SCOPE} game:3"
    for minutes in (200, 300, 380):  # the scope is silent, then its snapshots count for twenty minutes
        now = found(weeks, NOON + timedelta(minutes=minutes))
        assert name not in now.active
        assert now.all_clear(name, alert) is None
    assert found(weeks, NOON + timedelta(minutes=425)).all_clear(name, alert) is not None


def test_a_category_that_vanishes_from_snapshots_of_every_stream_has_nobody() -> None:
    weeks = Weeks()
    weeks.drop(NOON, NOON + timedelta(hours=2), ["3"])
    alert = found(weeks, NOON + timedelta(minutes=20)).active[f"change {SCOPE} game:3"]
    assert (alert["kind"], alert["viewers"]) == ("drop", 0)


def test_a_category_that_is_no_longer_among_the_top_games_is_not_known_to_have_lost_viewers() -> None:
    weeks = Weeks()
    weeks.drop(NOON, NOON + timedelta(hours=2), ["3"])
    ranks = {game: int(game) + 1 for game in weeks.series}
    weeks.publish(until=NOON + timedelta(minutes=20), listed=ranks)
    viewers = recent(weeks.store, KEYS, NOON + timedelta(minutes=20), WATCH)
    detectors = detectors_of(weeks.store, KEYS, TODAY, WATCH)
    assert f"change {SCOPE} game:3" not in Found([], (viewers, {}), detectors, WATCH).active


def test_late_snapshots_do_not_matter_once_they_are_there() -> None:
    weeks, late = Weeks(), Weeks()
    for each in (weeks, late):
        each.multiply("3", 3, NOON, NOON + timedelta(hours=2))
    late.drop(NOON - timedelta(minutes=40), NOON + timedelta(minutes=10))
    assert found(late, NOON + timedelta(minutes=20)).active == {}
    late.series = dict(weeks.series)
    now = NOON + timedelta(minutes=25)
    assert found(late, now).active == found(weeks, now).active != {}


def test_less_than_two_weeks_of_history_is_learning() -> None:
    weeks = Weeks(12)
    weeks.multiply("3", 30, NOON, NOON + timedelta(hours=2))
    assert found(weeks, NOON + timedelta(minutes=20)).active == {}
    assert summaries(weeks.store, KEYS, TODAY)[SCOPE] == {
        "state": "learning",
        "days": 12,
        "budget_per_series_month": BUDGET,
        "achieved_per_series_month": None,
        "series": 3,
    }


def test_what_was_learned_is_kept_for_the_day_and_the_watch_list() -> None:
    weeks = Weeks()
    weeks.publish()
    first = detectors_of(weeks.store, KEYS, TODAY, WATCH)
    calls = len(weeks.store.calls)
    assert detectors_of(weeks.store, KEYS, TODAY, WATCH) == first
    assert len(weeks.store.calls) == calls + 1
    assert (
        summaries(weeks.store, KEYS, TODAY) == summaries(weeks.store, KEYS, TODAY + timedelta(days=1)) != {}
    )
    assert summaries(weeks.store, KEYS, TODAY + timedelta(days=2)) == {}

    more = detectors_of(weeks.store, KEYS, TODAY, WatchList((*WATCH.entries, "game:5")))
    assert {*more[SCOPE].games.usual} == {*first[SCOPE].games.usual, "game:5"}
    assert more[SCOPE].games.threshold == first[SCOPE].games.threshold


def test_a_day_is_kept_until_its_tables_change_or_another_category_is_watched() -> None:
    weeks, day = Weeks(1), TODAY - timedelta(days=1)
    weeks.publish()
    first = of_day(weeks.store, KEYS, day, WATCH)
    calls = len(weeks.store.calls)
    assert of_day(weeks.store, KEYS, day, WATCH) == first
    read = [key for operation, key in weeks.store.calls[calls:] if operation == "get"]
    assert read == [KEYS.watch("watch", day)]

    weeks.multiply("3", 2, MIDNIGHT - timedelta(hours=5), MIDNIGHT)
    weeks.publish()
    changed = of_day(weeks.store, KEYS, day, WATCH)
    assert changed != first
    assert of_day(weeks.store, KEYS, day, WatchList(("game:Game 99",))) == changed  # made anew, without any
    assert of_day(weeks.store, KEYS, TODAY + timedelta(days=3), WATCH) == {}


# Named, since gzip writes the time into its header: workers would collect tests of different names.
@pytest.mark.parametrize(
    "body",
    [b"", b"{}", gzip.compress(b"[1]"), gzip.compress(b'{"form": 99}'), gzip.compress(b"{")],
    ids=["empty", "not gzip", "a list", "another form", "cut short"],
)
def test_what_was_kept_and_cannot_be_read_is_made_anew(body: bytes) -> None:
    weeks = Weeks()
    weeks.publish()
    first = detectors_of(weeks.store, KEYS, TODAY, WATCH)
    for key in [each for each in weeks.store.objects if "/watch/" in each or "/detectors/" in each]:
        weeks.store.objects[key] = body
    assert detectors_of(weeks.store, KEYS, TODAY, WATCH) == first
    assert json.loads(gzip.decompress(weeks.store.objects[KEYS.watch("detectors", TODAY)]))["form"] == 1


CHANNELS = WatchList(("channel:login2",))


def test_channels_are_recorded_as_snapshots_arrive_in_whatever_order() -> None:
    lake = Lake()
    for minutes in (0, 10, 5):
        lake.crawl(minutes, [stream("1", 900), stream("2", 100 + int(minutes))])
    for snapshot in lake.snapshots:
        watch_channels.record(lake.store, KEYS, [snapshot], CHANNELS)
    (viewers,) = watch_channels.of_day(lake.store, KEYS, TODAY).values()
    at = [int((NOON + timedelta(minutes=minutes, seconds=2)).timestamp()) for minutes in (0, 5, 10)]
    assert sorted(viewers.instants) == at
    assert viewers.series["channel:login2"] == dict(zip(at, (100, 105, 110), strict=True))
    assert viewers.series["channel:login1"][at[0]] == 900  # one of those with the most viewers: learned from
    before = dict(lake.store.objects)
    watch_channels.record(lake.store, KEYS, lake.snapshots, CHANNELS)
    assert lake.store.objects == before
    late = watch_channels.recent(lake.store, KEYS, NOON + timedelta(minutes=4), NOON + timedelta(minutes=11))
    assert sorted(late[SCOPE].instants) == at[1:]


def test_a_broadcast_is_recorded_from_half_an_hour_after_its_beginning_on() -> None:
    lake = Lake()
    for minutes in (0, 29, 31):
        lake.crawl(minutes, [stream("2", 500, started_at="2026-11-23T12:00:00Z"), stream("1", 10)])
    watch_channels.record(lake.store, KEYS, lake.snapshots, CHANNELS)
    (viewers,) = watch_channels.of_day(lake.store, KEYS, TODAY).values()
    assert list(viewers.series["channel:login2"].values()) == [500]
    assert len(viewers.instants) == 3


@pytest.mark.parametrize("writes", [("parquet", "zstd"), ("csv", "gzip"), ("csv", "zstd")])
def test_channels_are_read_from_tables_of_any_form(writes: tuple[str, str]) -> None:
    lake = Lake()
    rows = [stream("1", 9), stream("2", 7, title='a "title", with a comma')]
    lake.crawl(0, rows, writes=dict(zip(("file_format", "compression"), writes, strict=True)))
    watch_channels.record(lake.store, KEYS, lake.snapshots, CHANNELS)
    (viewers,) = watch_channels.of_day(lake.store, KEYS, TODAY).values()
    assert list(viewers.series["channel:login2"].values()) == [7]


def test_a_table_that_has_expired_is_a_sentence_and_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    lake = Lake()
    lake.crawl(0, [stream("2", 7)])
    lake.crawl(5, [stream("2", 8)])
    expired = lake.snapshots[0].table.key
    del lake.store.objects[expired]
    watch_channels.record(lake.store, KEYS, lake.snapshots, CHANNELS)
    (viewers,) = watch_channels.of_day(lake.store, KEYS, TODAY).values()
    assert list(viewers.series["channel:login2"].values()) == [8]
    assert caplog.text.count("Channels of memory://") == 1


def test_the_end_of_a_broadcast_is_neither_a_drop_nor_an_open_alert_for_long() -> None:
    lake, watch = Lake(), CHANNELS
    for minutes in range(0, 125, 5):
        lake.crawl(minutes, [stream("1", 900), *([stream("2", 100)] if minutes < 60 else [])])
    watch_channels.record(lake.store, KEYS, lake.snapshots, watch)
    now = NOON + timedelta(minutes=121)
    channels = watch_channels.recent(lake.store, KEYS, now - RECENT, now)
    alert: dict[str, Any] = {
        "kind": "rise",
        "scope": SCOPE,
        "dataset": "all_streams",
        "series": "channel:login2",
        "name": "login2",
    }
    alert |= {"at": "2026-11-23T12:40:00Z", "viewers": 100}
    here = Found([], ({}, channels), {}, watch)
    assert here.active == {}
    clear = here.all_clear("change", alert)
    assert clear is not None
    assert clear["viewers"] is None
    assert "it is not in the newest snapshot at 2026-11-23T14:00:02Z" in clear["text"]
    assert here.is_known("change", alert)
    assert not Found([], ({}, channels), {}, WatchList(())).is_known("change", alert)
