# SPDX-License-Identifier: Apache-2.0
"""The simulated Twitch behind the package's own transports, without sockets: what fails is drawn."""

from __future__ import annotations

import hashlib
import json
import urllib.parse
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from io import BytesIO
from random import Random
from typing import Any

import aiohttp
import requests
from requests.structures import CaseInsensitiveDict
from tests.soak.kernel import Kernel, sleep, worker
from tests.soak.mix import AWAY, KINDS, MORE_KINDS, Mix, Plan
from urllib3 import HTTPResponse
from urllib3.exceptions import MaxRetryError, NameResolutionError

from twitch_provider.helix.messages import Request, Response
from twitch_provider.hooks.transport import is_gzip, unpacked
from twitch_provider.testing import Simulator
from twitch_provider.testing import answers as simulated
from twitch_provider.testing.auth import Tokens
from twitch_provider.testing.faults import Context, Fault
from twitch_provider.testing.faults.registry import rows_of

LATENCY = 0.12
#: The hosts of the connection, which are Twitch's own: nothing is sent there.
HOSTS = ("api.twitch.tv", "id.twitch.tv")

#: What every secret of a soak begins with, so that one search finds them all.
MARK = "pl4nt3d5o4km4rk"

Contexts = Callable[..., Context]


def planted(purpose: str) -> str:
    """Return what is secret in a soak, and no secret anywhere else: the same for the same purpose."""
    return MARK + hashlib.blake2b(purpose.encode()).hexdigest()[:15]


class PlannedTokens(Tokens):
    """Tokens that all expire at planned instants.

    :param expiries: epoch seconds
    """

    def __init__(self, expiries: list[float]) -> None:
        self._planned = expiries
        self.values: list[str] = []
        super().__init__()

    def mint(self, now: float) -> str:
        """Return a token that expires at the next planned instant."""
        self.lifetime = int(next((each for each in self._planned if each > now + 60), now + 5_000_000) - now)
        token = planted(super().mint(now))
        self._expires[token] = self._expires.popitem()[1]
        self.values.append(token)
        return token

    def take_back(self) -> None:
        """Undo the last one: nothing has asked for it."""
        self._expires.pop(self.values.pop())
        self.minted -= 1


@dataclass
class Faults:
    """What fails next: stands in for the simulator's list of faults.

    Some faults come alone, some last for the next answers, too.

    :param mix: how often
    :param plan: when Twitch is away
    :param kernel: the time
    :param random: of what is drawn
    :param tokens: that Twitch has given
    """

    mix: Mix
    plan: Plan
    kernel: Kernel
    random: Random
    tokens: PlannedTokens
    name: str = ""
    #: Answers that failed, by kind; and while Twitch was away.
    drawn: Counter[str] = field(default_factory=Counter)
    away: Counter[str] = field(default_factory=Counter)
    #: With which token the request is signed.
    signed_with: str = ""
    #: Tokens that Twitch has refused though they were valid: each has to be replaced once.
    refused_tokens: set[str] = field(default_factory=set)
    #: Answers that had a token, and did not arrive.
    lost_tokens: int = 0
    #: Refusals by the rate limit itself, by minute.
    refused: Counter[int] = field(default_factory=Counter)
    _lasting: tuple[str, int] = ("", 0)

    def apply(self, answer: simulated.Answer, *, endpoint: str, context: Contexts) -> simulated.Answer:
        """Return the answer, or what becomes of it."""
        if answer.status == 429:
            self.refused[int(self.kernel.now // 60)] += 1
        if self.kernel.now in self.plan.away:
            self.name = self.random.choice(AWAY)
            self.away[self.name] += 1
            if endpoint == "token" and _has_token(answer):
                self.tokens.take_back()
            return self._spoil(self.name, answer, endpoint, context)
        for kind in self._draw():
            changed = self._spoil(kind, answer, endpoint, context)
            if changed is not answer:
                self.name, self._lasting = kind, (kind, self._lasting[1] or self._length())
                self._lasting = (kind, self._lasting[1] - 1)
                self.drawn[kind] += 1
                return self._count(answer, changed, endpoint)
        return answer

    def _draw(self) -> list[str]:
        """The kinds to try, the first of which that has something to change is taken."""
        kind, left = self._lasting
        if left:
            return [kind]
        # Of ten faults, nine come alone and one lasts for six answers.
        if self.random.random() >= self.mix.twitch / 1.5:
            return []
        kinds = dict(self.mix.kinds) or dict.fromkeys(KINDS, 1.0)
        drawn = self.random.choices(list(kinds), list(kinds.values()), k=12)
        return list(dict.fromkeys(drawn))

    def _length(self) -> int:
        return 6 if self.random.random() < 0.1 else 1

    def _spoil(
        self, kind: str, answer: simulated.Answer, endpoint: str, context: Contexts
    ) -> simulated.Answer:
        if kind in MORE_KINDS:
            return _MORE[kind](answer, endpoint, self.random)
        # Of the token endpoint, too: there are no pages there to change.
        fault = Fault(kind, endpoint if endpoint == "token" else None)
        return fault.apply(answer, endpoint=endpoint, context=context)

    def _count(self, answer: simulated.Answer, changed: simulated.Answer, endpoint: str) -> simulated.Answer:
        spoiled = changed.status != 200 or changed.delivery is not simulated.Delivery.WHOLE
        minted = endpoint == "token" and answer.status == 200
        if minted and (spoiled or not _has_token(changed)):
            self.lost_tokens += 1
        if changed.status == 401 and answer.status != 401:
            self.refused_tokens.add(self.signed_with)
        return changed


def _has_token(answer: simulated.Answer) -> bool:
    return isinstance(answer.payload, dict) and bool(answer.payload.get("access_token"))


# --- what the simulator's faults do not have ---------------------------------------------------------------


def _odd_rows(answer: simulated.Answer, endpoint: str, random: Random) -> simulated.Answer:
    rows = rows_of(answer)
    if not rows or endpoint != "streams":
        return answer
    odd: list[dict[str, Any]] = [
        {"viewer_count": "many"},
        {"viewer_count": -1},
        {"id": None},
        {"started_at": "yesterday"},
        {"user_id": 7.5},
        {"tags": "English"},
        {"title": "half a pair \ud83d"},
        {"type": ""},
    ]
    changed = list(rows)
    for _ in range(random.choice([1, 1, 2])):
        place = random.randrange(len(changed))
        changed[place] = {**changed[place], **random.choice(odd)}
    text = json.dumps({**answer.payload, "data": changed})
    return replace(answer, payload={**answer.payload, "data": changed}, text=text)


def _wrong_date(answer: simulated.Answer, endpoint: str, random: Random) -> simulated.Answer:
    if "Date" not in answer.headers:
        return answer
    off = parsedate_to_datetime(answer.headers["Date"]) + timedelta(hours=random.choice([-2, 2]))
    return replace(answer, headers={**answer.headers, "Date": format_datetime(off, usegmt=True)})


def _early_end(answer: simulated.Answer, endpoint: str, random: Random) -> simulated.Answer:
    if not rows_of(answer) or not answer.payload.get("pagination"):
        return answer
    return replace(answer, payload={**answer.payload, "pagination": {}})


def _unresolved(answer: simulated.Answer, endpoint: str, random: Random) -> simulated.Answer:
    return replace(answer, status=0, text="", delivery=simulated.Delivery.DROPPED)


_MORE: dict[str, Callable[[simulated.Answer, str, Random], simulated.Answer]] = {
    "odd_rows": _odd_rows,
    "wrong_date": _wrong_date,
    "early_end": _early_end,
    "unresolved": _unresolved,
}


# --- the two transports ------------------------------------------------------------------------------------


def answer(simulator: Simulator, request: Request) -> simulated.Answer:
    """Return what Twitch answers, however it is delivered."""
    url = urllib.parse.urlsplit(request.url)
    if url.hostname not in HOSTS:
        raise AssertionError(f"a request left the simulation: {url.hostname}")
    headers = {name.lower(): value for name, value in request.headers.items()}
    form = dict(urllib.parse.parse_qsl((request.body or b"").decode()))
    for faults in simulator.twitch.faults:
        if isinstance(faults, Faults):
            faults.signed_with = headers.get("authorization", "")
    return simulator.twitch.answer(simulated.Request(request.method, url.path, request.params, headers, form))


def send_by_requests(simulator: Simulator) -> Callable[..., requests.Response]:
    """Return what stands in for ``HTTPAdapter.send``."""

    def send(_self: Any, prepared: requests.PreparedRequest, **options: Any) -> requests.Response:
        here = worker()
        if here is not None:
            here.about_to_send()
        sleep(LATENCY / 2)
        url = urllib.parse.urlsplit(prepared.url or "")
        body = prepared.body.encode() if isinstance(prepared.body, str) else prepared.body
        found = answer(
            simulator,
            Request(
                prepared.method or "GET",
                urllib.parse.urlunsplit(url._replace(query="")),
                tuple(urllib.parse.parse_qsl(url.query, keep_blank_values=True)),
                dict(prepared.headers),
                body if isinstance(body, bytes) else None,
            ),
        )
        sleep(LATENCY / 2)
        if found.delivery is simulated.Delivery.HELD:
            sleep(options["timeout"].total)
            raise requests.ReadTimeout
        if found.status == 0:
            reason = NameResolutionError(url.hostname or "", None, OSError())  # type: ignore[arg-type]
            raise requests.ConnectionError(MaxRetryError(None, "", reason))  # type: ignore[arg-type]
        if found.delivery is simulated.Delivery.DROPPED:
            raise requests.ConnectionError
        return _as_requests(found, prepared)

    return send


def _as_requests(found: simulated.Answer, prepared: requests.PreparedRequest) -> requests.Response:
    body, headers = found.body, {**found.headers, "Content-Type": found.content_type}
    sent = body[: len(body) // 2] if found.delivery is simulated.Delivery.HALF else body
    headers["Content-Length"] = str(len(body))
    made = requests.Response()
    made.status_code, made.headers, made.request = found.status, CaseInsensitiveDict(headers), prepared
    made.raw = HTTPResponse(
        BytesIO(sent), headers, found.status, preload_content=False, enforce_content_length=True
    )
    return made


def exchange_by_aiohttp(simulator: Simulator, timeout: float) -> Callable[..., Any]:
    """Return what stands in for ``AiohttpTransport._exchange``.

    :param timeout: seconds for a whole answer
    """

    async def exchange(self: Any, _session: Any, request: Request) -> Response:
        import asyncio

        async with self._free:
            here = worker()
            if here is not None:
                here.about_to_send()
            await asyncio.sleep(LATENCY / 2)
            found = answer(simulator, request)
            await asyncio.sleep(LATENCY / 2)
            if found.delivery is simulated.Delivery.HELD:
                await asyncio.sleep(timeout)
                raise TimeoutError
        if found.status == 0:
            raise aiohttp.ClientConnectorDNSError(_KEY, OSError("Name or service not known"))
        if found.delivery is simulated.Delivery.DROPPED:
            raise aiohttp.ServerDisconnectedError
        if found.delivery is simulated.Delivery.HALF:
            raise aiohttp.ClientPayloadError
        headers = {name.lower(): value for name, value in found.headers.items()}
        body = unpacked(found.body) if is_gzip(headers) else found.body
        return Response(found.status, headers, body, datetime.now(UTC))

    return exchange


_KEY = aiohttp.client_reqrep.ConnectionKey(HOSTS[0], 443, True, True, None, None, None)
