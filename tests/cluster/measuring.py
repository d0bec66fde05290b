# SPDX-License-Identifier: Apache-2.0
"""How much memory each service takes while the DAGs run."""

from __future__ import annotations

from collections.abc import Mapping

from tests.cluster.container import Container, Memory
from tests.cluster.watching import Watching

_EVERY = 1.0


class Measuring(Watching):
    """Looks once a second, and keeps the most.

    :param containers: by name
    :param limits: in bytes, by the name of a service or a container
    """

    def __init__(self, containers: Mapping[str, Container], limits: Mapping[str, int]) -> None:
        super().__init__(_EVERY)
        self._containers = containers
        self._limits = limits
        self._most: dict[str, Memory] = {}
        #: Of all of them at one moment.
        self._most_together = Memory(0, 0)

    def table(self) -> str:
        """Return the most that each held, in MB, a line each, and how much of its limit that is."""
        lines = [*self._most.items(), ("all at one moment", self._most_together)]
        return "\n".join(
            f"   {name:<22} PSS {each.pss / 1e6:5.0f} MB, anonymous {each.anonymous / 1e6:5.0f} MB"
            + (
                f", limit {limit / 1e6:5.0f} MB: {each.pss / limit:4.0%}"
                if (limit := self._limit(name))
                else ""
            )
            for name, each in lines
        )

    def too_large(self) -> list[str]:
        """Return the containers that held more than their limit, where the kernel would end a process."""
        return [name for name, each in self._most.items() if 0 < self._limit(name) < each.pss]

    def _limit(self, name: str) -> int:
        return self._limits.get(name) or self._limits.get(name.rpartition("-")[0], 0)

    def look(self) -> None:
        """Measure all of them."""
        now = {name: each.memory() for name, each in self._containers.items()}
        for name, memory in now.items():
            self._most[name] = most(memory, self._most.get(name))
        total = Memory(sum(each.pss for each in now.values()), sum(each.anonymous for each in now.values()))
        self._most_together = most(total, self._most_together)


def most(one: Memory, other: Memory | None) -> Memory:
    """Return the larger of each figure.

    :param one: a measurement
    :param other: another one, if there is one
    """
    if other is None:
        return one
    return Memory(max(one.pss, other.pss), max(one.anonymous, other.anonymous))
