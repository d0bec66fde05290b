# SPDX-License-Identifier: Apache-2.0
"""What each container held at most is compared with its limit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import pytest
from tests.cluster.compose import size
from tests.cluster.container import Container, Memory
from tests.cluster.measuring import Measuring


class Held:
    """A container that holds this much, one measurement after the other."""

    def __init__(self, *megabytes: float) -> None:
        self._next: Iterator[float] = iter(megabytes)

    def memory(self) -> Memory:
        held = int(next(self._next) * 1e6)
        return Memory(held, held // 2)


def measured(**held: Held) -> Measuring:
    containers = {name.replace("_", "-"): cast(Container, each) for name, each in held.items()}
    measuring = Measuring(containers, {"postgres": size("100m"), "airflow-worker": size("200m")})
    measuring.look()
    measuring.look()
    return measuring


@pytest.mark.parametrize(("text", "value"), [("512m", 512 * 2**20), ("3g", 3 * 2**30), ("64k", 65536)])
def test_sizes_are_binary(text: str, value: int) -> None:
    assert size(text) == value


def test_the_table_has_the_most_and_the_limit_of_the_service() -> None:
    measuring = measured(postgres=Held(80, 20), airflow_worker_1=Held(10, 21), other=Held(1, 1))
    table = measuring.table().splitlines()
    assert table == [
        "   postgres               PSS    80 MB, anonymous    40 MB, limit   105 MB:  76%",
        "   airflow-worker-1       PSS    21 MB, anonymous    10 MB, limit   210 MB:  10%",
        "   other                  PSS     1 MB, anonymous     0 MB",
        "   all at one moment      PSS    91 MB, anonymous    46 MB",
    ]
    assert measuring.too_large() == []


def test_what_holds_more_than_its_limit_is_named() -> None:
    measuring = measured(postgres=Held(80, 104), airflow_worker_2=Held(211, 10), other=Held(9999, 1))
    assert measuring.too_large() == ["airflow-worker-2"]
