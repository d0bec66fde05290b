# SPDX-License-Identifier: Apache-2.0
"""Bodies that cannot be read, connections that break, and headers that are missing."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus

from twitch_provider.testing.answers import Answer, Delivery
from twitch_provider.testing.faults.registry import (
    Context,
    changes,
    fault,
    instead,
    rows_of,
    sends,
    without_rate_limit,
)

_HTML = "<!DOCTYPE html><html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>"


def _html(status: int) -> Answer:
    text = _HTML.format(f"{status} {HTTPStatus(status).phrase}")
    return Answer(status, text=text, content_type="text/html; charset=utf-8")


fault("html_200", "an HTML page with status 200, as a captive portal or proxy sends")(sends(_html(200)))
fault("html_403", "an HTML page with status 403, as an edge or a proxy sends")(sends(_html(403)))
fault("html_502", "an HTML page with status 502, as a gateway sends")(sends(_html(502)))
fault("token_html", "the token endpoint answers 200 with an HTML page")(sends(_html(200)))
fault("not_json", "status 200, Content-Type JSON, and a body that is cut off")(
    sends(Answer(text='{"data":[{"id":"4086'))
)
fault("null_data", 'status 200 and "data": null')(sends(Answer(payload={"data": None, "pagination": {}})))
fault("half_body", "half of the promised Content-Length, then the connection closes")(
    changes(delivery=Delivery.HALF)
)
fault("dropped_connection", "the connection closes without a response")(changes(delivery=Delivery.DROPPED))
fault("hang", "no response until release() is called or the client gives up")(changes(delivery=Delivery.HELD))


@fault("gzip", "the body is compressed")
def _gzip(answer: Answer, context: Context) -> Answer:
    return replace(answer, headers={**answer.headers, "Content-Encoding": "gzip"})


@fault("redirect", "302 to another host")
def _redirect(answer: Answer, context: Context) -> Answer:
    return instead(answer, Answer(302, text=""), Location=context.location)


@fault("no_rate_limit_headers", "a response without the three rate limit headers")
def _no_rate_limit_headers(answer: Answer, context: Context) -> Answer:
    return without_rate_limit(answer)


@fault("no_date", "a response without a Date header")
def _no_date(answer: Answer, context: Context) -> Answer:
    return replace(answer, headers={k: v for k, v in answer.headers.items() if k != "Date"})


@fault("unknown_fields", "rows and response have undocumented fields")
def _unknown_fields(answer: Answer, context: Context) -> Answer | None:
    if (data := rows_of(answer)) is None:
        return None
    rows = [{**row, "brand_new_field": {"nested": [1, 2]}} for row in data]
    return replace(answer, payload={**answer.payload, "data": rows, "brand_new": True})
