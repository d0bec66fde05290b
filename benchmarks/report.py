# SPDX-License-Identifier: Apache-2.0
"""The results of a benchmark, and their presentation in ``RESULTS.md``.

A ratio is comparable across machines, a time is not; so a time is only shown beside the one that it is
compared with. Every section measures both sides of its ratios in one run.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Ratio:
    """Two figures of one run, and what their ratio should be.

    :param name: what is measured
    :param ours: our figure
    :param other: the figure that it is divided by, not 0
    :param against: what the other figure is of, such as ``floor``
    :param unit: of both: ``s``, ``ms``, ``MB``, ``requests`` …
    :param goal: the maximum of the ratio; None for no goal
    :param at_least: the goal is the minimum instead
    :param percent: show the ratio as a percentage
    :param note: a sentence of explanation
    """

    name: str
    ours: float
    other: float
    against: str = ""
    unit: str = "s"
    goal: float | None = None
    at_least: bool = False
    percent: bool = False
    note: str = ""

    @property
    def ratio(self) -> float:
        """Ours ÷ the other."""
        return self.ours / self.other

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None without a goal."""
        if self.goal is None:
            return None
        return self.ratio >= self.goal if self.at_least else self.ratio <= self.goal


@dataclass(frozen=True)
class Facts:
    """A table of figures that are not ratios.

    :param title: above it
    :param columns: headings; the first is of the rows' names
    :param rows: as many cells as columns; numbers are shown with thousands separators
    :param note: below it
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str | float | None]]
    note: str = ""


Entry = Ratio | Facts


@dataclass(frozen=True)
class Section:
    """What one section measured.

    :param title: its heading
    :param about: what is compared, in a sentence or two
    :param entries: in the order in which they are shown
    :param machine: of :func:`benchmarks.machine.describe`
    :param measured_on: the date, ISO 8601
    """

    title: str
    about: str
    entries: Sequence[Entry]
    machine: Mapping[str, str]
    measured_on: str

    @property
    def ratios(self) -> list[Ratio]:
        """The entries that are ratios."""
        return [entry for entry in self.entries if isinstance(entry, Ratio)]

    def as_dict(self) -> dict[str, Any]:
        """The section as JSON values."""
        entries = [{"kind": type(entry).__name__, **asdict(entry)} for entry in self.entries]
        return {**asdict(self), "machine": dict(self.machine), "entries": entries}

    @classmethod
    def from_dict(cls, written: Mapping[str, Any]) -> Section:
        """Read the section back.

        :param written: the result of :meth:`as_dict`
        """
        kinds = {"Ratio": Ratio, "Facts": Facts}
        entries = [
            kinds[entry["kind"]](**{name: value for name, value in entry.items() if name != "kind"})
            for entry in written["entries"]
        ]
        return cls(**{**written, "entries": entries})


PREFACE = """\
Both sides of a ratio were measured in one run, one after another or in turns. Compare the ratios; the
absolute figures depend on the machine."""


def render(sections: Sequence[Section]) -> str:
    """Write ``RESULTS.md``.

    :param sections: in the order in which they are shown, at least one
    """
    newest = max(sections, key=lambda section: section.measured_on)
    parts = [
        "<!-- Written by `make bench`. Do not edit. -->",
        "# Benchmarks",
        PREFACE,
        verdict(sections),
        _table(["", newest.measured_on], list(newest.machine.items())),
    ]
    for section in sections:
        parts += _section(section, newest)
    return "\n\n".join(parts) + "\n"


def verdict(sections: Sequence[Section]) -> str:
    """Return how many goals are met, and which are not.

    :param sections: all that were measured
    """
    judged = [ratio for section in sections for ratio in section.ratios if ratio.met is not None]
    missed = [ratio for ratio in judged if not ratio.met]
    names = "".join(
        f"\n- not met: {ratio.name}: {shown_ratio(ratio)}, goal {_goal(ratio)}" for ratio in missed
    )
    return f"**{len(judged) - len(missed)} of {len(judged)} goals are met.**{names}"


def _section(section: Section, newest: Section) -> list[str]:
    parts = [f"## {section.title}", section.about]
    if (section.machine, section.measured_on) != (newest.machine, newest.measured_on):
        differing = [f"{k}: {v}" for k, v in section.machine.items() if newest.machine.get(k) != v]
        parts.append(f"Measured on {section.measured_on}{'; '.join(['', *differing])}.")
    if section.ratios:
        headings = ["", "ours", "compared with", "ratio", "goal", "met"]
        parts.append(_table(headings, [_row(ratio) for ratio in section.ratios]))
        parts += [f"- {ratio.name}: {ratio.note}" for ratio in section.ratios if ratio.note]
    for entry in section.entries:
        if isinstance(entry, Facts):
            rows = [[_cell(cell) for cell in row] for row in entry.rows]
            parts += [f"### {entry.title}", _table(entry.columns, rows)] + [entry.note] * bool(entry.note)
    return _bullets_together(parts)


def _row(ratio: Ratio) -> list[str]:
    compared = " ".join(filter(None, (figure(ratio.other), ratio.unit, ratio.against)))
    met = {None: "", True: "yes", False: "**no**"}[ratio.met]
    return [
        ratio.name,
        f"{figure(ratio.ours)} {ratio.unit}".strip(),
        compared,
        shown_ratio(ratio),
        _goal(ratio),
        met,
    ]


def shown_ratio(ratio: Ratio) -> str:
    """Format the ratio.

    :param ratio: with its format
    """
    if ratio.percent:
        # 99.98 % and 99.99 % of recall differ much; so do 0.4 % and 0.5 % of 429s.
        return f"{ratio.ratio:.3%}"
    return f"{ratio.ratio:.3f}" if ratio.ratio < 10 else f"{ratio.ratio:,.1f}"


def _goal(ratio: Ratio) -> str:
    if ratio.goal is None:
        return ""
    goal = f"{ratio.goal * 100:.4g} %" if ratio.percent else f"{ratio.goal:.3g}"
    return f"{'≥' if ratio.at_least else '≤'} {goal}"


def figure(value: float) -> str:
    """Format a number with three significant digits and thousands separators; integers exactly.

    :param value: the number
    """
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    places = 2 - math.floor(math.log10(abs(value)))
    return f"{value:.{places}f}"


def _cell(cell: str | float | None) -> str:
    if cell is None:
        return ""
    return cell if isinstance(cell, str) else figure(cell)


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    line = ["---", *["---:"] * (len(headings) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (headings, line, *rows))


def _bullets_together(parts: Sequence[str]) -> list[str]:
    """Join adjacent list items: a blank line between them would make a loose list."""
    joined: list[str] = []
    for part in parts:
        if part.startswith("- ") and joined and joined[-1].startswith("- "):
            joined[-1] += f"\n{part}"
        else:
            joined.append(part)
    return joined
