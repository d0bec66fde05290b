# SPDX-License-Identifier: Apache-2.0
"""What tasks tell StatsD and OpenTelemetry, by Airflow's own clients; and what the dashboard makes of it."""

from __future__ import annotations

import importlib
import inspect
import json
import re
import socket
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
import yaml  # type: ignore[import-untyped]
from tests.lake.conftest import stream_row
from tests.metrics.month import RUN_AFTER, month_overview
from tests.pipelines.test_all_streams import Crawls
from tests.pipelines.test_snapshot import KEYS, OWNER, TICK, Answered, Hook, answer

from twitch_provider.compat import Stats
from twitch_provider.lake.formats import Format
from twitch_provider.lake.keys import SnapshotKeys
from twitch_provider.metrics.overview import build
from twitch_provider.metrics.overview.encode import encode
from twitch_provider.pipelines import metrics, snapshot, stats
from twitch_provider.pipelines.run import Run

# What Airflow 2 says of its own defaults.
pytestmark = pytest.mark.filterwarnings(
    "ignore:The basic metric validator will be deprecated",
    "ignore:Timer and timing metrics publish in seconds",
)

DOCS = Path(__file__).parents[2] / "docs"

#: Whether the process says what ``Stats`` sends to; before Airflow 3.2, ``Stats`` looks for itself.
_INITIALIZES = "initialize" in {*vars(Stats), *vars(type(Stats))}

#: Sets options of ``[metrics]``, and starts ``Stats`` as Airflow's process of a task does.
Start = Callable[..., None]


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    made: list[Any] = []
    environment = pytest.MonkeyPatch()

    def start(factory: Callable[..., Any] | None = None, **options: Any) -> None:
        for name, value in options.items():
            environment.setenv(f"AIRFLOW__METRICS__{name.upper()}", str(value))
        _initialize(monkeypatch, factory or _configured(), made)

    yield start
    environment.undo()
    if _INITIALIZES:
        _initialize(monkeypatch, _configured(), [])
    for each in made:
        if hasattr(each, "statsd"):
            each.statsd.close()


def _configured() -> Callable[..., Any]:
    """The factory that Airflow chooses by its options."""
    try:
        from airflow.sdk.observability.metrics import stats_utils
    except ModuleNotFoundError:  # before 3.2
        from airflow.metrics.statsd_logger import get_statsd_logger

        return get_statsd_logger  # type: ignore[no-any-return]
    choose: Any = stats_utils.get_stats_factory
    return choose(Stats) if inspect.signature(choose).parameters else choose()  # type: ignore[no-any-return]


def _initialize(monkeypatch: pytest.MonkeyPatch, factory: Callable[..., Any], made: list[Any]) -> None:
    def make(*args: Any) -> Any:
        made.append(factory(*args))
        return made[-1]

    if _INITIALIZES:
        known: Any = inspect.signature(Stats.initialize).parameters
        Stats.initialize(factory=make, **({"export_legacy_names": True} if len(known) > 1 else {}))
    else:  # before 3.2
        monkeypatch.setattr(type(Stats), "factory", make)
        monkeypatch.setattr(Stats, "instance", None, raising=False)


class Daemon:
    """A StatsD that keeps what arrives."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)

    def gauges(self) -> dict[str, float]:
        """What has arrived since the last call: a datagram to this machine is there when it is sent."""
        found: dict[str, float] = {}
        while True:
            try:
                text = self.socket.recv(2048).decode()
            except BlockingIOError:
                return found
            name, _, value = text.rpartition(":")
            assert value.endswith("|g"), text
            found[name] = float(value.removesuffix("|g"))


@pytest.fixture
def daemon(start: Start) -> Iterator[Daemon]:
    pytest.importorskip("statsd", reason="the client of StatsD is not installed: it is in the extra test")
    daemon = Daemon()
    port = daemon.socket.getsockname()[1]
    start(statsd_on=True, statsd_host="127.0.0.1", statsd_port=port)
    yield daemon
    daemon.socket.close()


@pytest.fixture
def publish(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Publish a snapshot of two streams, one of which cleaning refuses, a minute after its tick."""
    crawls = Crawls(monkeypatch)

    def publish(keys: SnapshotKeys = KEYS, *, minutes: float = 1, **values: Any) -> None:
        hook: Any = Hook()
        run = Run(crawls.store, keys, **{"owner": OWNER, **values})
        pages = Answered(answer(stream_row(), stream_row(id="2", viewer_count=-1)))
        with time_machine.travel(TICK + timedelta(minutes=minutes), tick=False):
            snapshot.publish(run, pages, hook, Format())

    return publish


@pytest.fixture
def crawl(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Publish a crawl."""
    crawls = Crawls(monkeypatch)

    def crawl(**values: Any) -> None:
        with time_machine.travel(TICK + timedelta(minutes=1), tick=False):
            crawls.publish(**values)

    return crawl


@pytest.fixture
def overview(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Run the task ``overview``, which makes this document of what lies in the lake."""

    def overview(document: Any, *, now: datetime = RUN_AFTER) -> str:
        monkeypatch.setattr(build, "publish_overview", lambda *_: encode(document))
        monkeypatch.setattr(
            metrics,
            "open_lake",
            lambda _: (SimpleNamespace(uri=lambda key: key), SimpleNamespace(overview="overview.json")),
        )
        context = {"dag_run": SimpleNamespace(run_after=RUN_AFTER), "ti": SimpleNamespace(dag_id="m")}
        with time_machine.travel(now, tick=False):
            return metrics.publish_overview(context)

    return overview


def test_statsd_gets_a_snapshot_by_names_with_its_dataset(
    daemon: Daemon, publish: Callable[..., None]
) -> None:
    publish()
    sent = {
        "rows": 1,
        "rejects": 1,
        "complete": 1,
        "delay_seconds": 0,
        "snapshot_timestamp_seconds": TICK.timestamp(),
        "requests": 1,
        "points_left": 779,
    }
    assert daemon.gauges() == {f"airflow.twitch.{name}.mine": value for name, value in sent.items()}


def test_statsd_gets_a_crawl_that_lacks_streams(daemon: Daemon, crawl: Callable[..., None]) -> None:
    crawl(complete=False)
    found = daemon.gauges()
    assert found["airflow.twitch.complete.all_streams"] == 0
    assert found["airflow.twitch.completeness.all_streams"] == 0.9


def test_the_time_from_the_tick_to_the_last_answer(daemon: Daemon, publish: Callable[..., None]) -> None:
    publish(SnapshotKeys("twitch", "d.mine", TICK - timedelta(minutes=3)))
    assert daemon.gauges()["airflow.twitch.delay_seconds.mine"] == 180


def test_statsd_gets_the_health_of_today_of_what_each_dataset_was_last_asked_for(
    daemon: Daemon, overview: Callable[..., str]
) -> None:
    document = month_overview()
    newest, other = document["scopes"][:2]
    newest["dataset"] = other["dataset"] = "top_streams"
    other["health"]["last_snapshot_at"] = "2026-11-01T00:00:00Z"
    newest["health"]["today"] |= {
        "covered_seconds": 900,
        "missing_seconds": 100,
        "missing": 2,
        "gated": 1,
    }
    overview(document)
    assert daemon.gauges() == {
        "airflow.twitch.coverage.top_streams": 0.9,
        "airflow.twitch.missing.top_streams": 2,
        "airflow.twitch.gated.top_streams": 1,
    }


def test_a_day_that_has_just_begun_has_no_coverage(daemon: Daemon, overview: Callable[..., str]) -> None:
    document = month_overview()
    del document["scopes"][1:]
    document["scopes"][0]["health"]["today"] |= {"covered_seconds": 0, "missing_seconds": 0}
    overview(document)
    assert {name.split(".")[2] for name in daemon.gauges()} == {"missing", "gated"}
    document["scopes"][0]["health"]["today"] = None
    overview(document)
    assert daemon.gauges() == {}


def test_nothing_is_sent_of_the_past_and_of_ad_hoc_runs(
    daemon: Daemon, publish: Callable[..., None], overview: Callable[..., str]
) -> None:
    publish(minutes=61)
    publish(SnapshotKeys("twitch", "d.mine", TICK - timedelta(minutes=5), adhoc=True), changed=("games",))
    overview(month_overview(), now=RUN_AFTER + timedelta(minutes=61))
    assert daemon.gauges() == {}
    publish()
    assert daemon.gauges()


def test_statsd_with_tags_gets_the_dataset_as_one(
    daemon: Daemon, start: Start, publish: Callable[..., None]
) -> None:
    start(statsd_influxdb_enabled=True)
    publish()
    assert daemon.gauges()["airflow.twitch.rows,dag_id=d,dataset=mine"] == 1


@pytest.mark.filterwarnings("default")  # of protobuf, which OpenTelemetry imports
def test_opentelemetry_gets_the_dataset_as_an_attribute(start: Start, publish: Callable[..., None]) -> None:
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader

    try:
        module: Any = importlib.import_module("airflow.sdk._shared.observability.metrics.otel_logger")
    except ModuleNotFoundError:  # before 3.2
        module = importlib.import_module("airflow.metrics.otel_logger")
    reader = InMemoryMetricReader()
    provider = MeterProvider(metric_readers=[reader], shutdown_on_exit=False)
    start(lambda *_: module.SafeOtelLogger(provider), otel_on=True)
    publish()
    data = reader.get_metrics_data()
    assert data is not None
    points = {
        metric.name: [(point.value, point.attributes) for point in metric.data.data_points]  # type: ignore[union-attr]
        for metric in data.resource_metrics[0].scope_metrics[0].metrics
    }
    provider.shutdown()
    assert points["airflow.twitch.rows"] == [(1, {"dag_id": "d", "dataset": "mine"})]
    assert points["airflow.twitch.points_left"] == [(779, {"dag_id": "d", "dataset": "mine"})]


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"statsd_datadog_enabled": True}, "twitch.rows"),
        ({"statsd_datadog_enabled": True, "statsd_datadog_metrics_tags": False}, "twitch.rows.mine"),
        ({"statsd_on": True, "otel_on": True}, "twitch.rows.mine"),
    ],
)
def test_the_dataset_is_in_the_name_where_a_backend_has_no_tags(
    start: Start, publish: Callable[..., None], options: dict[str, bool], name: str
) -> None:
    names: list[str] = []
    backend = SimpleNamespace(gauge=lambda stat, _value, **_: names.append(stat))
    start(lambda *_: backend, **options)
    publish()
    assert name in names


def test_a_backend_that_fails_fails_no_task(
    start: Start, publish: Callable[..., None], overview: Callable[..., str], caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError("no route to host")

    start(lambda *_: SimpleNamespace(gauge=refuse))
    publish()
    assert overview(month_overview()) == "overview.json"
    sentence = "Gauges are not sent to StatsD or OpenTelemetry: OSError: no route to host"
    assert caplog.messages.count(sentence) == 2


def test_the_table_of_the_documentation_has_every_gauge() -> None:
    rows = [
        f"| `{name}` | {'today' if name in stats.OF_TODAY else 'snapshot'} | {unit} | {meaning} |"
        for name, (unit, meaning) in stats.GAUGES.items()
    ]
    table = "\n".join(["| gauge | of | unit | meaning |", "|---|---|---|---|", *rows])
    assert table in (DOCS / "howto" / "monitoring.md").read_text(), f"paste this into monitoring.md:\n{table}"


def test_each_query_of_the_dashboard_names_a_gauge_that_statsd_got(
    daemon: Daemon, publish: Callable[..., None], crawl: Callable[..., None], overview: Callable[..., str]
) -> None:
    publish()
    crawl()
    overview(month_overview())
    mapping = yaml.safe_load((DOCS / "monitoring" / "statsd-exporter.yaml").read_text())
    sent = {prometheus_name(mapping, name) for name in daemon.gauges()}
    dashboard = json.loads((DOCS / "monitoring" / "grafana-dashboard.json").read_text())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    queries += [each["query"]["query"] for each in dashboard["templating"]["list"] if each["type"] == "query"]
    assert len(queries) > 10
    named = [set(re.findall(r"\bairflow_\w+", query)) for query in queries]
    assert all(named)
    assert set().union(*named) == sent
    assert len(sent) == len(stats.GAUGES)


def prometheus_name(mapping: Any, name: str) -> str:
    """The name and the label that the exporter's mapping makes of a name."""
    (rule,) = mapping["mappings"]
    pattern = re.escape(rule["match"]).replace(r"\*", r"([^.]+)")
    match = re.fullmatch(pattern, name)
    assert match, name
    assert rule["labels"] == {"dataset": "$2"}
    return str(rule["name"]).replace("$1", match[1]).replace("${1}", match[1])
