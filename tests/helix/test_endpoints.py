# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from twitch_provider.exceptions import TwitchParameterError
from twitch_provider.helix.endpoints import ENDPOINTS, endpoint


def check(path: str, **params: Any) -> list[tuple[str, str]]:
    return [(name, text) for name, texts in ENDPOINTS[path].check(params).items() for text in texts]


@pytest.mark.parametrize("language", ["en", "DE", "other", "asl", "zh-hk"])
def test_accepts_the_languages_that_twitch_has(language: str) -> None:
    assert check("streams", language=[language]) == [("language", language)]
    assert check("videos", game_id="1", language=language)[1] == ("language", language)


@pytest.mark.parametrize("language", ["english", "e", "", "en,de", "en ", "deutsch", 7, None])
def test_refuses_an_invalid_language_code(language: Any) -> None:
    with pytest.raises(TwitchParameterError, match="must be a language code, such as en, or other"):
        check("streams", language=[language])


@pytest.mark.parametrize(
    "instant",
    [
        "2026-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z",
        "2026-01-01T00:00:00+24:00",
        "2026-01-01T00:00:00+01:60",
        "2026-01-01T00:00:00",
        "2026-01-01",
        "٢٠٢٦-01-01T00:00:00Z",
        datetime(2026, 1, 1),  # noqa: DTZ001 - the case
        datetime(1890, 1, 1, tzinfo=timezone(timedelta(minutes=53, seconds=28))),
        1767225600,
    ],
)
def test_refuses_an_invalid_instant(instant: Any) -> None:
    with pytest.raises(TwitchParameterError, match="parameter started_at must be an instant in RFC 3339"):
        check("clips", game_id="1", started_at=instant)


@pytest.mark.parametrize(
    ("instant", "sent"),
    [
        ("2024-02-29T23:59:59.5+05:30", "2024-02-29T23:59:59.5+05:30"),
        (datetime(2026, 1, 1, tzinfo=UTC), "2026-01-01T00:00:00+00:00"),
        (datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=-3))), "2026-01-01T00:00:00-03:00"),
    ],
)
def test_accepts_an_instant_as_text_or_datetime(instant: Any, sent: str) -> None:
    assert ("started_at", sent) in check("clips", game_id="1", started_at=instant)


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("search/channels", {"query": "\ud800"}),
        ("games", {"name": ["Chess", "\udfff"]}),
        ("users", {"login": "\ud83d"}),
        ("streams", {"after": "\udc00"}),
    ],
)
def test_refuses_an_unpaired_surrogate(path: str, params: dict[str, Any]) -> None:
    with pytest.raises(TwitchParameterError, match="unpaired surrogate") as caught:
        check(path, **params)
    assert caught.value.parameter in params
    assert str(caught.value).isascii()


def test_an_endpoint_is_found_with_or_without_slashes() -> None:
    assert endpoint("/games/top/") is endpoint("games/top")
    with pytest.raises(TwitchParameterError, match="'tags/streams' is unknown; known are streams, games/top"):
        endpoint("tags/streams")


def test_knows_which_parameters_are_flags_or_numbers() -> None:
    assert ENDPOINTS["clips"].flags == {"is_featured"}
    assert ENDPOINTS["search/channels"].flags == {"live_only"}
    assert ENDPOINTS["users"].flags == ENDPOINTS["users"].numbers == set()
    assert ENDPOINTS["streams"].numbers == {"first"}
