# SPDX-License-Identifier: Apache-2.0
"""A parser as a function of bytes, and what holds of it for any bytes."""

from __future__ import annotations

import json
import logging
import re
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from tests.fuzz.mutate import json_document

from twitch_provider.exceptions import TwitchDataError, TwitchError

#: Planted wherever an answer or a file has a secret: no message may have it.
SECRET = "s3cr3tvaluethatnobodymaysee"

#: Of processor time, for one input of some kilobytes; a machine may be busy.
MOST_SECONDS = 10.0
#: How much one input may add to the peak of the process.
MOST_MEMORY = 700 * 1024 * 1024
#: Of one sentence.
MOST_CHARACTERS = 1600

#: Breaks a line of a log, or the terminal that it is shown in.
ODD = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

CORPUS = Path(__file__).with_name("corpus")

Mutate = Callable[[Random, bytes], bytes]


@dataclass(frozen=True)
class Target:
    """A parser.

    :param name: as on the command line
    :param run: parses, checks what came of it, and raises nothing but our errors
    :param seeds: valid inputs
    :param mutate: makes an input that is nearly valid
    """

    name: str
    run: Callable[[bytes], object]
    seeds: Callable[[], Sequence[bytes]]
    mutate: Mutate = json_document

    @property
    def found(self) -> list[Path]:
        """Inputs of which something else was found once."""
        return sorted((CORPUS / self.name).glob("*"))

    def prepare(self) -> None:
        """Run it once, so that what is loaded and made the first time does not count as of an input."""
        for seed in self.seeds():
            self.check(seed)

    def check(self, data: bytes) -> None:
        """Run it on bytes, and check what holds for any of them.

        A right result or one of our errors; a sentence of one line, without the secret; and neither long nor
        large.
        """
        seconds, peak = time.process_time(), _peak()
        with suppress(TwitchError), sentences():
            self.run(data)
        assert time.process_time() - seconds < MOST_SECONDS, "too slow"
        assert _peak() - peak < MOST_MEMORY, "too much memory"


@contextmanager
def sentences() -> Iterator[None]:
    """Check what is logged inside, and what our error says: one line, not too long, without the secret."""
    listener, log = _Listener(), logging.getLogger("twitch_provider")
    log.addHandler(listener)
    error: TwitchError | None = None
    try:
        yield
    except TwitchError as raised:
        error = raised
        listener.said.append(str(error))
    finally:
        log.removeHandler(listener)
    for sentence in listener.said:
        assert sentence.strip(), "an empty message"
        assert len(sentence) <= MOST_CHARACTERS, f"a message of {len(sentence)} characters"
        assert not ODD.search(sentence), f"a message that is not plain text: {sentence!r}"
        assert SECRET not in sentence, "a message with the secret"
    if error is not None:
        raise error


def values(data: bytes) -> Any:
    """Return values as Airflow passes them on: what is not JSON does not arrive.

    :raises TwitchDataError: it is not JSON
    """
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise TwitchDataError("not JSON") from None


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@dataclass
class _Listener(logging.Handler):
    """What was logged, without tracebacks."""

    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def __hash__(self) -> int:
        return id(self)

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())
