# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.lake.conftest import MemoryStore, stream_row

from twitch_provider.exceptions import TwitchDataError, TwitchOwnerError, TwitchRawObjectError
from twitch_provider.helix.messages import Page
from twitch_provider.helix.ratelimit import RateLimit
from twitch_provider.lake.extract import Extract
from twitch_provider.lake.formats import Format
from twitch_provider.lake.keys import SnapshotKeys
from twitch_provider.lake.manifest import Manifest
from twitch_provider.lake.raw_header import Owner
from twitch_provider.pipelines import snapshot
from twitch_provider.pipelines.run import Run
from twitch_provider.pipelines.streams import FilteredStreams
from twitch_provider.pipelines.top_games import TopGames

TICK = datetime(2026, 11, 23, 16, 35, tzinfo=UTC)
KEYS = SnapshotKeys("twitch", "d.mine", TICK)
OWNER = Owner("d", "r", "t")


def answer(*rows: Any, endpoint: str = "streams", date: datetime = TICK, loopback: bool = False) -> Page:
    body = json.dumps({"data": rows, "pagination": {}}).encode()
    page = Page(endpoint, (), TICK, body, [*rows], [*rows], None)
    limit = RateLimit(limit=800, remaining=779)
    return replace(page, date=date, loopback=loopback, rate_limit=limit)


class Answered:
    """A snapshot that Twitch answers with these pages, and then perhaps with an error."""

    def __init__(self, *pages: Page, of: Any = None, error: TwitchDataError | None = None) -> None:
        self.pages, self.error = pages, error
        self.of = of or FilteredStreams("mine", languages=["en"])
        self.raw_dataset, self.asks = self.of.raw_dataset, self.of.asks
        self.asked = 0

    def read(self, hook: Any) -> Iterator[Page]:
        self.asked += 1
        hook.stats["requests"] += len(self.pages)
        yield from self.pages
        if self.error:
            raise self.error

    def clean(self, pages: Iterable[Any], run_after: datetime) -> Any:
        return self.of.clean(pages, run_after)


class Hook:
    """What a snapshot looks at of a hook."""

    def __init__(self) -> None:
        self.stats = Counter({"requests": 7, "tokens": 1})


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


#: Publishes as one try of the run.
Publish = Callable[..., Any]


@pytest.fixture
def publish(store: MemoryStore) -> Publish:
    def publish(pages: Any, keys: SnapshotKeys = KEYS, **values: Any) -> dict[str, dict[str, Any]]:
        hook: Any = Hook()
        return snapshot.publish(Run(store, keys, **{"owner": OWNER, **values}), pages, hook, Format())

    return publish


@pytest.fixture
def looked_before(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From now on a try has looked, and found nothing, before another one wrote: it was frozen then."""

    def looked_before() -> None:
        monkeypatch.setattr(Run, "find", lambda *_: None)
        monkeypatch.setattr(Run, "require_in_time", lambda *_: None)

    return looked_before


def manifest(store: MemoryStore, keys: SnapshotKeys = KEYS) -> Manifest:
    return Manifest.from_json(store.objects[keys.manifest])


def test_returns_where_a_table_lies_and_what_it_is(store: MemoryStore, publish: Publish) -> None:
    told = publish(Answered(answer(stream_row())), run_type="manual")
    assert told == {
        "mine": {
            "uri": f"memory://{KEYS.data('mine')}",
            "manifest": f"memory://{KEYS.manifest}",
            "rows": 1,
            "run_after": "2026-11-23T16:35:00Z",
            "run_type": "manual",
            "complete": True,
            "adhoc": False,
            "scope": {
                "asks": {"languages": ["en"]},
                "writes": {"file_format": "csv", "compression": "none"},
            },
        }
    }
    published = manifest(store)
    assert (published.requests, published.transport, published.points_left) == (1, {}, 779)


def test_a_run_asks_once(store: MemoryStore, publish: Publish) -> None:
    first, second = Answered(answer(stream_row())), Answered(answer(stream_row(title="later")))
    told = publish(first)
    before = dict(store.objects)
    assert publish(second) == told
    assert (first.asked, second.asked) == (1, 0)
    assert store.objects == before


def test_a_try_with_other_pages_in_hand_publishes_those_of_the_first(
    store: MemoryStore, publish: Publish, looked_before: Callable[[], None]
) -> None:
    told = publish(Answered(answer(stream_row())))
    before = dict(store.objects)
    looked_before()
    second = Answered(answer(stream_row(title="later"), stream_row(id="2")))
    assert publish(second) == told
    assert second.asked == 1
    assert store.objects == before


def test_a_task_of_another_owner_takes_nothing_from_the_first(
    store: MemoryStore, publish: Publish, looked_before: Callable[[], None]
) -> None:
    publish(Answered(answer(stream_row())))
    before = dict(store.objects)
    other = Answered(answer(stream_row()))
    for owner in (replace(OWNER, run_id="r2"), replace(OWNER, task_id="u"), replace(OWNER, map_index=1)):
        with pytest.raises(TwitchOwnerError, match="belongs to task t of run 'r' of DAG d"):
            publish(other, owner=owner)
    assert other.asked == 0
    looked_before()
    with pytest.raises(TwitchOwnerError, match="belongs to task t of run 'r' of DAG d"):
        publish(other, owner=replace(OWNER, run_id="r2"))
    assert store.objects == before


def test_a_copied_dag_takes_nothing_from_the_first(store: MemoryStore, publish: Publish) -> None:
    """Its manifests lie elsewhere; its tables do not."""
    publish(Answered(answer(stream_row())))
    before = dict(store.objects)
    with pytest.raises(TwitchOwnerError, match="give one of the DAGs another prefix or dataset"):
        publish(
            Answered(answer(stream_row())), replace(KEYS, dag_id="copy.mine"), owner=Owner("copy", "r", "t")
        )
    assert store.objects == before


HOUR = timedelta(hours=1)
REFUSED = {
    "no game": (
        Answered(answer(endpoint="games/top"), of=TopGames(games_dataset="mine")),
        "Twitch listed no top game",
    ),
    "all rows refused": (
        Answered(answer(stream_row(viewer_count=-1), stream_row(title=5))),
        "Cleaning refused every row (viewer_count: negative)",
    ),
    "a wrong date": (
        Answered(answer(stream_row()), answer(date=TICK + 1.1 * HOUR)),
        "An answer of Twitch is dated 2026-11-23T17:41:00Z and arrived at 2026-11-23T16:35:00Z",
    ),
    "it broke off": (Answered(answer(stream_row()), error=TwitchDataError("It broke off.")), "It broke off."),
}


@pytest.mark.parametrize(("refused", "sentence"), REFUSED.values(), ids=REFUSED)
def test_pages_that_cannot_be_published_lie_apart_and_a_later_try_asks_again(
    store: MemoryStore, publish: Publish, refused: Answered, sentence: str
) -> None:
    with pytest.raises(TwitchDataError) as error:
        publish(refused, try_id="0123abcd")
    (key,) = store.objects
    assert key == KEYS.incomplete_raw("mine", "0123abcd")
    assert not error.value.fatal
    assert str(error.value).startswith(sentence)
    assert str(error.value).endswith(f" The answers are kept in memory://{key}.")
    assert publish(Answered(answer(stream_row())))["mine"]["complete"]


def test_a_list_without_a_row_is_a_snapshot_where_it_may_be_empty(
    store: MemoryStore, publish: Publish
) -> None:
    assert publish(Answered(answer()))["mine"]["rows"] == 0


def test_the_date_of_a_simulator_is_believed(store: MemoryStore, publish: Publish) -> None:
    year = timedelta(days=365)
    assert publish(Answered(answer(stream_row(), date=TICK + year, loopback=True)))["mine"]["rows"] == 1
    assert manifest(store).clock_difference_seconds == year.total_seconds()


def test_one_page_that_is_not_of_a_simulator_makes_the_others_not(
    store: MemoryStore, publish: Publish
) -> None:
    far = answer(stream_row(), date=TICK + 2 * HOUR, loopback=True)
    with pytest.raises(TwitchDataError, match="An answer of Twitch is dated"):
        publish(Answered(far, answer(stream_row(id="2"))))


def test_a_date_six_minutes_off_is_a_warning_and_in_the_manifest(
    store: MemoryStore, publish: Publish, caplog: pytest.LogCaptureFixture
) -> None:
    publish(Answered(answer(stream_row(), date=TICK - timedelta(minutes=6))))
    assert manifest(store).clock_difference_seconds == 360
    assert "Twitch's Date and this worker's clock differ by 360 s" in caplog.text


def test_without_a_page_nothing_is_kept(store: MemoryStore, publish: Publish) -> None:
    with pytest.raises(TwitchDataError, match="answered no page"):
        publish(Answered())
    with pytest.raises(TwitchDataError, match="Not even one"):
        publish(Answered(error=TwitchDataError("Not even one.")))
    assert store.objects == {}


def test_a_damaged_raw_object_is_fatal_before_anything_is_withdrawn(
    store: MemoryStore, publish: Publish
) -> None:
    publish(Answered(answer(stream_row())))
    raw = KEYS.raw("mine")
    for damaged in (b"damaged", store.objects[raw][:-5]):
        store.objects[raw] = damaged
        before = dict(store.objects)
        with pytest.raises(
            TwitchRawObjectError, match=f"made of memory://{raw} .*: delete it by hand, with"
        ) as lost:
            publish(Answered(answer(stream_row())))
        assert lost.value.fatal
        assert store.objects == before


def test_a_raw_object_that_cleaning_refuses_is_fatal_before_anything_is_withdrawn(
    store: MemoryStore, publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one that another version of the package took for sound."""
    publish(Answered(answer(stream_row(viewer_count=0))))
    before = dict(store.objects)

    def refuse(*_: Any) -> Any:
        raise TwitchDataError("Not sound any more.")

    pages = Answered(answer(stream_row()))
    monkeypatch.setattr(pages, "clean", refuse)
    with pytest.raises(TwitchRawObjectError, match=r"\(Not sound any more\): delete it by hand"):
        publish(pages)
    assert store.objects == before


def test_an_ad_hoc_run_lies_apart_and_says_so(store: MemoryStore, publish: Publish) -> None:
    keys = replace(KEYS, adhoc=True)
    told = publish(Answered(answer(stream_row())), keys, changed=("languages",))
    assert told["mine"]["adhoc"] is True
    assert {key.split("/")[1] for key in store.objects} == {"adhoc"}


def test_a_rerun_keeps_place_form_and_scope_whatever_the_dag_has_become(
    store: MemoryStore, publish: Publish
) -> None:
    keys = replace(KEYS, adhoc=True)
    told = publish(Answered(answer(stream_row())), keys, changed=("languages",))
    before = dict(store.objects)
    hook: Any = Hook()
    changed = Answered(answer(stream_row()), of=FilteredStreams("mine", languages=["de"]))
    assert snapshot.publish(Run(store, KEYS, OWNER), changed, hook, Format("parquet", "zstd")) == told
    assert store.objects == before


def test_the_steps_of_a_dag_are_those_of_an_operator(
    store: MemoryStore, publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = publish(Answered(answer(stream_row())))
    before = dict(store.objects)
    store.objects.clear()
    monkeypatch.setattr(snapshot, "connect", Hook)
    pages, run = Answered(answer(stream_row())), Run(store, KEYS, OWNER, try_id="0123abcd")
    sent = json.loads(json.dumps(snapshot.extract(run, pages).as_xcom()))
    # Each task opens the lake anew, and only the first one knows its own try.
    run, extracted = Run(store, KEYS, OWNER), Extract.from_xcom(sent)
    assert snapshot.load(run, extracted, snapshot.transform(run, pages, extracted)) == told
    assert store.objects.keys() == before.keys()
    assert pages.asked == 1


def test_a_table_that_the_manifest_does_not_list_has_no_reference(
    store: MemoryStore, publish: Publish
) -> None:
    publish(Answered(answer(stream_row())))
    with pytest.raises(TwitchDataError, match="lists no table other: clear the task that wrote it"):
        snapshot.reference(store, KEYS, manifest(store), "other")
