# SPDX-License-Identifier: Apache-2.0
"""Requests on condition that what lies at a key is what was seen, and stores that treat them otherwise.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from twitch_provider.aws.masking import code_of
from twitch_provider.aws.refusals import conflicts, is_unmet, refuses_conditions, status_of

#: How often a request is sent where others keep interfering with it.
_TRIES = 5

log = logging.getLogger(__name__)

#: Sends a request, with a condition as arguments, and returns the answer.
Act = Callable[..., Mapping[str, Any]]


def quoted(etag: str) -> str:
    """Return an entity tag as HTTP has it: a store may quote it in its headers, and not in a listing."""
    return f'"{etag}"' if etag and not etag.endswith('"') else etag


class Conditions:
    """Conditional requests to one store, and what it has shown of its ways.

    :param place: of the store, for the log
    :param etag_of: returns the entity tag of what lies at a key, None where there is no such key
    """

    def __init__(self, place: str, etag_of: Callable[[str], str | None]) -> None:
        self._place = place
        self._etag_of = etag_of
        #: Operations and conditions that the store does not take: some take one of them only.
        self._without: set[tuple[str, str]] = set()
        self._bare_tags = False
        self._warned = False

    def send(self, key: str, etag: str | None, act: Act, operation: str) -> Mapping[str, Any] | None:
        """Send a request on condition that what lies at a key is what was seen.

        :param key: of the object
        :param etag: of what was seen; None where the key was free
        :param act: sends it
        :param operation: that it sends
        :returns: the answer; None where something else lies there, or nothing
        :raises botocore.exceptions.ClientError: S3 refuses the request itself
        """
        kind = (operation, "IfNoneMatch" if etag is None else "IfMatch")
        if kind in self._without:
            return self._without_condition(key, etag, act)
        tag, tries_left = self._tag(etag, bare=self._bare_tags), _TRIES
        while True:
            try:
                answer = act(**{kind[1]: tag})
            except ClientError as error:
                unmet = is_unmet(error, seen=etag is not None)
                if unmet and etag is None:
                    return None
                if refuses_conditions(error):
                    # Or another header: then it is refused again.
                    return self._from_now_on_without(kind, key, etag, act, error)
                tries_left -= 1
                if not unmet and not (conflicts(error) and tries_left):
                    raise
                if self._etag_of(key) != etag:
                    return None
                if unmet and tag == (bare := self._tag(etag, bare=True)):
                    return self._from_now_on_without(kind, key, etag, act, error)
                if unmet:
                    # It lies there all the same: Ceph 16 compares tags without their quotes.
                    tag = bare
                continue
            self._bare_tags = self._bare_tags or (etag is not None and tag != etag)
            return answer

    @staticmethod
    def _tag(etag: str | None, *, bare: bool) -> str:
        if etag is None:
            return "*"
        return etag.strip('"') if bare else etag

    def _from_now_on_without(
        self, kind: tuple[str, str], key: str, etag: str | None, act: Act, error: ClientError
    ) -> Mapping[str, Any] | None:
        answer = self._without_condition(key, etag, act)
        self._without.add(kind)
        if not self._warned:
            log.warning(
                "The store of %s does not take the condition %s of %s (%s): what two tries of one run do at "
                "the same time is not detected there.",
                self._place,
                kind[1],
                kind[0],
                code_of(error) or status_of(error),
            )
        self._warned = True
        return answer

    def _without_condition(self, key: str, etag: str | None, act: Act) -> Mapping[str, Any] | None:
        return act() if self._etag_of(key) == etag else None
