# SPDX-License-Identifier: Apache-2.0
"""``docs/operations.md`` against what it is about: alerts, alarms, DAGs, sizes."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path

import pytest
from airflow.cli.cli_parser import get_parser

from twitch_provider.metrics import situation
from twitch_provider.pipelines import notify

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "operations.md").read_text()
TEMPLATE = (ROOT / "deploy" / "airflow-ec2.yaml").read_text()


def section(title: str) -> str:
    """The part of the page below a heading of the second level."""
    return PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]


def first_cells(text: str) -> set[str]:
    """What stands in backquotes in the first column of tables."""
    rows = re.findall(r"^\| (`.+?) \|", text, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}


def kinds() -> set[str]:
    """The kinds of alerts that the sources name."""
    told = {situation.MISSED, situation.RISE, situation.DROP, situation.DISK}
    source = Path(notify.__file__).read_text()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == "kind" and isinstance(value, ast.Constant):
                    told.add(str(value.value))
    return told


def alarms() -> dict[str, str]:
    """The alarms of the template with their metrics."""
    parts = re.split(r"^  (\w+):$", TEMPLATE, flags=re.MULTILINE)
    bodies = dict(zip(parts[1::2], parts[2::2], strict=True))
    return {
        name: re.findall(r"MetricName: (\w+)", body)[0]
        for name, body in bodies.items()
        if "Type: AWS::CloudWatch::Alarm" in body
    }


def test_the_sources_have_the_kinds_that_are_looked_for() -> None:
    assert kinds() == {"missed", "rise", "drop", "disk", "failed"}
    assert len(alarms()) >= 5


@pytest.mark.parametrize("kind", sorted(kinds()))
def test_each_kind_of_alert_has_its_line(kind: str) -> None:
    assert kind in first_cells(section("What to do for each alert"))


@pytest.mark.parametrize(("alarm", "metric"), sorted(alarms().items()))
def test_each_alarm_has_its_line_with_its_metric(alarm: str, metric: str) -> None:
    assert {alarm, metric} <= first_cells(section("What to do for each alert"))


#: Of S3 in us-east-1, as docs/deploy/ec2.md has it: dollars a GB and month.
PRICE = 0.023


def sizes() -> list[list[str]]:
    """The rows of the tables of sizes: what, MB a day, and figures made of that."""
    rows = re.findall(r"^\| (.+) \|$", section("Sizes and costs a month"), re.MULTILINE)
    return [cells for row in rows if re.match(r"[\d,.]+$", (cells := row.split(" | "))[1])]


def test_sizes_and_dollars_follow_from_the_bytes_of_a_day() -> None:
    assert len(sizes()) >= 12
    for what, *cells in sizes():
        a_day, *days, gigabytes, dollars = (float(cell.replace(",", "")) for cell in cells)
        stored = a_day * (days[0] if days else 30) / 1000
        assert gigabytes == pytest.approx(stored, abs=0.051), what
        assert dollars == pytest.approx(stored * PRICE, abs=0.006), what


def test_the_bytes_of_a_day_are_those_of_the_benchmark() -> None:
    results = (ROOT / "benchmarks" / "RESULTS.md").read_text()
    measured = {}
    for dataset in ("all_streams", "top_streams"):
        table = results.split(f"### A snapshot of {dataset}\n")[1].split("\n#")[0]
        for name, _, a_day in re.findall(
            r"^\| ([a-z, ]+) \| ([\d.,]+) \| ([\d.,]+) \|$", table, re.MULTILINE
        ):
            measured[dataset, name] = float(a_day.replace(",", ""))
    found = 0
    for what, a_day, *_ in sizes():
        if match := re.match(r"`(\w+)`, `(\w+, \w+)`", what):
            found += 1
            assert float(a_day.replace(",", "")) == pytest.approx(measured[match[1], match[2]], abs=0.6)
    assert found == 6
    assert measured["all_streams", "raw"] == pytest.approx(4204, abs=0.6)


def test_the_price_is_that_of_the_page_on_costs() -> None:
    assert f"| {PRICE} a GB |" in (ROOT / "docs" / "deploy" / "ec2.md").read_text()


def test_the_page_names_no_test_that_is_not_there() -> None:
    for path in re.findall(r"`(tests/[\w/]+(?:\.py)?)`", PAGE):
        assert (ROOT / path).exists(), path


def test_the_commands_of_airflow_exist() -> None:
    pytest.importorskip("airflow.sdk", reason="the reference DAGs need Airflow 3")
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines() if line.startswith("airflow ")]
    lines += re.findall(r"`(airflow dags list-runs \S+ --state \w+)`", PAGE)
    assert len(lines) >= 6
    for line in lines:
        words = shlex.split(re.sub(r"\$\(.*?\)", "2026-11-01", line), comments=True)
        get_parser().parse_args(words[1:])  # exits on an unknown command or option


def test_history_is_kept_as_long_as_compose_keeps_it() -> None:
    compose = (ROOT / "deploy" / "compose.yaml").read_text()
    days = re.findall(r"^ +clean (\d+)", compose, re.MULTILINE)
    assert re.findall(r"'(\d+) days ago'", section("Delete old history")) == days
