# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twitch_provider.exceptions import (
    TwitchNotFoundError,
    TwitchPaginationError,
    TwitchRequestError,
    TwitchResponseError,
    TwitchServerError,
)
from twitch_provider.helix.loop_guard import STALE_PAGES
from twitch_provider.helix.queries import query
from twitch_provider.helix.walk import walk


def read(twitch: Any, replies: list[Any], max_items: int | None = None, **arguments: Any) -> Any:
    return twitch.play(
        walk(twitch.session, query("streams", arguments, max_items=max_items, split=True)), replies
    )


def ids(rows: list[Any]) -> list[str]:
    return [row["id"] for row in rows]


def test_follows_the_cursor_to_the_end(signed_in: Any, answers: Any) -> None:
    played = read(
        signed_in, [answers.page("1", "2", cursor="a"), answers.page("3", cursor="b"), answers.page()]
    )
    assert ids(played.rows) == ["1", "2", "3"]
    assert played.cursors == [None, "a", "b"]


def test_asks_for_full_pages_and_keeps_the_filters_on_every_page(signed_in: Any, answers: Any) -> None:
    played = read(
        signed_in, [answers.page("1", cursor="a"), answers.page("2")], game_id=["7", "8"], language="en"
    )
    filters = (("first", "100"), ("game_id", "7"), ("game_id", "8"), ("language", "en"))
    assert sorted(played.sent[0].params) == sorted(filters)
    assert sorted(played.sent[1].params) == sorted((*filters, ("after", "a")))


@pytest.mark.parametrize(
    "pagination",
    [{}, None, {"cursor": ""}, {"cursor": None}, ...],
    ids=lambda value: json.dumps(str(value)),
)
def test_ends_on_every_way_to_say_that_there_is_no_cursor(
    signed_in: Any, answers: Any, pagination: Any
) -> None:
    body = {"data": [{"id": "1"}]} | ({} if pagination is ... else {"pagination": pagination})
    assert ids(read(signed_in, [answers.ok(body)]).rows) == ["1"]


@pytest.mark.parametrize("pagination", ["", "c", [], ["c"], 0, 7, False, True])
def test_a_pagination_that_is_not_an_object_is_not_the_end(
    signed_in: Any, answers: Any, pagination: Any
) -> None:
    with pytest.raises(TwitchResponseError, match="pagination must be an object, not "):
        read(signed_in, [answers.ok({"data": [{"id": "1"}], "pagination": pagination})] * 4)


def test_a_short_page_is_not_the_end(signed_in: Any, answers: Any) -> None:
    played = read(signed_in, [answers.page("1", cursor="a"), answers.page(*map(str, range(2, 101)))])
    assert len(played.rows) == 100


def test_an_empty_page_is_not_the_end(signed_in: Any, answers: Any) -> None:
    played = read(signed_in, [answers.page("1", cursor="a"), answers.page(cursor="b"), answers.page("2")])
    assert ids(played.rows) == ["1", "2"]


def test_gives_each_id_once(signed_in: Any, answers: Any) -> None:
    played = read(signed_in, [answers.page("1", "2", "1", cursor="a"), answers.page("2", "3")])
    assert ids(played.rows) == ["1", "2", "3"]
    assert [len(page.rows) for page in played.pages] == [3, 2]


def test_loses_no_row_that_has_no_id(signed_in: Any, answers: Any) -> None:
    odd = [{"title": "x"}, {"title": "x"}, None, 7, {"id": None}]
    assert read(signed_in, [answers.ok({"data": odd, "pagination": {}})]).rows == odd


def test_a_repeated_cursor_is_an_error(signed_in: Any, answers: Any) -> None:
    with pytest.raises(TwitchPaginationError, match="same cursor twice") as caught:
        read(signed_in, [answers.page("1", cursor="a"), answers.page("2", cursor="a")])
    assert str(caught.value).startswith("streams: ")
    assert "(page 2, 2 rows read so far)" in str(caught.value)


def test_a_last_page_that_leads_back_to_page_one_is_an_error(signed_in: Any, answers: Any) -> None:
    one, two = answers.page("1", cursor="a"), answers.page("2", cursor="b")
    with pytest.raises(TwitchPaginationError):
        read(signed_in, [one, two, one])


@pytest.mark.parametrize("rows", [[], ["1"]], ids=["empty", "old rows"])
def test_ever_new_cursors_without_new_rows_are_an_error(
    signed_in: Any, answers: Any, rows: list[str]
) -> None:
    stale = [answers.page(*rows, cursor=f"c{n}") for n in range(STALE_PAGES)]
    with pytest.raises(TwitchPaginationError, match="no new row"):
        read(signed_in, [answers.page("1", cursor="a"), *stale])


def test_rows_without_an_id_do_not_count_as_new_ids(signed_in: Any, answers: Any) -> None:
    odd = [
        answers.ok({"data": [{"name": "x"}], "pagination": {"cursor": f"c{n}"}}) for n in range(STALE_PAGES)
    ]
    with pytest.raises(TwitchPaginationError, match="no new row"):
        read(signed_in, odd)


@pytest.mark.parametrize("blank", ["", " ", None])
def test_a_blank_id_is_a_missing_one(signed_in: Any, answers: Any, blank: Any) -> None:
    rows = [{"id": blank, "title": "a"}, {"id": "1"}, {"id": blank, "title": "b"}, {"id": "1"}]
    assert read(signed_in, [answers.ok({"data": rows, "pagination": {}})]).rows == rows[:3]


def test_an_id_that_is_a_number_is_an_id(signed_in: Any, answers: Any) -> None:
    odd = [
        answers.ok({"data": [{"id": 7}, {"id": n}], "pagination": {"cursor": f"c{n}"} if n < 19 else {}})
        for n in range(10, 20)
    ]
    assert ids(read(signed_in, odd).rows) == [7, *range(10, 20)]


@pytest.mark.parametrize("cursor", [0, False, [], {}])
def test_a_cursor_that_is_not_text_is_not_the_end(signed_in: Any, answers: Any, cursor: Any) -> None:
    with pytest.raises(TwitchResponseError, match="must be text"):
        read(signed_in, [answers.ok({"data": [], "pagination": {"cursor": cursor}})] * 4)


def test_a_cursor_loop_that_moves_is_an_error(signed_in: Any, answers: Any) -> None:
    old = [str(n) for n in range(99)]
    pages = [answers.page(*old, f"new-{n}", cursor=f"c{n}") for n in range(7)]
    with pytest.raises(TwitchPaginationError, match="more old rows than new"):
        read(signed_in, pages)


def test_a_404_says_how_far_the_walk_got(signed_in: Any, answers: Any) -> None:
    with pytest.raises(TwitchNotFoundError, match=r"page 2, 1 rows read so far"):
        read(signed_in, [answers.page("1", cursor="a"), answers.error(404)])


def test_a_row_that_is_not_an_object_is_in_rows_and_an_error_in_new_rows(
    signed_in: Any, answers: Any
) -> None:
    (page,) = read(signed_in, [answers.ok({"data": [{"id": "1"}, None]})]).pages
    assert page.rows == [{"id": "1"}, None]
    with pytest.raises(TwitchResponseError, match="a row must be an object, not NoneType"):
        _ = page.new_rows


def test_pages_without_new_rows_are_accepted_when_new_ones_follow(signed_in: Any, answers: Any) -> None:
    stale = [answers.page("1", cursor=f"c{n}") for n in range(STALE_PAGES - 1)]
    again = [answers.page("1", cursor=f"d{n}") for n in range(STALE_PAGES - 1)]
    replies = [
        answers.page("1", cursor="a"),
        *stale,
        answers.page("2", cursor="b"),
        *again,
        answers.page("3"),
    ]
    assert ids(read(signed_in, replies).rows) == ["1", "2", "3"]


def test_stops_at_max_items_without_asking_for_more(signed_in: Any, answers: Any) -> None:
    played = read(signed_in, [answers.page("1", "2", "3", cursor="a")], max_items=2)
    assert ids(played.rows) == ["1", "2"]
    assert ("first", "2") in played.sent[0].params


def test_stops_at_max_pages(signed_in: Any, answers: Any) -> None:
    checked = query("streams", max_pages=2)
    replies = [answers.page("1", cursor="a"), answers.page("2", cursor="b")]
    played = signed_in.play(walk(signed_in.session, checked), replies)
    assert played.pages[-1].cursor == "b"


def test_reads_more_than_a_hundred_ids_in_several_requests_each_id_once(signed_in: Any, answers: Any) -> None:
    wanted = [str(n) for n in range(250)]
    played = read(
        signed_in,
        [answers.page("1"), answers.page("1", "2", cursor="a"), answers.page("4"), answers.page("3")],
        user_id=wanted,
    )
    assert ids(played.rows) == ["1", "2", "3", "4"]
    sizes = [sum(name == "user_id" for name, _ in request.params) for request in played.sent]
    assert sizes == [100, 100, 50, 100]


def test_the_same_cursor_may_come_in_another_batch(signed_in: Any, answers: Any) -> None:
    replies = [
        answers.page("1", cursor="a"),
        answers.page("3", cursor="a"),
        answers.page("2"),
        answers.page("4"),
    ]
    played = read(signed_in, replies, user_id=[str(n) for n in range(101)])
    assert len(played.rows) == 4


def test_unknown_videos_are_absent_and_not_an_error(signed_in: Any, answers: Any) -> None:
    checked = query("videos", {"id": [str(number) for number in range(150)]}, split=True)
    replies = [answers.error(404, "The ID in the id query parameter was not found."), answers.page("140")]
    assert ids(signed_in.play(walk(signed_in.session, checked), replies).rows) == ["140"]


@pytest.mark.parametrize(
    "body",
    [
        b"<html><h1>404 Not Found</h1></html>",
        b"404 page not found",
        b"",
        b'{"status":404,"message":"404 page not found"}',
        b'{"message":"no Route matched with those values"}',
        b'{"status":400,"message":"of another status"}',
        b'{"error":"Not Found","status":404,"message":"","path":"/videos"}',
        b'{"timestamp":"2026","status":404,"error":"Not Found","message":"No message available"}',
        b'{"error":"Not Found","status":404,"message":""}',
    ],
)
def test_a_404_of_another_server_or_path_does_not_mean_unknown_videos(
    signed_in: Any, answers: Any, body: bytes
) -> None:
    checked = query("videos", {"id": [str(number) for number in range(150)]}, split=True)
    lost = [answers.ok(body, 404)] * 4
    with pytest.raises((TwitchResponseError, TwitchNotFoundError), match="404"):
        signed_in.play(walk(signed_in.session, checked), [answers.page("1"), *lost])


def test_an_unknown_game_of_videos_is_an_error(signed_in: Any, answers: Any) -> None:
    with pytest.raises(TwitchNotFoundError):
        signed_in.play(walk(signed_in.session, query("videos", {"game_id": "0"})), [answers.error(404)])


def test_videos_of_a_game_are_one_page(signed_in: Any, answers: Any) -> None:
    checked = query("videos", {"game_id": "7"})
    played = signed_in.play(walk(signed_in.session, checked), [answers.page("1", cursor="a")])
    assert ids(played.rows) == ["1"]


def test_never_walks_backwards(signed_in: Any, answers: Any) -> None:
    checked = query("streams", {"before": "b"})
    played = signed_in.play(walk(signed_in.session, checked), [answers.page("1", cursor="a")])
    assert played.cursors == [None]


def test_an_error_says_how_far_the_walk_got(signed_in: Any, answers: Any) -> None:
    with pytest.raises(
        TwitchServerError, match=r"^streams\(language=en, first=100, .*\(page 2, 1 rows read so far\)"
    ):
        read(signed_in, [answers.page("1", cursor="a"), *[answers.error(500)] * 4], language=["en"])


def test_a_page_remembers_its_answer(signed_in: Any, answers: Any) -> None:
    body = b'{"data": [ {"id": "1"} ], "pagination": {"cursor": "c"}, "total": 9}'
    headers = {
        "date": "Wed, 17 Jul 2024 12:00:05 GMT",
        "ratelimit-limit": "800",
        "ratelimit-remaining": "799",
    }
    checked = query("streams", max_pages=1)
    (page,) = signed_in.play(walk(signed_in.session, checked), [answers.ok(body, 200, headers)]).pages
    assert (page.endpoint, page.params, page.body) == ("streams", (("first", "100"),), body)
    assert (page.cursor, page.total, page.rate_limit.remaining) == ("c", 9, 799)
    assert page.answered_at == page.date == datetime(2024, 7, 17, 12, 0, 5, tzinfo=UTC)
    assert (page.received_at, page.loopback) == (answers.received, False)


@pytest.mark.parametrize(
    "date",
    [
        None,
        "",
        "yesterday",
        "Mon, 01 Jan 99999999999999999999 00:00:00 GMT",
        "Fri, 31 Dec 9999 23:59:59 -0100",
    ],
)
def test_without_a_date_header_the_receipt_is_the_instant(
    signed_in: Any, answers: Any, date: str | None
) -> None:
    headers = {} if date is None else {"date": date}
    (page,) = read(signed_in, [answers.ok({"data": []}, 200, headers)]).pages
    assert page.date is None
    assert page.answered_at == page.received_at == answers.received


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_any_mix_of_pages_and_transient_faults_gives_every_id_once_in_order(
    new_twitch: Any, answers: Any, data: Any
) -> None:
    twitch = new_twitch()
    pages = data.draw(st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=4), min_size=1, max_size=4))
    faults = [
        None,
        answers.error(500),
        answers.error(429),
        answers.failure("the connection broke"),
        answers.ok(b"<html>"),
    ]
    replies: list[Any] = []
    for number, rows in enumerate(pages):
        fault = data.draw(st.sampled_from(faults))
        replies += [fault] if fault else []
        replies.append(answers.page(*rows, cursor=None if number == len(pages) - 1 else f"c{number}"))
    played = twitch.play(walk(twitch.session, query("streams")), replies)
    assert ids(played.rows) == list(dict.fromkeys(row for rows in pages for row in rows))


def known(answers: Any, *logins: str) -> Any:
    return answers.ok({"data": [{"id": "9", "login": login} for login in logins]})


def test_a_login_that_made_helix_refuse_all_of_them_is_found_and_named(signed_in: Any, answers: Any) -> None:
    logins = [f"channel_{number}" for number in range(150)] + ["Gone", "lost"]
    replies = [answers.error(400), known(answers, *logins[:100]), known(answers, *logins[100:150])]
    with pytest.raises(
        TwitchNotFoundError, match=r"^streams: .* does not know user_login Gone, lost: .*correct user_login"
    ) as caught:
        read(signed_in, replies, user_login=logins)
    assert (caught.value.unknown, caught.value.status) == (("Gone", "lost"), 400)
    assert [request.endpoint for request in signed_in.played.sent] == ["streams", "users", "users"]
    assert "channel_" not in str(caught.value)


@pytest.mark.parametrize("name", ["user_id", "game_id"])
def test_an_id_that_made_helix_refuse_all_of_them_is_named(signed_in: Any, answers: Any, name: str) -> None:
    with pytest.raises(TwitchNotFoundError, match=f"does not know {name} 3:"):
        read(signed_in, [answers.error(400), answers.page("1", "2")], None, **{name: ["1", "2", "3"]})


def test_a_400_for_another_reason_is_raised_as_it_is(signed_in: Any, answers: Any) -> None:
    with pytest.raises(TwitchRequestError, match="Twitch answered 400: no") as caught:
        read(signed_in, [answers.error(400, "no"), known(answers, "a")], user_login="A")
    assert not isinstance(caught.value, TwitchNotFoundError)


def test_a_400_to_a_later_page_is_not_put_down_to_the_logins(signed_in: Any, answers: Any) -> None:
    replies = [answers.page("1", cursor="c"), *[answers.error(400, "invalid cursor")] * 2]
    with pytest.raises(TwitchRequestError, match="invalid cursor"):
        read(signed_in, replies, user_login="a")


def test_a_400_stays_what_it_is_where_helix_refuses_the_lookup_too(signed_in: Any, answers: Any) -> None:
    with pytest.raises(TwitchRequestError, match=r"^streams\(.*400: no"):
        read(signed_in, [answers.error(400, "no"), answers.error(400, "users")], user_login="a")


def test_a_lookup_that_fails_for_the_moment_leaves_it_to_a_retry(signed_in: Any, answers: Any) -> None:
    with pytest.raises(TwitchServerError, match=r"^users\("):
        read(signed_in, [answers.error(400), *[answers.error(503)] * 4], user_login="a")
