# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from typing import Any

import pytest
from benchmarks.machine import describe
from benchmarks.report import Facts, Ratio, Section, figure, render, verdict

from benchmarks import __main__ as command

MACHINE = {"cores": "2", "Python": "CPython 3.11.7"}


def section(*entries: Any, title: str = "Crawl", machine: Any = None, on: str = "2026-11-25") -> Section:
    return Section(title, "What is compared.", entries, machine or MACHINE, on)


@pytest.mark.parametrize(
    ("ours", "at_least", "met"),
    [(1.1, False, True), (1.11, False, False), (1.11, True, True), (1.09, True, False)],
)
def test_a_ratio_equal_to_its_goal_meets_it(ours: float, at_least: bool, met: bool) -> None:
    assert Ratio("wall", ours, 1.0, goal=1.1, at_least=at_least).met is met


def test_without_a_goal_nothing_is_met_or_missed() -> None:
    assert Ratio("wall", 3.0, 1.5).met is None
    assert Ratio("wall", 3.0, 1.5).ratio == 2.0


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (7, "7"),
        (1050, "1,050"),
        (0.01234, "0.0123"),
        (1.5, "1.50"),
        (66.26, "66.3"),
        (152.9, "153"),
    ],
)
def test_shows_three_figures(value: float, shown: str) -> None:
    assert figure(value) == shown


def test_a_section_survives_json() -> None:
    written = section(Ratio("wall", 1.0, 2.0, "floor", goal=1.1), Facts("All", ["a", "b"], [["x", None]]))
    assert Section.from_dict(json.loads(json.dumps(written.as_dict()))) == Section(
        written.title, written.about, list(written.entries), MACHINE, written.measured_on
    )


def test_results_show_both_figures_of_a_ratio() -> None:
    text = render(
        [
            section(
                Ratio("wall", 16.5, 15.0, "rate limit", goal=1.1, note="Best of three."),
                Ratio("429s", 11, 1000, "requests", "", goal=0.005, percent=True),
                Ratio("recall", 9_999, 10_000, "live", "", goal=0.9998, at_least=True, percent=True),
                Facts("Each", ["streams", "s"], [["10k", 1.25], ["60k", None]], "As it was."),
            )
        ]
    )
    assert "| wall | 16.5 s | 15 s rate limit | 1.100 | ≤ 1.1 | yes |" in text
    assert "| 429s | 11 | 1,000 requests | 1.100% | ≤ 0.5 % | **no** |" in text
    assert "| recall | 9,999 | 10,000 live | 99.990% | ≥ 99.98 % | yes |" in text
    assert "\n- wall: Best of three.\n" in text
    assert "### Each\n\n| streams | s |\n| --- | ---: |\n| 10k | 1.25 |\n| 60k |  |\n\nAs it was." in text
    assert "| cores | 2 |" in text
    assert text.startswith("<!--")


def test_the_verdict_names_the_goals_that_are_not_met() -> None:
    text = verdict(
        [
            section(
                Ratio("wall", 2.0, 1.0, goal=1.1), Ratio("429s", 0, 9, goal=0.005), Ratio("no goal", 9.0, 1.0)
            )
        ]
    )
    assert text == "**1 of 2 goals are met.**\n- not met: wall: 2.000, goal ≤ 1.1"


def test_a_section_of_another_machine_says_so() -> None:
    old = section(title="Old", machine={**MACHINE, "cores": "64"}, on="2026-11-01")
    text = render([old, section(title="New")])
    assert "| cores | 2 |" in text
    assert "Measured on 2026-11-01; cores: 64." in text.split("## New")[0]
    assert "Measured on" not in text.split("## New")[1]


def test_the_machine_is_described_without_its_name() -> None:
    import platform

    machine = describe()
    assert {"cores", "RAM", "processor", "kernel", "Python", "apache-airflow", "pyarrow"} <= machine.keys()
    assert all(machine.values())
    assert platform.node() not in machine.values()


# --- the command -----------------------------------------------------------------------------------------


def test_an_unknown_section_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["lokal"]) == 2
    assert "Unknown section lokal: choose from crawl, first" in capsys.readouterr().out


def test_every_topic_has_its_module() -> None:
    for name in command.TOPICS:
        assert (command.ROOT / "benchmarks" / f"{command.MODULES.get(name, name)}.py").exists(), name


def test_one_section_measured_again_leaves_the_others(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setattr(command, "ROOT", tmp_path)
    monkeypatch.setattr(command, "STORED", tmp_path)
    monkeypatch.setattr(command, "RESULTS", tmp_path / "RESULTS.md")
    (tmp_path / "local.json").write_text(json.dumps(section(title="Local, kept").as_dict()))

    def run(name: str, date: str) -> bool:
        if name == "clients":
            return False
        (tmp_path / f"{name}.json").write_text(json.dumps(section(title=f"New {name}", on=date).as_dict()))
        return True

    monkeypatch.setattr(command, "_run", run)
    assert command.main(["airflow", "--date", "2026-12-01"]) == 0
    written = (tmp_path / "RESULTS.md").read_text()
    assert [line for line in written.splitlines() if line.startswith("## ")] == [
        "## Local, kept",
        "## New airflow",
    ]
    assert command.main(["clients", "airflow"]) == 1


def test_a_measurement_is_kept_with_its_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    from benchmarks import airflow_cost

    monkeypatch.setattr(airflow_cost, "measure", lambda: [Ratio("parse", 1.1, 1.0, goal=1.15)])
    assert command.main(["airflow", "--date", "2026-12-01", "--into", str(tmp_path / "it.json")]) == 0
    kept = Section.from_dict(json.loads((tmp_path / "it.json").read_text()))
    assert (kept.title, kept.measured_on) == ("What Airflow adds", "2026-12-01")
    assert [ratio.met for ratio in kept.ratios] == [True]
    assert kept.machine == describe()


def test_a_measurement_sees_nothing_of_the_callers_airflow(tmp_path: Any) -> None:
    caller = {"PATH": "/bin", "AIRFLOW__TWITCH__BUCKET": "b", "AWS_PROFILE": "p", "TWITCH_CLIENT_ID": "c"}
    env = command.environment(caller, tmp_path)
    assert (env["PATH"], env["AIRFLOW_HOME"]) == ("/bin", str(tmp_path))
    assert not {"AIRFLOW__TWITCH__BUCKET", "AWS_PROFILE", "TWITCH_CLIENT_ID"} & env.keys()
