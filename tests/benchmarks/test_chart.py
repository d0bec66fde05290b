# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import struct
from pathlib import Path

import pytest

pytest.importorskip("matplotlib")

from benchmarks.chart import Measurement, apart, draw

MEASURED = [
    Measurement(
        streams=n,
        crawl=n / 1500,
        cursors=n / 5000,
        floor=n / 5500,
        csv=n / 3e5,
        bodies=n / 1900,
        memory=n / 700,
    )
    for n in (10_000, 100_000, 230_000)
]


def test_draws_a_picture_that_fits_a_page(tmp_path: Path) -> None:
    path = tmp_path / "scaling.png"
    draw(MEASURED, path, conditions="150 ms a response")
    picture = path.read_bytes()
    assert picture.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", picture[16:24])
    assert 1200 <= width <= 2000
    assert height < width


def test_the_same_measurements_give_the_same_picture(tmp_path: Path) -> None:
    for name in ("one.png", "two.png"):
        draw(MEASURED, tmp_path / name, conditions="150 ms a response")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


@pytest.mark.parametrize(
    ("wanted", "heights"),
    [
        ([10.0, 50.0], [10.0, 50.0]),
        ([10.0, 12.0], [10.0, 20.0]),
        ([12.0, 10.0], [20.0, 10.0]),
        ([99.0, 100.0, 98.0], [90.0, 100.0, 80.0]),
    ],
)
def test_no_label_overlaps_another(wanted: list[float], heights: list[float]) -> None:
    assert apart(wanted, 10.0, most=100.0) == heights
