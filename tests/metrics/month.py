# SPDX-License-Identifier: Apache-2.0
"""An overview of a month of two scopes at full size, drawn at random, the same in every run.

No lake is behind it: it is for tests of what shows an overview, and of its size.
"""

from __future__ import annotations

import json
import math
import random
from datetime import UTC, datetime, timedelta
from typing import Any

from twitch_provider.metrics.overview.schema import (
    CHANNELS,
    GAMES,
    LANGUAGES,
    SNAPSHOT_CHANNELS,
    SNAPSHOT_GAMES,
    SNAPSHOT_LANGUAGES,
    VERSION,
    table,
)

#: When the overview was made: a Sunday.
RUN_AFTER = datetime(2026, 11, 29, 16, 36, tzinfo=UTC)

HOUR = timedelta(hours=1)
_WORDS = ["ranked", "grind", "chill", "morning", "drops", "road", "to", "global", "any%", "new", "co-op"]
_CJK = "朝活ランクマッチ参加型初見さん歓迎雑談しながらまったり配信中"
_LETTERS = "abcdefghijklmnopqrstuvwxyz_0123456789"
_CODES = [
    *("en", "es", "pt", "ru", "de", "fr", "ja", "ko", "zh", "it", "pl", "tr", "th", "ar", "cs", "uk", "nl"),
    *(
        "sv",
        "fi",
        "hu",
        "da",
        "no",
        "ro",
        "el",
        "bg",
        "sk",
        "vi",
        "id",
        "ms",
        "tl",
        "ca",
        "hi",
        "other",
        "asl",
    ),
]
_GAMES = ["Just Chatting", "Grand Theft Auto V", "League of Legends", "VALORANT"]

#: Text that must be shown as text.
EVIL = (
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)',
    "'; DROP TABLE streams; --",
    "{{7*7}} ${7*7} <%= 7*7 %>",
    "\u202egnp.exe\u202c and \u200b\u200d",
    "Z̸̡̛͓͖a̷͎͝l̶̰̈́g̵͙̿o̶̹͌" * 4,
    "line\u2028break\u2029and &amp; &lt;b&gt;",
    "javascript:alert(1)",
    "👩‍👩‍👧‍👦" * 8,
    "=HYPERLINK(1)",
    "__proto__",
)


def month_overview(seed: int = 1, *, evil: bool = False) -> dict[str, Any]:
    """Return an overview as it is before :func:`~twitch_provider.metrics.overview.encode.encode`.

    :param seed: of the numbers
    :param evil: whether titles, names, categories, languages and reasons are hostile
    """
    draw = random.Random(seed)  # noqa: S311 - not for secrets
    return {
        "version": VERSION,
        "run_after": iso(RUN_AFTER),
        "package": "1.0.0",
        "today": f"{RUN_AFTER:%Y-%m-%d}",
        "notes": [],
        "scopes": [
            _Scope(draw, "all_streams", {"strategy": "languages"}, 2_500_000, 95_000, evil=evil).overview(),
            _Scope(
                draw, "top_streams", {"games": 100, "streams": 100}, 1_700_000, 9_000, evil=evil
            ).overview(),
        ],
    }


def iso(when: datetime) -> str:
    return f"{when:%Y-%m-%dT%H:%M:%SZ}"


def seconds(when: datetime) -> int:
    return int(when.timestamp())


def rounded(value: float, digits: int = 4) -> float:
    return float(f"{value:.{digits}g}")


class _Scope:
    """One scope: a day is a wave, weekends are higher, an hour of yesterday is a gap."""

    def __init__(
        self, draw: random.Random, dataset: str, asks: dict[str, Any], most: int, channels: int, *, evil: bool
    ) -> None:
        self.draw, self.dataset, self.asks, self.evil = draw, dataset, asks, evil
        self.most, self.channels = most, channels
        self.newest = RUN_AFTER - timedelta(seconds=57)
        self.hour = self.newest.replace(minute=0, second=0)
        self.gap = (RUN_AFTER.replace(hour=3, minute=20), RUN_AFTER.replace(hour=4, minute=10))
        self.ids = [str(draw.randrange(1_000_000, 999_999_999)) for _ in range(2 * CHANNELS)]

    def overview(self) -> dict[str, Any]:
        hours = self.hours()
        last = self.snapshots()[-1]
        return {
            "scope": f"{self.dataset} {json.dumps(self.asks, sort_keys=True, separators=(',', ':'))}",
            "dataset": self.dataset,
            "asks": self.asks,
            "interval_seconds": 300,
            "now": {
                "snapshot_at": iso(self.newest),
                "viewers": last[1],
                "streams": last[3],
                "channels": last[2],
                "capped": self.dataset == "top_streams",
            },
            "health": self.health(),
            "snapshots": table("snapshots", self.snapshots()),
            "hours": table("hours", hours),
            "days": table("days", self.days()),
            "games": table("games", self.games()),
            "channels": table("channels", self.top_channels()),
            "languages": table("languages", self.languages()),
            "heat_map": table("heat_map", heat_map(hours)),
            "movers": self.movers(),
            "snapshot": self.snapshot(),
            "concentration": {
                "top10_share": 0.1234,
                "gini": 0.9123,
                "hour": seconds(self.hour - HOUR),
            },
            "detector": None,
        }

    def level(self, when: datetime) -> float:
        """How many of the most viewers there are: 0 to 1."""
        wave = 0.7 - 0.3 * math.cos((when.hour + when.minute / 60 - 6) / 24 * 2 * math.pi)
        return wave * (1 if when.weekday() >= 5 else 0.9) * self.draw.uniform(0.98, 1)

    def text(self, plain: str) -> str:
        return self.draw.choice(EVIL) if self.evil and self.draw.random() < 0.5 else plain

    def word(self, length: int) -> str:
        return "".join(self.draw.choices(_LETTERS, k=length))

    def snapshots(self) -> list[list[Any]]:
        state, rows = self.draw.getstate(), []
        self.draw.seed(self.dataset)
        ticks = [self.newest - timedelta(minutes=5 * number) for number in range(288)][::-1]
        kept = [tick for tick in ticks if not self.gap[0] <= tick < self.gap[1]]
        for tick in kept:
            level = self.level(tick)
            length = 0 if tick == kept[-1] else 600 if tick + timedelta(minutes=5) not in kept else 300
            channels = round(self.channels * level)
            rows.append([seconds(tick), round(self.most * level), channels, channels + 3, length])
        self.draw.setstate(state)
        return rows

    def hours(self) -> list[list[Any]]:
        state, rows = self.draw.getstate(), []
        self.draw.seed(self.dataset)
        for number in range(719, -1, -1):
            hour = self.hour - number * HOUR
            level = self.level(hour)
            covered = 3600 if number else 2100
            if hour.hour == 3 and number < 24:
                covered = 1800
            viewers = round(self.most * level)
            rows.append(
                [
                    seconds(hour),
                    viewers * covered + self.draw.randrange(covered),
                    round(self.channels * level) * covered + self.draw.randrange(covered),
                    covered,
                    round(viewers * 1.03),
                ]
            )
        self.draw.setstate(state)
        return rows

    def days(self) -> list[list[Any]]:
        rows = []
        for number in range(30, 0, -1):
            watched = round(self.most * 0.68 * 86_400) + self.draw.randrange(10**9)
            day = RUN_AFTER - timedelta(days=number)
            rows.append(
                [
                    f"{day:%Y-%m-%d}",
                    watched,
                    self.channels * 60_000 + self.draw.randrange(10**6),
                    86_400 - self.draw.choice([0, 0, 0, 1200]),
                    round(self.most * self.draw.uniform(0.97, 1.1)),
                    self.channels * 5 + self.draw.randrange(1000),
                    watched // 8,
                    rounded(self.draw.uniform(0.9, 0.95)),
                ]
            )
        return rows

    def sums(self, rank: int) -> tuple[int, int, int]:
        """Viewers, viewer-seconds and airtime of a rank."""
        viewers = max(3, round(self.most * 0.18 / (rank + 1) ** 0.9 * self.draw.uniform(0.8, 1.2)))
        return viewers, round(viewers * 86_400 * 0.8) + self.draw.randrange(86_400), viewers * 3_000

    def changes(self, rank: int) -> list[Any]:
        if self.draw.random() < 0.03:
            return [rank, None, None]
        return [rank, self.draw.randrange(-9, 10), rounded(self.draw.gauss(0, 0.2))]

    def channel(self, number: int) -> tuple[str, str]:
        maker = random.Random(self.ids[number])  # noqa: S311 - not for secrets
        login = "".join(maker.choices(_LETTERS, k=maker.randrange(5, 20)))
        return login, self.text(_CJK[:8] if maker.random() < 0.1 else login.title())

    def language(self) -> str:
        return self.draw.choices(_CODES, [2 ** (-number / 3) for number in range(len(_CODES))])[0]

    def games(self) -> list[list[Any]]:
        rows = []
        for rank in range(1, GAMES + 1):
            viewers, watched, airtime = self.sums(rank)
            named = [("509658", "Just Chatting"), ("32982", "Grand Theft Auto V")]
            game_id, name = named[rank - 1] if rank <= len(named) else (str(20_000 + 7919 * rank), "")
            days: list[int | None] = [
                int(rounded(watched / 3600 * self.draw.uniform(0.7, 1.3))) for _ in range(30)
            ]
            if rank % 9 == 0:
                days[:12] = [None] * 12
            top = [
                [*self.channel(self.draw.randrange(CHANNELS)), self.language(), viewers // n]
                for n in (5, 9, 14)
            ]
            spoken = dict.fromkeys(self.language() for _ in range(6))
            rows.append(
                [
                    game_id,
                    self.text(name or f"{self.word(7).title()}: {self.word(9)}"),
                    viewers,
                    viewers // 30 + 1,
                    watched,
                    airtime,
                    86_400,
                    round(viewers * 1.2),
                    seconds(self.newest - timedelta(minutes=5 * self.draw.randrange(280))),
                    rounded(self.draw.random()) if self.dataset == "top_streams" else 0,
                    rounded(watched / (self.most * 60_000)),
                    *self.changes(rank),
                    days,
                    top,
                    [[code, viewers // n] for n, code in zip((2, 4, 8), spoken, strict=False)],
                ]
            )
        return rows

    def title(self) -> str:
        length = self.draw.randrange(10, 140)
        if self.draw.random() < 0.25:
            return "".join(self.draw.choices(_CJK, k=length))
        text = ""
        while len(text) < length:
            text += self.draw.choice([*_WORDS, self.word(5), "!drops 🔥"]) + " "
        return text[:length].strip()

    def top_channels(self) -> list[list[Any]]:
        rows = []
        for rank in range(1, CHANNELS + 1):
            viewers, watched, _ = self.sums(2 * rank)
            login, name = self.channel(rank)
            live: list[Any] = [None, None, None, None]
            if self.draw.random() < 0.7:
                game = self.draw.choice(
                    ["Just Chatting", "Grand Theft Auto V", "League of Legends", "VALORANT"]
                )
                live = [self.text(game), self.text(self.language()), self.text(self.title()), viewers]
            rows.append(
                [
                    self.ids[rank],
                    login,
                    name,
                    *live,
                    watched // 3,
                    self.draw.randrange(3_600, 86_400),
                    round(viewers * 1.3),
                    seconds(self.newest - timedelta(minutes=5 * self.draw.randrange(280))),
                    *self.changes(rank),
                ]
            )
        return rows

    def languages(self) -> list[list[Any]]:
        codes = [*_CODES, "", *(f"x{number}" for number in range(LANGUAGES))][:LANGUAGES]
        rows = []
        for rank, code in enumerate(codes, start=1):
            viewers, watched, airtime = self.sums(rank)
            share = rounded(watched / (self.most * 60_000))
            rows.append([code, viewers, viewers // 30, watched, airtime, share, *self.changes(rank)])
        return rows

    def movers(self) -> dict[str, Any]:
        def side(kind: str, sign: int) -> dict[str, Any]:
            rows = []
            for number in range(10):
                usual = rounded(self.most / 100 / (number + 1) * self.draw.uniform(0.9, 1.1))
                viewers = rounded(usual * (1 + sign * 0.9 / (number + 1)))
                key = {
                    "games": str(20_000 + 7919 * number),
                    "channels": self.ids[number],
                    "languages": _CODES[number],
                }
                name = {
                    "games": f"Game {number}",
                    "channels": self.channel(number)[1],
                    "languages": _CODES[number],
                }
                new = kind == "games" and sign > 0 and number == 0
                change = None if new else rounded(viewers / usual - 1)
                rows.append([key[kind], self.text(name[kind]), viewers, 0 if new else usual, change])
            return table("movers", rows)

        kinds = {
            kind: {"floor": floor, "gaining": side(kind, 1), "losing": side(kind, -1)}
            for kind, floor in (("games", 2500), ("channels", 250), ("languages", 2500))
        }
        return {
            "basis": "Average viewers of the hour, against the same hour of the last 4 weeks",
            "hour": seconds(self.hour - HOUR),
            **kinds,
        }

    def snapshot(self) -> dict[str, Any]:
        """What the newest snapshot holds; drawn apart, so that nothing else depends on it."""
        state = self.draw.getstate()
        games = [[*row[:3], row[2] // 30 + 1] for row in self.games()[:SNAPSHOT_GAMES]]
        spoken = [[row[0], row[2]] for row in self.languages()]
        live = [row for row in self.top_channels() if row[6] is not None][:SNAPSHOT_CHANNELS]
        self.draw.setstate(state)
        return {
            "languages": len(spoken) - 1,
            "mature": 73,
            "games": table("snapshot_games", games),
            "by_language": table(
                "snapshot_languages", sorted(spoken, key=lambda row: -row[1])[:SNAPSHOT_LANGUAGES]
            ),
            "channels": table("snapshot_channels", [[row[2], row[3], row[4], row[6]] for row in live]),
        }

    def health(self) -> dict[str, Any]:
        def of_a_day(when: datetime, due: int, missing: int) -> dict[str, Any]:
            late = ["03:20:00", "03:25:00", "03:30:00", "03:35:00", "03:40:00", "03:45:00"]
            return {
                "day": f"{when:%Y-%m-%d}",
                "due": due,
                "missing": missing,
                "missing_ticks": " ".join(late[:missing]),
                "counted": due - missing - 2,
                "incomplete": 1,
                "gated": 1,
                "doubled": 0,
                "late_runs": 3,
                "covered_seconds": 300 * (due - missing),
                "missing_seconds": 300 * missing,
            }

        before = [RUN_AFTER - timedelta(hours=hours) for hours in (5, 9)]
        reason = "It has 20 rows, fewer than half the median of 392 of the 24 hours before."
        return {
            "last_snapshot_at": iso(self.newest),
            "points_left": 612,
            "token_requests": 0,
            "requests": 341,
            "today": of_a_day(RUN_AFTER, 200, 6),
            "yesterday": of_a_day(RUN_AFTER - timedelta(days=1), 288, 0),
            "gaps": [[iso(self.gap[0]), iso(self.gap[1])]],
            "problems": [
                {
                    "run_after": iso(before[0]),
                    "status": "gated",
                    "reason": self.text(reason),
                },
                {"run_after": iso(before[1]), "status": "incomplete", "reason": None},
            ],
            "rows": self.channels * 282,
            "rejects": 4,
            "adhoc_runs": 1,
            "incomplete_runs": 1,
        }


def heat_map(hours: list[list[Any]]) -> list[list[Any]]:
    """The heat map of hours."""
    cells: dict[tuple[int, int], list[list[int]]] = {}
    for row in hours:
        hour = datetime.fromtimestamp(row[0], UTC)
        if row[3]:
            cells.setdefault((hour.weekday(), hour.hour), []).append(row)
    rows = []
    for (weekday, number), of_cell in sorted(cells.items()):
        watched, airtime, covered = (sum(row[place] for row in of_cell) for place in (1, 2, 3))
        per_channel = rounded(watched / airtime) if airtime else None
        rows.append(
            [
                weekday,
                number,
                rounded(watched / covered),
                rounded(airtime / covered),
                per_channel,
                len(of_cell),
            ]
        )
    return rows
