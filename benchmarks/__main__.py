# SPDX-License-Identifier: Apache-2.0
"""``python -m benchmarks [SECTION …]``: measure, and write ``benchmarks/RESULTS.md``.

Each section is measured in a process of its own, one after another, and kept as JSON in ``.benchmarks/``:
one that is measured again leaves the others' results as they are.
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
KEPT = ROOT / ".benchmarks"
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
        "Over HTTP from a simulated Twitch in a process of its own, whose list moves as the real one does; "
        "150 ms an answer, 800 points a minute unless it is said.",
    ),
    "local": Topic(
        "Bodies → CSV",
        "From what Twitch answered to the bytes of the object, against a bare pyarrow script that makes the "
        "same bytes (the floor) and against json, `json_normalize` and `to_csv` (the usual way).",
    ),
    "clients": Topic(
        "Other clients",
        "The PyPI clients reading every stream of the same world from the same simulator, one after another "
        "with ours. Theirs is one cursor each, as they offer no more; ours is that, and a crawl.",
    ),
    "airflow": Topic(
        "What Airflow adds",
        "Parsing in fresh processes that take turns; a run of each DAG by `dag.test`, in one process, "
        "against the same calls without Airflow; what goes through XCom.",
    ),
    "storage": Topic(
        "What goes to S3",
        "Runs of each DAG by `dag.test` against moto's S3 and Secrets Manager; requests are counted as "
        "botocore sends them. A key that is not there is denied, as S3 does under the policy of "
        "`deploy/cloudformation.yaml`.",
    ),
}


#: Where a section's module is not called as the section is.
MODULES = {"airflow": "airflow_cost"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the sections that are named, or all; returns the exit status.

    :param arguments: of the command line
    """
    options = _parser().parse_args(arguments)
    if options.into:
        _measure(options.sections[0], options.date, options.into)
        return 0
    if unknown := set(options.sections) - set(TOPICS):
        print(f"There is no section {', '.join(sorted(unknown))}: there are {', '.join(TOPICS)}.")
        return 2
    failed = [name for name in options.sections or TOPICS if not _run(name, options.date)]
    if kept := _kept():
        RESULTS.write_text(render(kept))
        if crawl := next((section for section in kept if section.title == TOPICS["crawl"].title), None):
            draw(measurements(crawl), PICTURE, conditions=_conditions(crawl))
        print(f"\n{verdict(kept)}\n{RESULTS.relative_to(ROOT)} has {len(kept)} of {len(TOPICS)} sections.")
    if failed:
        print(f"Could not be measured: {', '.join(failed)}.", file=sys.stderr)
    return 1 if failed else 0


def _run(name: str, date: str) -> bool:
    """Measure a section in a process of its own; tells whether that went well."""
    print(f"== {name}", flush=True)
    KEPT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="airflow-provider-twitch-") as home:
        into = Path(home) / "result.json"
        command = [sys.executable, "-m", "benchmarks", name, "--date", date, "--into", str(into)]
        done = subprocess.run(command, cwd=ROOT, env=environment(os.environ, Path(home)), check=False)
        if done.returncode:
            return False
        (KEPT / f"{name}.json").write_bytes(into.read_bytes())
    return True


def _measure(name: str, date: str, into: Path) -> None:
    topic = TOPICS[name]
    module = importlib.import_module(f"benchmarks.{MODULES.get(name, name)}")
    section = Section(topic.title, topic.about, module.measure(), describe(), date)
    into.write_text(json.dumps(section.as_dict(), indent=1, ensure_ascii=False))


def _conditions(section: Section) -> str:
    return (
        f"Over HTTP from a simulated Twitch that moves: 150 ms an answer, 800 points a minute; "
        f"{section.machine['cores']} cores"
    )


def _kept() -> list[Section]:
    found = [KEPT / f"{name}.json" for name in TOPICS]
    return [Section.from_dict(json.loads(path.read_text())) for path in found if path.exists()]


def environment(caller: Mapping[str, str], home: Path) -> dict[str, str]:
    """Return an environment with a throw-away Airflow and nothing of the caller's own.

    :param caller: the environment of who runs us
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
    parser.add_argument("--date", default=today, help="that RESULTS.md says (default: today, %(default)s)")
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main())
