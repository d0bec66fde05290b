# SPDX-License-Identifier: Apache-2.0
"""How much memory each service takes while the DAGs run."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from tests.cluster.container import Container, Memory

_EVERY = 1.0


class Measuring:
    """Looks once a second, from ``with`` to the end of the block, and keeps the most.

    :param containers: by name
    """

    def __init__(self, containers: Mapping[str, Container]) -> None:
        self._containers = containers
        self._most: dict[str, Memory] = {}
        #: Of all of them at one moment.
        self._most_together = Memory(0, 0)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._measure, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        self._thread.join()

    def table(self) -> str:
        """Return the most that each held, in MB, a line each."""
        lines = [*self._most.items(), ("all at one moment", self._most_together)]
        return "\n".join(
            f"   {name:<22} PSS {each.pss / 1e6:5.0f} MB, anonymous {each.anonymous / 1e6:5.0f} MB"
            for name, each in lines
        )

    def _measure(self) -> None:
        while not self._end.wait(_EVERY):
            now = {name: each.memory() for name, each in self._containers.items()}
            for name, memory in now.items():
                self._most[name] = most(memory, self._most.get(name))
            total = Memory(
                sum(each.pss for each in now.values()), sum(each.anonymous for each in now.values())
            )
            self._most_together = most(total, self._most_together)


def most(one: Memory, other: Memory | None) -> Memory:
    """Return the larger of each figure.

    :param one: a measurement
    :param other: another one, if there is one
    """
    if other is None:
        return one
    return Memory(max(one.pss, other.pss), max(one.anonymous, other.anonymous))
