# SPDX-License-Identifier: Apache-2.0
"""A DAG whose one task asks Twitch, as a process of its own would."""

from __future__ import annotations

try:
    from airflow.sdk import dag, task
except ImportError:  # Airflow 2
    from airflow.decorators import dag, task  # type: ignore[attr-defined,no-redef]


@dag(schedule=None)
def reads_twitch() -> None:
    """Ask."""

    @task
    def ask() -> int:
        from twitch_provider.hooks.sessions import forget_shared
        from twitch_provider.hooks.twitch import TwitchHook

        forget_shared()
        return len(list(TwitchHook().get_top_games(max_items=5)))

    ask()


reads_twitch()
