# SPDX-License-Identifier: Apache-2.0
"""All checks of a soak, and its table for the documentation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from tests.leaks.search import walk
from tests.soak import beside, checks, truth
from tests.soak.airflow import Airflow
from tests.soak.day import ENDS_AT, Outcome
from tests.soak.reading import Left
from tests.soak.simulated import SECRET_KEY
from tests.soak.twitch import MARK

MARKS = "<!-- The soak begins here: make soak renews it. -->", "<!-- The soak ends here. -->"
DAY = timedelta(days=1)


@dataclass
class Verdict:
    """What came of the checks.

    :param wrong: sentences, by check
    :param cells: of metrics that equal the oracle's
    :param came: what each tick of each DAG came to
    :param leftovers: keys of objects of dead tries
    """

    wrong: dict[str, list[str]] = field(default_factory=dict)
    cells: int = 0
    came: dict[str, dict[datetime, str]] = field(default_factory=dict)
    leftovers: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        return sum(map(len, self.wrong.values()))


def judge(outcome: Outcome) -> Verdict:
    """Run all checks.

    :param outcome: of a soak
    """
    left, begin = Left(outcome.bucket.objects), outcome.kernel.begins_at
    days = list(_days(begin, ENDS_AT))
    runs = [run for run in outcome.airflow.runs if run.dag.dag_id in checks.DATASETS]
    verdict = Verdict(came=checks.intervals(left, begin, ENDS_AT), leftovers=checks.leftovers(left))
    cells, unequal = truth.check_metrics(left, days)
    verdict.cells = cells
    faults = outcome.faults
    verdict.wrong = {
        "intervals": checks.check_intervals(
            left, begin, ENDS_AT, {(run.dag.dag_id, run.run_after): run.state for run in runs}
        ),
        "duplicates": checks.check_duplicates(left),
        "half written": checks.check_half_written(left),
        "accounts": checks.check_accounts(left),
        "manifests": truth.check_manifests(
            left, {(run.dag.dag_id, run.run_after): run.run_id for run in runs}
        ),
        "manifests at every moment": outcome.bucket.lies,
        "recall": truth.check_recall(left, outcome.simulator.twitch.world),
        "metrics": unequal,
        "alerts": beside.check_alerts(outcome.airflow.alerts),
        "tokens": beside.check_tokens(
            len(outcome.tokens), outcome.forced_tokens, beside.MOST_TOKENS - 2 + outcome.mix.expiries
        ),
        "rate limit": beside.check_rate_limit(
            sum(outcome.simulator.counters.requests.values()), faults.refused
        ),
        "memory": beside.check_memory(outcome.resident),
        "secrets": [
            *beside.check_secrets(_objects(outcome), {"a secret": MARK}),
            *beside.check_secrets(_texts(outcome), _secrets(outcome)),
        ],
    }
    return verdict


def _days(begin: datetime, end: datetime) -> Iterator[datetime]:
    day = begin.replace(hour=0, minute=0, second=0)
    while day < end:
        yield day
        day += DAY


def _objects(outcome: Outcome) -> Iterator[tuple[str, bytes]]:
    return ((key, stored.body) for key, stored in outcome.bucket.objects.items())


def _texts(outcome: Outcome) -> Iterator[tuple[str, bytes]]:
    yield "the log", outcome.log.read_bytes()
    yield from walk(outcome.home)
    yield "XComs and errors", outcome.airflow.database.read_bytes()


def _secrets(outcome: Outcome) -> dict[str, str]:
    tokens = {f"token {number}": token for number, token in enumerate(outcome.tokens)}
    return {"client secret": outcome.simulator.client_secret, "secret access key": SECRET_KEY, **tokens}


# --- the table ---------------------------------------------------------------------------------------------


def table(outcome: Outcome, verdict: Verdict) -> str:
    """Return the table, as Markdown."""
    rows = [f"| {name} | {value} |" for name, value in _rows(outcome, verdict)]
    return "\n".join(["| what | of this soak |", "|---|---|", *rows])


def _rows(outcome: Outcome, verdict: Verdict) -> Iterator[tuple[str, str]]:
    airflow, bucket, plan = outcome.airflow, outcome.bucket, outcome.plan
    begins_at, streams = outcome.kernel.begins_at, outcome.simulator.twitch.world.at(ENDS_AT).streams
    yield "seed, mix", f"{outcome.seed}, {outcome.mix}"
    yield "simulated", f"{outcome.runs} ticks of five minutes, a world of {len(streams):,} streams"
    for dag_id, came in verdict.came.items():
        yield f"intervals of `{dag_id}`", _came(came)
    runs = Counter(run.state for run in airflow.runs)
    yield "runs of all DAGs", f"{_listed(runs)}; {outcome.cleared} of these cleared after they had failed"
    yield "tries, by how they ended", _listed(airflow.tries)
    yield "given up while they were frozen", f"{len(airflow.zombies)}, {_woken(airflow)} of which woke"
    yield from _of_twitch(outcome)
    refused = sum(bucket.refused.values())
    yield "requests to S3", f"{sum(bucket.requests.values()):,}, of which {refused:,} failed"
    yield "these failed by", _listed(bucket.refused)
    yield "S3 refused all requests", plan.refusing.told(begins_at)
    yield "the clock was wrong", f"by {outcome.mix.jump:+.0f} minutes, {plan.jumped.told(begins_at)}"
    alerts, clears = (sum(len(each[name]) for each in airflow.alerts) for name in ("alerts", "all_clears"))
    yield "told", f"{alerts} alerts, {clears} all-clears"
    raw = sum("/raw/" in key for key in verdict.leftovers)
    others = len(verdict.leftovers) - raw
    yield "left by tries that died or were replaced", f"{raw} raw objects, {others} under `incomplete/`"
    yield "objects in the bucket", f"{len(bucket.objects):,}"
    yield "cells of metrics equal to the oracle", f"{verdict.cells:,}"
    resident = ", ".join(f"{each / 1e6:.0f}" for each in outcome.resident)
    yield "resident memory at each hour", f"{resident} MB"
    yield "processor time", f"{outcome.cpu_seconds / 60:.1f} minutes"
    yield "**found wrong**", f"**{verdict.count}**"


def _of_twitch(outcome: Outcome) -> Iterator[tuple[str, str]]:
    faults, begins_at = outcome.faults, outcome.kernel.begins_at
    answers, failed = sum(outcome.simulator.counters.requests.values()), sum(faults.drawn.values())
    share = f"{failed:,} ({failed / answers:.1%}) failed or were odd"
    yield "answers of Twitch", f"{answers:,}, of which {share}, in {len(faults.drawn)} ways"
    away = outcome.plan.away.told(begins_at)
    yield "Twitch was away", f"{away}, for {sum(faults.away.values()):,} requests"
    forced = f"{outcome.forced_tokens} after an answer that was false or lost"
    yield "tokens fetched", f"{len(outcome.tokens)}: {outcome.mix.expiries} expiries, {forced}"
    yield "requests that the rate limit refused", f"{sum(faults.refused.values())}"


def _came(came: Mapping[datetime, str]) -> str:
    counts = Counter(what for tick, what in came.items() if tick < ENDS_AT)
    told = ", ".join(f"{counts[what]} {what}" for what in (checks.COMPLETE, checks.INCOMPLETE, checks.GAP))
    later = sum(tick >= ENDS_AT for tick in came)
    return told + (f"; {later} of the next day, by a clock that was wrong" if later else "")


def _woken(airflow: Airflow) -> int:
    return sum(each.woke for each in airflow.zombies)


def _listed(counted: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in sorted(counted.items())) or "none"


def renew(page: Path, text: str) -> None:
    """Replace what stands between the marks of a page.

    :param page: of the documentation
    :param text: the table
    """
    before, _, rest = page.read_text().partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    page.write_text(f"{before}{MARKS[0]}\n{text}\n{MARKS[1]}{after}")
