# SPDX-License-Identifier: Apache-2.0
"""The scaling chart: time and memory of a snapshot against the number of live streams."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.pace import ALONE, CURSORS, EVERY, LANGUAGES, Conditions
from benchmarks.report import Facts, Section

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, PALE = "#33313B", "#8C8996"
OURS, LIGHT, SECOND = "#6441A5", "#A48BD1", "#D9822B"

_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # part of matplotlib: the same on every machine
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": "#C9C7D1",
    "axes.labelcolor": PALE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": "#ECEBF1",
    "xtick.color": PALE,
    "ytick.color": PALE,
    "xtick.major.size": 3,
    "ytick.major.size": 0,
    "svg.hashsalt": "",
}


@dataclass(frozen=True)
class Measurement:
    """One snapshot.

    :param streams: number of live streams
    :param crawl: seconds of the crawl by languages
    :param cursors: seconds of the crawl that starts at remembered cursors
    :param floor: minimum of seconds by the rate limit
    :param csv: seconds from the bodies to the bytes of the object
    :param bodies: MB of the bodies
    :param memory: MB of the process's peak increase of memory
    """

    streams: int
    crawl: float
    cursors: float
    floor: float
    csv: float
    bodies: float
    memory: float


def measurements(section: Section) -> list[Measurement]:
    """Read the measurements from the table of every crawl.

    :param section: of the crawl
    :raises ValueError: the table is missing
    """
    table = next((each for each in section.entries if isinstance(each, Facts) and each.title == EVERY), None)
    if table is None:
        raise ValueError(f"the section has no table {EVERY!r}: measure the crawl again")
    by_size: dict[int, dict[str, dict[str, Any]]] = {}
    for row in table.rows:
        cells = dict(zip(table.columns, row, strict=True))
        by_size.setdefault(int(str(cells["streams"]).replace(",", "")), {})[str(cells["how"])] = cells
    return [
        Measurement(
            streams=streams,
            crawl=rows[LANGUAGES]["wall, s"],
            cursors=rows[CURSORS]["wall, s"],
            floor=Conditions().floor(math.ceil(streams / 100)),
            csv=rows[LANGUAGES]["bodies → CSV, s"],
            bodies=rows[LANGUAGES]["bodies, MB"],
            memory=max(rows[how]["memory, MB"] for how in (ALONE, LANGUAGES, CURSORS)),
        )
        for streams, rows in sorted(by_size.items())
    ]


@dataclass(frozen=True)
class Line:
    """A line of a panel, and the label at its end.

    :param label: at its end
    :param values: one for each measurement
    :param color: of line and label
    :param dashed: for a minimum that is not measured
    """

    label: str
    values: Sequence[float]
    color: str
    dashed: bool = False


def draw(measurements: Sequence[Measurement], path: Path, *, conditions: str) -> None:
    """Draw the chart.

    :param measurements: by increasing number of streams
    :param path: of the PNG
    :param conditions: of the measurements, for the line below the title
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    def of(name: str) -> list[float]:
        return [getattr(each, name) for each in measurements]

    streams = of("streams")
    with mpl.rc_context(_STYLE):
        # Not pyplot, which needs a display and keeps global state.
        figure = Figure(figsize=(10.4, 4.2), dpi=160, facecolor="white")
        time, memory = figure.subplots(1, 2)
        figure.subplots_adjust(left=0.05, right=0.85, top=0.74, bottom=0.13, wspace=0.68)
        figure.text(0.02, 0.94, "A snapshot of every live stream", size=13, weight="bold", va="center")
        figure.text(0.02, 0.875, conditions, size=9, color=PALE, va="center")
        _panel(
            time,
            streams,
            "Time, seconds",
            [
                Line("crawl by languages", of("crawl"), OURS),
                Line("crawl from cursors\n(off by default)", of("cursors"), LIGHT),
                Line("minimum by the rate limit", of("floor"), PALE, dashed=True),
                Line("bodies → CSV", of("csv"), SECOND),
            ],
        )
        _panel(
            memory,
            streams,
            "Memory, MB",
            [
                Line("peak increase\nof the process", of("memory"), OURS),
                Line("bodies (on disk)", of("bodies"), SECOND),
            ],
        )
        figure.savefig(path, metadata={"Software": None})


def _panel(axes: Axes, streams: Sequence[float], title: str, lines: Sequence[Line]) -> None:
    axes.set_title(title, loc="left", size=9.5, weight="bold", color=INK, pad=10)
    for line in lines:
        style: dict[str, Any] = (
            {"linestyle": (0, (2, 2)), "linewidth": 1.3}
            if line.dashed
            else {"linewidth": 2, "marker": "o", "markersize": 3.5}
        )
        axes.plot(streams, line.values, color=line.color, **style)
    top = max(max(line.values) for line in lines) * 1.06 or 1
    axes.set_ylim(0, top)
    axes.set_xlim(0, max(streams) * 1.02)
    ticks = [each for each in streams if each >= 0.2 * max(streams) or each == streams[0]]
    axes.set_xticks(ticks, [f"{each / 1000:g}k" for each in ticks])
    axes.set_xlabel("live streams", loc="left")
    axes.yaxis.set_major_formatter(_thousands())
    heights = apart([line.values[-1] for line in lines], 0.14 * top, most=top)
    for line, height in zip(lines, heights, strict=True):
        axes.annotate(
            f"{line.values[-1]:,.3g}  {line.label}",
            xy=(streams[-1], height),
            xytext=(9, 0),
            textcoords="offset points",
            color=line.color,
            va="center",
            annotation_clip=False,
        )


def _thousands() -> Callable[[float, float], str]:
    return lambda value, _: f"{value:,.0f}"


def apart(wanted: Sequence[float], gap: float, *, most: float) -> list[float]:
    """Move labels as little as possible so that none overlaps another, upwards from the lowest.

    :param wanted: the preferred height of each
    :param gap: the minimum distance of two
    :param most: the maximum height; labels are moved down where there is no room
    """
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    heights = list(wanted)
    for below, above in pairwise(order):
        heights[above] = max(heights[above], heights[below] + gap)
    ceiling = most
    for index in reversed(order):
        heights[index] = min(heights[index], ceiling)
        ceiling = heights[index] - gap
    return heights
