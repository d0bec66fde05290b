# SPDX-License-Identifier: Apache-2.0
"""``python -m benchmarks [SECTION …]``: measure, and write ``benchmarks/RESULTS.md``.

Each section is measured in its own process, one after another, and stored as JSON in ``.benchmarks/``, so
that measuring one again keeps the results of the others.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.chart import draw, measurements
from benchmarks.machine import describe
from benchmarks.report import Section, render, verdict

ROOT = Path(__file__).resolve().parent.parent
STORED = ROOT / ".benchmarks"
RESULTS = ROOT / "benchmarks" / "RESULTS.md"
PICTURE = ROOT / "docs" / "images" / "scaling.png"


@dataclass(frozen=True)
class Topic:
    """A section before it is measured: ``benchmarks/{name}.py`` has ``measure() -> Sequence[Entry]``.

    :param title: its heading
    :param about: what is compared
    """

    title: str
    about: str


#: In the order of ``RESULTS.md``.
TOPICS = {
    "crawl": Topic(
        "The crawl",
        "Over HTTP from a simulated Twitch in its own process, whose list changes as Twitch's does; "
        "150 ms a response, 800 points a minute unless stated.",
    ),
    "first": Topic(
        "First crawls",
        "Without a last snapshot: a crawl then reads up to 100 of its pages once more. In virtual time, with "
        "150 ms a response and 800 points a minute.",
    ),
    "shipped": Topic(
        "With all that is kept",
        "CPU time of the client a page, with the raw pages that a task keeps and without, against a bare "
        "loop that only fetches; and of the two objects that a task writes, against a bare script.",
    ),
    "local": Topic(
        "Bodies → CSV",
        "From the response bodies to the bytes of the object, against a plain pyarrow script that makes the "
        "same bytes (the floor) and against json, `json_normalize` and `to_csv` (the usual way).",
    ),
    "odd": Topic(
        "Odd rows",
        "Cleaning pages with an odd row in the middle of every third page, and of every page, against the "
        "same pages without one. Each kind is first compared with what cleaning with pandas makes of it.",
    ),
    "clients": Topic(
        "Other clients",
        "The PyPI clients reading every stream of the same world from the same simulator, one after another "
        "with ours. They read with one cursor, which is all they offer; ours reads so, and by a crawl.",
    ),
    "metrics": Topic(
        "Metrics",
        "An hour's metrics, an hour compacted, hours merged and a day's metrics, in CPU time against "
        "gunzipping the same files; a tick as its task computes it, and a month of hours ranked, in CPU "
        "seconds of a warm process; peak memory of the whole process.",
    ),
    "detector": Topic(
        "The detector of spikes",
        "Thirty series of synthetic viewers for each of eight seeds: what is usual is learned from some "
        "weeks, then a month follows in which nothing happens, without learning anew.",
    ),
    "airflow": Topic(
        "What Airflow adds",
        "Parsing in new processes, in turns; a run of each DAG by `dag.test`, in one process, "
        "against the same calls without Airflow; the sizes of XComs.",
    ),
    "sizes": Topic(
        "A day on S3",
        "The bytes of a snapshot in each format and of a day's metrics, as the package's own writers make "
        "them of rows that compress as those of real captures do.",
    ),
    "storage": Topic(
        "Requests and bytes of S3",
        "Runs of each DAG by `dag.test` against moto's S3 and Secrets Manager; requests are counted as "
        "botocore sends them. A missing key is denied, as S3 does under the policy of "
        "`deploy/lake.yaml`.",
    ),
}


#: Modules whose name differs from the section's.
MODULES = {"airflow": "airflow_cost", "odd": "odd_rows"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the given sections, or all; return the exit status.

    :param arguments: of the command line
    """
    options = _parser().parse_args(arguments)
    if options.into:
        _measure(options.sections[0], options.date, options.into)
        return 0
    if unknown := set(options.sections) - set(TOPICS):
        print(f"Unknown section {', '.join(sorted(unknown))}: choose from {', '.join(TOPICS)}.")
        return 2
    failed = [name for name in options.sections or TOPICS if not _run(name, options.date)]
    if stored := _stored():
        RESULTS.write_text(render(stored))
        if crawl := next((section for section in stored if section.title == TOPICS["crawl"].title), None):
            draw(measurements(crawl), PICTURE, conditions=_conditions(crawl))
        print(
            f"\n{verdict(stored)}\n{RESULTS.relative_to(ROOT)} has {len(stored)} of {len(TOPICS)} sections."
        )
    if failed:
        print(f"Could not be measured: {', '.join(failed)}.", file=sys.stderr)
    return 1 if failed else 0


def _run(name: str, date: str) -> bool:
    """Measure a section in its own process; return whether that succeeded."""
    print(f"== {name}", flush=True)
    STORED.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="airflow-provider-twitch-") as home:
        into = Path(home) / "result.json"
        command = [sys.executable, "-m", "benchmarks", name, "--date", date, "--into", str(into)]
        done = subprocess.run(command, cwd=ROOT, env=environment(os.environ, Path(home)), check=False)
        if done.returncode:
            return False
        (STORED / f"{name}.json").write_bytes(into.read_bytes())
    return True


def _measure(name: str, date: str, into: Path) -> None:
    topic = TOPICS[name]
    module = importlib.import_module(f"benchmarks.{MODULES.get(name, name)}")
    section = Section(topic.title, topic.about, module.measure(), describe(), date)
    into.write_text(json.dumps(section.as_dict(), indent=1, ensure_ascii=False))


def _conditions(section: Section) -> str:
    return (
        f"Over HTTP from a simulated Twitch whose list changes: 150 ms a response, 800 points a minute; "
        f"{section.machine['cores']} cores"
    )


def _stored() -> list[Section]:
    found = [STORED / f"{name}.json" for name in TOPICS]
    return [Section.from_dict(json.loads(path.read_text())) for path in found if path.exists()]


def environment(caller: Mapping[str, str], home: Path) -> dict[str, str]:
    """Return an environment with a temporary Airflow and without the caller's Airflow and AWS settings.

    :param caller: the environment of the caller
    :param home: its ``AIRFLOW_HOME``
    """
    foreign = ("AIRFLOW", "_AIRFLOW", "TWITCH_", "AWS_")
    kept = {name: value for name, value in caller.items() if not name.startswith(foreign)}
    return {
        **kept,
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"{', '.join(TOPICS)} (default: all)")
    today = datetime.now(UTC).date().isoformat()
    parser.add_argument("--date", default=today, help="the date in RESULTS.md (default: today, %(default)s)")
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main())
