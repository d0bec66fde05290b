# SPDX-License-Identifier: Apache-2.0
"""What an error and the records of a log show, as anybody may print them."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

import twitch_provider


def texts(error: BaseException | None, caplog: pytest.LogCaptureFixture) -> Iterator[tuple[str, bytes]]:
    """What anybody may make of an error and of the records of a log."""
    lines = [f"{logging.Formatter().format(record)} {vars(record)!r}" for record in caplog.records]
    yield "log", "\n".join(lines).encode("utf-8", "replace")
    if error is not None:
        yield "traceback", "".join(traceback.format_exception(error)).encode()
        yield "traceback with our variables", "".join(_with_variables(error)).encode()
        for link in chain(error):
            yield f"{type(link).__name__}", f"{link} {link!r} {vars(link)} {link.args}".encode()


def _with_variables(error: BaseException) -> Iterator[str]:
    """As tools show it that collect errors, but without the variables of these tests."""
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    ours = [frame for frame in shown.stack if f"{Path(twitch_provider.__file__).parent}/" in frame.filename]
    shown.stack = traceback.StackSummary.from_list(ours)
    yield from shown.format()


def chain(error: BaseException | None) -> Iterator[BaseException]:
    if error is not None:
        yield error
        yield from chain(error.__cause__ or (None if error.__suppress_context__ else error.__context__))
