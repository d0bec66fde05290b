# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

import pytest

from twitch_provider.exceptions import (
    TwitchAPIError,
    TwitchAuthError,
    TwitchConfigError,
    TwitchConnectionError,
    TwitchError,
    TwitchParameterError,
    TwitchRateLimitError,
    TwitchRequestError,
    TwitchResponseError,
    TwitchSecretError,
    TwitchServerError,
)
from twitch_provider.helix.answers import Envelope, read_page, read_response
from twitch_provider.helix.conversation import converse, validate
from twitch_provider.helix.messages import Call, Request, Send, Sleep
from twitch_provider.helix.session import MAX_TOKENS, TOKENS_WINDOW, Steps, yield_answer
from twitch_provider.helix.token import AppToken, Credentials

STREAMS = "https://api.twitch.tv/helix/streams"


def ask(twitch: Any, **changes: Any) -> Steps[Envelope]:
    request = Request("GET", STREAMS, (("first", "100"),), endpoint="streams")
    return converse(twitch.session, Request(**{**vars(request), **changes}), read_page)


def test_fetches_a_token_on_first_use_and_signs_with_it(twitch: Any, answers: Any) -> None:
    played = twitch.play(ask(twitch), [answers.token, answers.page("1")])
    fetched, signed = played.sent
    assert (fetched.method, fetched.url, fetched.params) == ("POST", "https://id.twitch.tv/oauth2/token", ())
    assert parse_qs(fetched.body.decode()) == {
        "client_id": ["client-id"],
        "client_secret": ["client-secret"],
        "grant_type": ["client_credentials"],
    }
    assert signed.headers == {"Client-Id": "client-id", "Authorization": "Bearer token-1"}
    assert twitch.session.stats == {"tokens": 1, "requests": 1}


def test_uses_the_token_that_is_there(signed_in: Any, answers: Any) -> None:
    played = signed_in.play(ask(signed_in), [answers.page("1")])
    assert [request.url for request in played.sent] == [STREAMS]


def test_renews_the_token_once_on_401(signed_in: Any, answers: Any) -> None:
    played = signed_in.play(ask(signed_in), [answers.error(401), answers.token, answers.page("1")])
    assert played.sent[-1].headers["Authorization"] == "Bearer token-1"
    assert [token.value for token in signed_in.tokens.refused] == ["token-0"]
    assert played.slept == []


def test_a_second_401_is_an_error_and_leaves_the_new_token_to_others(signed_in: Any, answers: Any) -> None:
    with pytest.raises(TwitchAuthError, match="check the client id and secret"):
        signed_in.play(ask(signed_in), [answers.error(401), answers.token, answers.error(401)])
    assert signed_in.tokens.token.value == "token-1"
    assert [token.value for token in signed_in.tokens.refused] == ["token-0"]


def test_uses_a_token_that_another_fetched_meanwhile(signed_in: Any, answers: Any) -> None:
    steps = ask(signed_in)
    assert isinstance(next(steps), Send)
    signed_in.tokens.keep(type(signed_in.tokens.token)("token-of-another-thread"))
    again = steps.send(answers.error(401))
    assert isinstance(again, Send)
    assert again.request.headers["Authorization"] == "Bearer token-of-another-thread"


@pytest.mark.parametrize(
    ("status", "message"),
    [(400, "invalid client"), (403, "invalid client secret"), (400, "missing client id"), (401, "no")],
)
def test_wrong_credentials_are_an_error_at_once(twitch: Any, answers: Any, status: int, message: str) -> None:
    with pytest.raises(TwitchAuthError, match=message) as caught:
        twitch.play(ask(twitch), [answers.ok({"status": status, "message": message}, status)])
    # A secret may be being replaced: a later try of the task reads the connection again.
    assert isinstance(caught.value, TwitchSecretError) is (status == 403)
    assert caught.value.fatal is (status != 403)


def test_a_token_endpoint_that_does_not_exist_names_the_auth_url(twitch: Any, answers: Any) -> None:
    with pytest.raises(TwitchConfigError, match="check the auth_url"):
        twitch.play(ask(twitch), [answers.error(404)])


@pytest.mark.parametrize("status", [400, 401, 403, 404, 421, 202])
def test_a_page_of_a_middlebox_says_nothing_about_the_credentials(
    twitch: Any, answers: Any, status: int
) -> None:
    blocked = answers.ok(b"<html>Request blocked</html>", status)
    played = twitch.play(ask(twitch), [blocked, answers.token, answers.page("1")])
    assert played.slept == [1.0]
    twitch.tokens.token = None
    with pytest.raises(TwitchResponseError, match=r"^oauth2/token: .*(id\.twitch\.tv|not 202)"):
        twitch.play(ask(twitch), [blocked] * 4)


def test_retries_a_token_endpoint_that_is_down_once(twitch: Any, answers: Any) -> None:
    down = [answers.error(503), answers.failure("the connection broke"), answers.ok(b"<html>")]
    played = twitch.play(ask(twitch), [*down, answers.token, answers.page("1")])
    assert played.slept == [1.0, 2.0, 4.0]


def test_takes_a_token_without_expires_in(twitch: Any, answers: Any) -> None:
    twitch.play(ask(twitch), [answers.ok({"access_token": "abc"}), answers.page("1")])
    assert twitch.tokens.token.value == "abc"


@pytest.mark.parametrize("value", [None, "", 7, "two words", "line\nbreak", "ünicode"])
def test_refuses_what_cannot_be_a_token(twitch: Any, answers: Any, value: Any) -> None:
    with pytest.raises(TwitchResponseError, match="access_token"):
        twitch.play(ask(twitch), [answers.ok({"access_token": value})] * 4)


PASSING = [
    ("500", lambda a: a.error(500)),
    ("502 as a web page", lambda a: a.ok(b"<html>bad gateway</html>", 502, {"content-type": "text/html"})),
    ("503", lambda a: a.error(503)),
    ("504 without a body", lambda a: a.ok(b"", 504)),
    ("dropped", lambda a: a.failure("the connection broke")),
    ("timed out", lambda a: a.failure("timed out after 30 s")),
    ("half a body", lambda a: a.ok(b'{"data": [{"id"')),
    ("a web page", lambda a: a.ok(b"<html>", 200, {"content-type": "text/html; charset=utf-8"})),
    ("no JSON", lambda a: a.ok(b"OK")),
    ("no object", lambda a: a.ok(b"[]")),
    ("nested without end", lambda a: a.ok(b'{"data": ' + b"[" * 200_000)),
    ("an unknown status", lambda a: a.error(999)),
    ("an interim status", lambda a: a.ok({"data": []}, 101)),
    ("not UTF-8", lambda a: a.ok(b'{"data": ["\xff"]}')),
    ("data null", lambda a: a.ok({"data": None, "pagination": {}})),
    ("no data", lambda a: a.ok({"pagination": {}})),
    (
        "403 as a web page",
        lambda a: a.ok(b"<html>Request blocked</html>", 403, {"content-type": "text/html"}),
    ),
    ("401 as text", lambda a: a.ok(b"Proxy login required", 401)),
    ("421 without a body", lambda a: a.ok(b"", 421)),
    ("400 of a gateway", lambda a: a.ok({"message": "Bad request"}, 400)),
    ("404 of a gateway", lambda a: a.ok({"status": 404, "message": "no route", "request_id": "7"}, 404)),
    ("403 with another status in it", lambda a: a.ok({"status": 401, "message": "…"}, 403)),
    ("206", lambda a: a.ok({"data": [{"id": "7"}], "pagination": {}}, 206)),
    ("pagination a text", lambda a: a.ok({"data": [], "pagination": "c"})),
    ("cursor a number", lambda a: a.ok({"data": [], "pagination": {"cursor": 7}})),
    ("429 with points left", lambda a: a.error(429, headers=headers(remaining=700))),
    ("429 without headers", lambda a: a.error(429)),
]


def headers(*, remaining: int, limit: int = 800) -> dict[str, str]:
    return {"ratelimit-limit": str(limit), "ratelimit-remaining": str(remaining), "ratelimit-reset": "9"}


@pytest.mark.parametrize("make", [make for _, make in PASSING], ids=[name for name, _ in PASSING])
def test_survives_once(signed_in: Any, answers: Any, make: Any) -> None:
    played = signed_in.play(ask(signed_in), [make(answers), answers.page("1")])
    assert played.result.rows == [{"id": "1"}]
    assert len(played.slept) >= 1


@pytest.mark.parametrize("make", [make for _, make in PASSING], ids=[name for name, _ in PASSING])
def test_ends_in_an_error_of_ours_after_a_bounded_number_of_requests(
    signed_in: Any, answers: Any, make: Any
) -> None:
    with pytest.raises(TwitchError) as caught:
        signed_in.play(ask(signed_in), [make(answers)] * 10)
    assert not caught.value.fatal
    assert len(signed_in.played.sent) in {4, 6}
    assert sum(signed_in.played.slept) < 130


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ("error", TwitchServerError),
        ("failure", TwitchConnectionError),
        ("page", TwitchResponseError),
        ("limit", TwitchRateLimitError),
    ],
)
def test_the_error_has_the_class_of_its_cause(signed_in: Any, answers: Any, reply: str, kind: type) -> None:
    made = {
        "error": answers.error(500, "boom"),
        "failure": answers.failure("the connection broke"),
        "page": answers.ok(b"<p>"),
        "limit": answers.error(429, headers=headers(remaining=0)),
    }[reply]
    with pytest.raises(kind, match=r"streams\(first=100\)"):
        signed_in.play(ask(signed_in), [made] * 10)


def test_an_api_error_carries_status_endpoint_detail_and_rate_limit(signed_in: Any, answers: Any) -> None:
    with pytest.raises(TwitchAPIError) as caught:
        signed_in.play(ask(signed_in), [answers.error(403, "no\n entry", headers(remaining=3))])
    error = caught.value
    assert (error.status, error.endpoint, error.detail) == (403, "streams", "no entry")
    assert error.rate_limit is not None
    assert error.rate_limit.remaining == 3


@pytest.mark.parametrize("status", [400, 403, 404, 410, 418])
def test_does_not_repeat_a_request_that_is_wrong(signed_in: Any, answers: Any, status: int) -> None:
    with pytest.raises(TwitchRequestError):
        signed_in.play(ask(signed_in), [answers.error(status)])
    assert len(signed_in.played.sent) == 1


def test_retries_once_when_a_cursor_is_refused(signed_in: Any, answers: Any) -> None:
    cursor = (("first", "100"), ("after", "c"))
    played = signed_in.play(
        ask(signed_in, params=cursor), [answers.error(400, "invalid cursor"), answers.page("1")]
    )
    assert played.slept == [1.0]
    with pytest.raises(TwitchRequestError, match="invalid cursor"):
        signed_in.play(ask(signed_in, params=cursor), [answers.error(400, "invalid cursor")] * 2)


def test_a_redirect_is_refused(signed_in: Any, answers: Any) -> None:
    moved = answers.ok(b"", 302, {"location": "https://evil.example"})
    with pytest.raises(TwitchResponseError, match="status 302"):
        signed_in.play(ask(signed_in), [moved] * 4)
    assert {request.host for request in signed_in.played.sent} == {"api.twitch.tv"}


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/helix/streams",
        "https://api.twitch.tv.evil.example/helix/streams",
        "https://api.twitch.tv@evil.example/helix/streams",
        "http://api.twitch.tv/helix/streams",
        "https://api.twitch.tv/helixstreams",
    ],
)
def test_sends_nothing_to_another_host(signed_in: Any, url: str) -> None:
    with pytest.raises(TwitchParameterError, match="sends requests only to"):
        next(ask(signed_in, url=url))


def test_the_callers_headers_never_replace_ours(signed_in: Any, answers: Any) -> None:
    theirs = {"authorization": "Basic abc", "CLIENT-ID": "theirs", "Cookie": "a=b", "X-More": "kept"}
    played = signed_in.play(ask(signed_in, headers=theirs), [answers.page()])
    assert played.sent[0].headers == {
        "X-More": "kept",
        "Client-Id": "client-id",
        "Authorization": "Bearer token-0",
    }


def test_a_web_page_is_an_error_for_every_request(signed_in: Any, answers: Any) -> None:
    page = answers.ok(b"{}", 200, {"content-type": "text/html"})
    request = Request("GET", "https://api.twitch.tv/helix/anything", endpoint="anything")
    with pytest.raises(TwitchResponseError, match="a web page"):
        signed_in.play(converse(signed_in.session, request, read_response), [page] * 4)


@pytest.mark.parametrize("before", [0, 185, 195, 5000])
@pytest.mark.parametrize("secret", ["token-0", "client%2Fsecret%2B", "client/secret+"])
def test_an_echoed_secret_is_masked_wherever_it_stands(
    signed_in: Any, answers: Any, before: int, secret: str
) -> None:
    session = replace(signed_in.session, credentials=Credentials("client-id", "client/secret+"))
    request = Request("GET", STREAMS, endpoint="streams")
    with pytest.raises(TwitchRequestError) as caught:
        signed_in.play(converse(session, request, read_page), [answers.error(403, "p" * before + secret)])
    for length in range(5, len(secret) + 1):
        assert secret[:length] not in str(caught.value)


def test_does_not_retry_a_request_that_may_change_something(signed_in: Any, answers: Any) -> None:
    request = Request("POST", "https://api.twitch.tv/helix/eventsub/subscriptions", endpoint="eventsub")
    with pytest.raises(TwitchServerError):
        signed_in.play(converse(signed_in.session, request, read_response), [answers.error(500)])


def test_waits_for_one_point_and_not_for_all(signed_in: Any, answers: Any) -> None:
    signed_in.session.limiter.level = 50.0
    played = signed_in.play(ask(signed_in), [answers.page()])
    assert played.slept == [pytest.approx(0.075)]


def test_a_429_with_points_left_waits_a_second_or_more_and_keeps_the_points(
    signed_in: Any, answers: Any
) -> None:
    played = signed_in.play(
        ask(signed_in), [answers.error(429, headers=headers(remaining=700)), answers.page()]
    )
    assert played.slept == [2.0]
    assert signed_in.session.limiter.level > 600


def test_a_429_without_points_left_waits_for_points(signed_in: Any, answers: Any) -> None:
    played = signed_in.play(
        ask(signed_in), [answers.error(429, headers=headers(remaining=0)), answers.page()]
    )
    assert 3.8 <= sum(played.slept) < 5


def test_a_point_is_no_longer_in_flight_when_the_driver_stops(signed_in: Any) -> None:
    steps = ask(signed_in)
    next(steps)
    assert signed_in.session.limiter.in_flight == 1
    steps.close()
    assert signed_in.session.limiter.in_flight == 0


def test_counts_what_it_did(signed_in: Any, answers: Any) -> None:
    signed_in.play(
        ask(signed_in),
        [answers.error(429), answers.error(500), answers.error(401), answers.token, answers.page()],
    )
    stats = dict(signed_in.session.stats)
    assert stats.pop("waited_ms") > 3000
    assert stats == {
        "requests": 4,
        "tokens": 1,
        "retries: rate limit": 1,
        "retries: transient": 1,
        "retries: token": 1,
    }


def test_no_secret_is_in_a_repr_a_sleep_or_an_error(twitch: Any, answers: Any) -> None:
    echo = answers.error(500, "you sent client-secret and token-1")
    replies = iter([answers.error(500, "you sent client-secret"), answers.token, *[echo] * 4])
    texts: list[str] = []

    def play() -> None:
        steps = ask(twitch)
        step: Any = next(steps)
        while True:
            texts.append(repr(step))
            if isinstance(step, Call):
                step = steps.send(step.function())
            else:
                step = steps.send(None if isinstance(step, Sleep) else next(replies))

    with pytest.raises(TwitchServerError) as caught:
        play()
    texts += [str(caught.value), repr(caught.value), caught.value.detail, repr(twitch.session)]
    assert "you sent *** and ***" in texts[-2]
    assert not [text for text in texts if "client-secret" in text or "token-1" in text]


def test_validate_says_whose_token_it_is(signed_in: Any, answers: Any) -> None:
    played = signed_in.play(
        validate(signed_in.session), [answers.ok({"client_id": "client-id", "expires_in": 99})]
    )
    assert (played.result.client_id, played.result.expires_in) == ("client-id", 99)
    assert played.sent[0].headers["Authorization"] == "OAuth token-0"
    assert signed_in.session.stats["requests"] == 0


def test_a_driver_of_walks_gets_the_answer_of_a_conversation_as_its_last_yield(
    signed_in: Any, answers: Any
) -> None:
    steps = yield_answer(ask(signed_in))
    assert isinstance(next(steps), Send)
    answer = steps.send(answers.page("1"))
    assert isinstance(answer, Envelope)
    assert answer.rows == [{"id": "1"}]
    assert list(steps) == []


def test_a_driver_must_answer_a_send(signed_in: Any) -> None:
    steps = ask(signed_in)
    next(steps)
    with pytest.raises(TypeError, match="Response or a Failure"):
        next(steps)


def test_a_cached_token_that_has_expired_too_is_replaced(signed_in: Any, answers: Any) -> None:
    signed_in.tokens.cached = AppToken("left-there-long-ago")
    replies = [answers.error(401), answers.error(401), answers.token, answers.page("1")]
    played = signed_in.play(ask(signed_in), replies)
    assert [each.headers["Authorization"] for each in played.sent if "Authorization" in each.headers] == [
        "Bearer token-0",
        "Bearer left-there-long-ago",
        "Bearer token-1",
    ]


def test_a_fetched_token_that_is_refused_is_an_error(signed_in: Any, answers: Any) -> None:
    signed_in.tokens.cached = AppToken("left-there-long-ago")
    with pytest.raises(TwitchAuthError):
        signed_in.play(ask(signed_in), [answers.error(401)] * 2 + [answers.token, answers.error(401)])


def test_a_second_401_is_an_error_even_after_another_failure(signed_in: Any, answers: Any) -> None:
    busy = answers.error(429, headers=headers(remaining=700))
    with pytest.raises(TwitchAuthError):
        signed_in.play(ask(signed_in), [answers.error(401), answers.token, busy, answers.error(401)])


def test_max_wait_bounds_all_waits_together(signed_in: Any, answers: Any) -> None:
    session = replace(signed_in.session, max_wait=4.0)
    with pytest.raises(TwitchServerError):
        signed_in.play(
            converse(session, Request("GET", STREAMS, endpoint="streams"), read_page),
            [answers.error(500), answers.error(429, headers=headers(remaining=700)), answers.error(500)],
        )
    assert signed_in.played.slept == [1.0, 2.0]  # 2.0 more would be too long, although 3 tries are left


@pytest.mark.parametrize(
    ("status", "error"), [(400, TwitchRequestError), (401, TwitchAuthError), (503, TwitchServerError)]
)
def test_an_error_status_in_the_body_alone_is_an_error(
    signed_in: Any, answers: Any, status: int, error: type[TwitchError]
) -> None:
    said = answers.ok({"error": "…", "status": status, "message": "as the mock server says it"})
    replies = {400: [said], 401: [said, answers.token, said], 503: [said] * 4}
    with pytest.raises(error, match="as the mock server says it"):
        signed_in.play(ask(signed_in), replies[status])


def test_wrong_credentials_in_the_body_alone_are_an_error_at_once(twitch: Any, answers: Any) -> None:
    said = answers.ok({"error": "Unauthorized", "status": 400, "message": "Client ID/Secret invalid"})
    with pytest.raises(TwitchAuthError, match="Client ID/Secret invalid; check the connection's client id"):
        twitch.play(ask(twitch), [said])


@pytest.mark.parametrize("status", [200, "200", None])
def test_a_status_without_an_error_is_ignored(signed_in: Any, answers: Any, status: Any) -> None:
    assert signed_in.play(ask(signed_in), [answers.ok({"data": [], "status": status})]).result.rows == []


@pytest.mark.parametrize(
    "body",
    [
        {"status": "error", "data": []},
        {"status": 1000, "data": []},
        {"status": ["400"], "data": []},
        {"status": "404", "data": []},
        {"status": "503", "message": "…", "data": []},
        {"status": 500, "data": [{"id": "1"}]},
        {"error": "Service Unavailable", "data": []},
        {"error": {"code": 7}, "data": [{"id": "1"}]},
        {"errors": ["…"], "data": []},
        {"message": "upstream timeout", "data": []},
        {"success": False, "data": []},
        {"status": 400},
    ],
)
def test_a_list_with_an_error_beside_it_is_an_error(signed_in: Any, answers: Any, body: Any) -> None:
    with pytest.raises((TwitchResponseError, TwitchServerError)):
        signed_in.play(ask(signed_in), [answers.ok(body)] * 4)


@pytest.mark.parametrize("status", [201, 202, 203, 204, 206, 226])
def test_only_200_is_the_answer_of_a_list(signed_in: Any, answers: Any, status: int) -> None:
    part = answers.ok({"data": [{"id": "1"}], "pagination": {}}, status)
    with pytest.raises(TwitchResponseError, match=f"with status 200, not {status}"):
        signed_in.play(ask(signed_in), [part] * 4)


def test_an_error_beside_an_empty_list_is_an_error(signed_in: Any, answers: Any) -> None:
    said = answers.ok({"status": "400", "message": "as the mock server says it", "data": []})
    with pytest.raises(TwitchRequestError, match="as the mock server says it"):
        signed_in.play(ask(signed_in), [said])


def test_a_token_of_another_application_is_an_error(signed_in: Any, answers: Any) -> None:
    with pytest.raises(TwitchResponseError, match="names another client id") as caught:
        signed_in.play(validate(signed_in.session), [answers.ok({"client_id": "token-0"})])
    assert "token-0" not in str(caught.value)


@pytest.mark.parametrize("text", ["\ud800 boo", "two\r\nlines", "\x1b[31m", "x" * 5000])
def test_twitchs_message_is_safe_for_a_log(signed_in: Any, answers: Any, text: str) -> None:
    with pytest.raises(TwitchRequestError) as caught:
        signed_in.play(
            ask(signed_in, params=(("after", text),)), [answers.error(400, text), answers.error(400, text)]
        )
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500


def test_a_server_that_refuses_every_second_request_costs_a_bounded_number_of_tokens(
    signed_in: Any, answers: Any
) -> None:
    for number in range(MAX_TOKENS):
        replies = [answers.error(401), answers.ok({"access_token": f"t{number}"}), answers.page("1")]
        signed_in.play(ask(signed_in), replies)
    for _ in range(20):
        assert signed_in.play(ask(signed_in), [answers.error(401), answers.page("1")]).result.rows
    assert signed_in.session.stats["tokens"] == MAX_TOKENS
    signed_in.now += TOKENS_WINDOW
    signed_in.play(ask(signed_in), [answers.error(401), answers.token, answers.page("1")])
    assert signed_in.tokens.token.value == "token-1"


def test_a_token_that_is_refused_for_good_is_an_error_when_no_more_are_fetched(
    signed_in: Any, answers: Any
) -> None:
    signed_in.session.fetched.extend([signed_in.now] * MAX_TOKENS)
    with pytest.raises(TwitchAuthError):
        signed_in.play(ask(signed_in), [answers.error(401)] * 4)
    assert signed_in.played.slept == [1.0, 2.0, 4.0]


@pytest.mark.parametrize(
    ("limit", "reason"),
    [
        (1, "which has 1 a minute and not 800: check whether a proxy set the header Ratelimit-Limit"),
        (800, "waiting for a point of the rate limit, which has 800 a minute"),
    ],
)
def test_a_wait_for_the_rate_limit_says_what_the_limit_is(
    signed_in: Any, answers: Any, limit: int, reason: str
) -> None:
    told = {"ratelimit-limit": str(limit), "ratelimit-remaining": "0"}
    signed_in.play(ask(signed_in), [answers.ok({"data": []}, 200, told)])
    step = next(ask(signed_in))
    assert isinstance(step, Sleep)
    assert step.reason.endswith(reason)
