# SPDX-License-Identifier: Apache-2.0
"""Requests and answers as values, before anything is sent."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from http import HTTPStatus
from typing import Any

_JSON = "application/json; charset=utf-8"


class Delivery(Enum):
    """How an answer is delivered: whole, or as a fault breaks it."""

    WHOLE = "whole"
    HALF = "half of the body, then the connection closes"
    DROPPED = "nothing, the connection closes"
    HELD = "nothing until it is released"


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it arrived.

    :param query: decoded pairs, in order, repeated keys kept
    :param headers: names in lower case
    :param form: the fields of a form body; empty for any other body
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that is about to be sent.

    :param payload: what becomes the JSON body, unless ``text`` is given
    :param text: a body that is not JSON
    :param scores: positions of the rows in the list, for the faults of pages
    """

    status: int = 200
    payload: Any = None
    text: str | None = None
    content_type: str = _JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    delivery: Delivery = Delivery.WHOLE
    scores: tuple[float, ...] = ()

    @property
    def body(self) -> bytes:
        """The body as bytes, compressed if a header says so."""
        text = self.text
        if text is None:
            text = json.dumps(self.payload, ensure_ascii=False, separators=(",", ":"))
        zipped = self.headers.get("Content-Encoding") == "gzip"
        return gzip.compress(text.encode()) if zipped else text.encode()


def helix_error(status: int, message: str) -> Answer:
    """An error of Helix: ``{"error", "status", "message"}``. https://dev.twitch.tv/docs/api/guide."""
    return Answer(status, {"error": HTTPStatus(status).phrase, "status": status, "message": message})


def auth_error(status: int, message: str) -> Answer:
    """An error of id.twitch.tv, which has no ``error``: ``{"status", "message"}``."""
    return Answer(status, {"status": status, "message": message})


def too_many_requests() -> Answer:
    """The body of a 429: https://github.com/twitchdev/issues/issues/664."""
    return helix_error(
        429,
        "The application exceeded the number of calls it may make. "
        "For details, see Rate Limits in the Twitch API documentation.",
    )


class RefusedError(Exception):
    """A request is refused; carries the answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"answered with {answer.status}")
        self.answer = answer
