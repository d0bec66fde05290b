# SPDX-License-Identifier: Apache-2.0
"""Which failures Airflow should retry."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from twitch_provider.compat import AirflowFailException
from twitch_provider.exceptions import TwitchError


@contextmanager
def fail_fast() -> Iterator[None]:
    """Turn what no retry can fix into ``AirflowFailException``, with the same sentence.

    Works around a block and as a decorator below ``@task``. Airflow retries other errors.

    :raises AirflowFailException: a :class:`~twitch_provider.exceptions.TwitchError` that is ``fatal``
    :raises TwitchError: one that may pass
    """
    try:
        yield
    except TwitchError as error:
        if not error.fatal:
            raise
        raise AirflowFailException(str(error)) from error
