# SPDX-License-Identifier: Apache-2.0
"""Twitch's rules as values and generators: no Airflow, no pandas, no sockets.

Reading Helix is a conversation (sign, wait for a point of the rate limit, send, read the answer, renew the
token or back off, send again) inside a walk over pages. Both are written once, as generators that yield what
to do and are sent the result, so that a test can step through every rule:

- :mod:`.endpoints`, :mod:`.queries`: what can be read, checked before anything is sent
- :mod:`.messages`: requests, answers, pages, and the steps of a conversation
- :mod:`.ratelimit`, :mod:`.retry`, :mod:`.token`: the rate limit, when to retry, the app token
- :mod:`.answers`, :mod:`.refusals`: from an HTTP answer to rows, a token, or one of our errors
- :mod:`.session`: what conversations share; :mod:`.renewal`: getting a token
- :mod:`.conversation`: one request until its answer; :mod:`.walk`: page after page; :mod:`.loop_guard`: that
  the cursors lead to an end; :mod:`.merge`: one sorted list out of several; :mod:`.lookups`: questions
  that take more than a list of rows

The hooks are short drivers of these generators over a real transport.
"""

from __future__ import annotations
