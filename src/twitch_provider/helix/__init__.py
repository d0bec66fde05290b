# SPDX-License-Identifier: Apache-2.0
"""Twitch's rules as values and generators: no Airflow, no pandas, no sockets.

Reading Helix is a conversation (sign, wait for a point, send, look at the answer, renew the token or back
off, send again) inside a walk over pages. Both are written once, as generators that yield what to do and
are sent what came back, so that every rule can be tested by stepping it by hand:

- :mod:`.endpoints`, :mod:`.queries`: what may be asked, checked before anything is sent
- :mod:`.messages`: the values that go to and fro
- :mod:`.ratelimit`, :mod:`.retry`, :mod:`.token`: the limit, the patience, the app token
- :mod:`.session`: what conversations share; :mod:`.renewal`: coming by a token
- :mod:`.conversation`: one request until its answer; :mod:`.walk`: page after page; :mod:`.circles`: whether
  they lead anywhere; :mod:`.lookups`: a question that a walk answers
- :mod:`.crawl`: every live stream, by many :mod:`.chains` of :mod:`.sheets`; :mod:`.ends`, :mod:`.report`:
  what it lost, and how complete it is
- :mod:`.live`: who went live, and who went offline

The hooks are short drivers of these generators over a real transport.
"""

from __future__ import annotations
