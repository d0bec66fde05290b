# SPDX-License-Identifier: Apache-2.0
"""What faults do: each spoils one answer in a way that Twitch, or what stands before it, has been seen to.

A play takes the answer that would have been sent and returns another one, or None where there is nothing to
spoil (a page that is not the last has no end to spoil). Only answers that were spoilt count as played.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus
from typing import Any

from twitch_provider.testing import cursors
from twitch_provider.testing.answers import Answer, Delivery, auth_error, helix_error, too_many_requests
from twitch_provider.testing.bucket import ratelimit_headers

#: Where a redirect leads unless it is told: a name that cannot exist, https://www.rfc-editor.org/rfc/rfc2606.
ELSEWHERE = "https://elsewhere.invalid/helix/streams"

_HTML = "<!DOCTYPE html><html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>"


@dataclass(frozen=True, slots=True)
class Scene:
    """What a play may look at.

    :param after: the cursor of the request, or ""
    :param question: the endpoint and its parameters without the cursor: which walk the request belongs to
    :param number: how often this fault has played before
    :param memory: what earlier requests left behind, by question
    """

    after: str
    question: str
    now: datetime
    limit: int
    number: int
    location: str
    memory: dict[str, Any]


Play = Callable[[Answer, Scene], Answer | None]

#: Name -> how it spoils an answer.
PLAYS: dict[str, Play] = {}

#: Every fault: name -> what it does. Those of ``token`` aim at the token endpoint, the others at Helix.
FAULTS: dict[str, str] = {}


def _fault(name: str, description: str) -> Callable[[Play], Play]:
    def enter(play: Play) -> Play:
        PLAYS[name], FAULTS[name] = play, description
        return play

    return enter


# --- errors ----------------------------------------------------------------------------------------------


def _instead(answer: Answer, other: Answer, **headers: str) -> Answer:
    return replace(other, headers={**answer.headers, **headers})


def _unlimited(answer: Answer) -> Answer:
    kept = {name: value for name, value in answer.headers.items() if not name.startswith("Ratelimit-")}
    return replace(answer, headers=kept)


@_fault("rate_limited", "429 with an empty bucket: Ratelimit-Remaining 0, full again in a minute")
def _rate_limited(answer: Answer, scene: Scene) -> Answer:
    full_at = int(scene.now.timestamp()) + 60
    return _instead(answer, too_many_requests(), **ratelimit_headers(scene.limit, 0, full_at))


@_fault("false_429", "429 although points are left: Ratelimit-Remaining is above 0, Reset a second away")
def _false_429(answer: Answer, scene: Scene) -> Answer:
    full_at = int(scene.now.timestamp()) + 1
    return _instead(answer, too_many_requests(), **ratelimit_headers(scene.limit, scene.limit - 1, full_at))


@_fault("bare_429", "429 without any rate limit header")
def _bare_429(answer: Answer, scene: Scene) -> Answer:
    return _unlimited(_instead(answer, too_many_requests()))


@_fault("unauthorized", "401 Invalid OAuth token, although the token is good")
def _unauthorized(answer: Answer, scene: Scene) -> Answer:
    return _instead(answer, helix_error(401, "Invalid OAuth token"))


@_fault("invalid_cursor", "400 invalid cursor, although the cursor is good")
def _invalid_cursor(answer: Answer, scene: Scene) -> Answer:
    return _instead(answer, helix_error(400, "invalid cursor"))


def _server_error(status: int) -> Play:
    def play(answer: Answer, scene: Scene) -> Answer:
        return _instead(answer, helix_error(status, ""))

    return play


for _status in (500, 502, 503, 504):
    _fault(f"error_{_status}", f"{_status} {HTTPStatus(_status).phrase}, with Twitch's empty message")(
        _server_error(_status)
    )


# --- bodies and connections ------------------------------------------------------------------------------


def _html(status: int) -> Play:
    def play(answer: Answer, scene: Scene) -> Answer:
        text = _HTML.format(f"{status} {HTTPStatus(status).phrase}")
        return _instead(answer, Answer(status, text=text, content_type="text/html; charset=utf-8"))

    return play


_fault("html_200", "an HTML page with status 200, as a captive portal or proxy sends")(_html(200))
_fault("html_502", "an HTML page with status 502, as a gateway sends")(_html(502))


@_fault("not_json", "status 200, Content-Type JSON, and a body that breaks off in the middle of it")
def _not_json(answer: Answer, scene: Scene) -> Answer:
    return _instead(answer, Answer(text='{"data":[{"id":"4086'))


@_fault("null_data", 'status 200 and "data": null')
def _null_data(answer: Answer, scene: Scene) -> Answer:
    return _instead(answer, Answer(payload={"data": None, "pagination": {}}))


@_fault("half_body", "half of the promised Content-Length, then the connection closes")
def _half_body(answer: Answer, scene: Scene) -> Answer:
    return replace(answer, delivery=Delivery.HALF)


@_fault("dropped_connection", "the connection closes without an answer")
def _dropped_connection(answer: Answer, scene: Scene) -> Answer:
    return replace(answer, delivery=Delivery.DROPPED)


@_fault("hang", "nothing comes until release() is called or the client gives up")
def _hang(answer: Answer, scene: Scene) -> Answer:
    return replace(answer, delivery=Delivery.HELD)


@_fault("redirect", "302 to a foreign host")
def _redirect(answer: Answer, scene: Scene) -> Answer:
    return _instead(answer, Answer(302, text=""), Location=scene.location)


@_fault("no_rate_limit_headers", "an answer without the three rate limit headers")
def _no_rate_limit_headers(answer: Answer, scene: Scene) -> Answer:
    return _unlimited(answer)


@_fault("no_date", "an answer without a Date header")
def _no_date(answer: Answer, scene: Scene) -> Answer:
    return replace(answer, headers={k: v for k, v in answer.headers.items() if k != "Date"})


@_fault("unknown_fields", "rows and answer carry fields that no documentation knows")
def _unknown_fields(answer: Answer, scene: Scene) -> Answer | None:
    if (data := _data(answer)) is None:
        return None
    rows = [{**row, "brand_new_field": {"nested": [1, 2]}} for row in data]
    return replace(answer, payload={**answer.payload, "data": rows, "brand_new": True})


# --- pages -----------------------------------------------------------------------------------------------


def _data(answer: Answer) -> list[Any] | None:
    """The rows of a good answer."""
    return answer.payload.get("data") if answer.status == 200 and isinstance(answer.payload, dict) else None


def _cursor(answer: Answer) -> str | None:
    """The cursor of a good page, "" at the end of the list; None where the answer is no page."""
    if _data(answer) is None or "pagination" not in answer.payload:
        return None
    cursor: str = answer.payload["pagination"].get("cursor", "")
    return cursor


def _paged(answer: Answer, pagination: Any) -> Answer:
    return replace(answer, payload={**answer.payload, "pagination": pagination})


def _fresh(scene: Scene, after: float) -> str:
    """A cursor that no earlier answer had; only its other half is new."""
    return cursors.encode(-1.0 - scene.number, after)


@_fault("empty_page", "no rows, but a cursor that goes on where this page would have begun")
def _empty_page(answer: Answer, scene: Scene) -> Answer | None:
    if not _cursor(answer):
        return None
    place = cursors.decode(scene.after, "a") if scene.after else cursors.TOP
    return replace(
        answer, payload={**answer.payload, "data": [], "pagination": {"cursor": _fresh(scene, place)}}
    )


@_fault("repeated_cursor", "the cursor of the answer is the one of the request")
def _repeated_cursor(answer: Answer, scene: Scene) -> Answer | None:
    return _paged(answer, {"cursor": scene.after}) if scene.after and _cursor(answer) is not None else None


@_fault("wrapping_cursor", "the last page's cursor leads to page one")
def _wrapping_cursor(answer: Answer, scene: Scene) -> Answer | None:
    return _paged(answer, {"cursor": _fresh(scene, cursors.TOP)}) if _cursor(answer) == "" else None


@_fault("endless_cursors", "ever new cursors, always with the rows of the page it began with")
def _endless_cursors(answer: Answer, scene: Scene) -> Answer | None:
    if _cursor(answer) is None or not answer.scores:
        return None
    rows = scene.memory.setdefault(scene.question, answer.payload["data"])
    # The page itself stays where it is, so that the simulated list never ends either.
    place = cursors.decode(scene.after, "a") if scene.after else cursors.TOP
    return _paged(replace(answer, payload={**answer.payload, "data": rows}), {"cursor": _fresh(scene, place)})


@_fault("shifted_pages", "the next page begins with the last two rows of this one again")
def _shifted_pages(answer: Answer, scene: Scene) -> Answer | None:
    if not _cursor(answer) or len(answer.scores) < 3:
        return None
    return _paged(answer, {"cursor": cursors.encode(answer.scores[0], answer.scores[-3])})


def _end(pagination: Any) -> Play:
    def play(answer: Answer, scene: Scene) -> Answer | None:
        return _paged(answer, pagination) if _cursor(answer) == "" else None

    return play


_fault("empty_cursor", 'the list ends with "cursor": "" in place of an empty pagination')(
    _end({"cursor": ""})
)
_fault("null_cursor", 'the list ends with "cursor": null')(_end({"cursor": None}))
_fault("null_pagination", 'the list ends with "pagination": null')(_end(None))


@_fault("missing_pagination", 'the list ends without the key "pagination"')
def _missing_pagination(answer: Answer, scene: Scene) -> Answer | None:
    return replace(answer, payload={"data": _data(answer)}) if _cursor(answer) == "" else None


# --- the token endpoint ----------------------------------------------------------------------------------


@_fault("token_down", "the token endpoint answers 503")
def _token_down(answer: Answer, scene: Scene) -> Answer:
    return _instead(answer, auth_error(503, "Service Unavailable"))


_fault("token_html", "the token endpoint answers 200 with an HTML page")(_html(200))


@_fault("token_without_expires_in", "a token without expires_in, as very old client ids get it")
def _token_without_expires_in(answer: Answer, scene: Scene) -> Answer | None:
    if answer.status != 200 or not isinstance(answer.payload, dict):
        return None
    return replace(answer, payload={k: v for k, v in answer.payload.items() if k != "expires_in"})
