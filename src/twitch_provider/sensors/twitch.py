# SPDX-License-Identifier: Apache-2.0
"""The sensor for Twitch: wait until channels are live."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from twitch_provider.compat import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    BaseSensorOperator,
    PokeReturnValue,
    conf,
)
from twitch_provider.exceptions import TwitchError
from twitch_provider.pipelines.failing import fail_fast
from twitch_provider.pipelines.outputs import connect
from twitch_provider.pipelines.templates import native
from twitch_provider.rows import is_live
from twitch_provider.storable import storable
from twitch_provider.triggers.channels import Names, logins_of, require_known, wait_rule
from twitch_provider.triggers.twitch import TwitchStreamLiveTrigger

if TYPE_CHECKING:
    from twitch_provider.compat import Context
    from twitch_provider.hooks.twitch import TwitchHook

__all__ = ["TwitchStreamLiveSensor"]

log = logging.getLogger(__name__)


class TwitchStreamLiveSensor(BaseSensorOperator):
    """Waits until any or all of some channels are live; returns the streams as Helix sent them.

    What Airflow cannot store is replaced: see :mod:`twitch_provider.storable`.

    One request covers 100 channels: https://dev.twitch.tv/docs/api/reference/#get-streams.
    In the modes ``poke`` and ``reschedule`` temporary errors are left to Airflow (``silent_fail``, retries).
    With ``deferrable`` the task pokes once, and then waits in the triggerer.

    A login that Twitch does not know can never be live: it fails the task at the first poke that finds too
    few channels, regardless of ``wait_for``.

    :param user_logins: of the channels, one or many, in any case (templated)
    :param wait_for: ``any`` or ``all`` of them
    :param twitch_conn_id: None means the option ``[twitch] twitch_conn_id`` (templated)
    :param max_consecutive_failures: with ``deferrable``: how many polls in a row must fail before the
        task fails
    :param deferrable: wait in the triggerer, without a worker slot; by default the option
        ``[operators] default_deferrable``
    :raises AirflowFailException: a retry cannot fix it: credentials, parameters, unknown logins
    :raises AirflowSensorTimeout: ``timeout`` has passed
    :raises AirflowSkipException: one of these two, with ``soft_fail``; any failure, with ``never_fail``
    :raises TwitchError: everything else, for Airflow to retry
    """

    template_fields: Sequence[str] = ("user_logins", "twitch_conn_id")
    ui_color = "#d9c7ff"

    def __init__(
        self,
        *,
        user_logins: str | Sequence[str],
        wait_for: Literal["any", "all"] = "any",
        twitch_conn_id: str | None = None,
        max_consecutive_failures: int = 10,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.user_logins = user_logins
        self.wait_for = wait_for
        self.twitch_conn_id = twitch_conn_id
        self.max_consecutive_failures = max_consecutive_failures
        self.deferrable = deferrable
        self._known = False  # whether Twitch knows every channel

    def poke(self, context: Context) -> PokeReturnValue:
        """Check once; with ``deferrable``, defer to the triggerer if the channels are not live yet.

        :param context: of the task
        """
        with fail_fast():
            enough = wait_rule(self.wait_for)
            logins = logins_of(native(self.user_logins, list, tuple, str))
            hook = connect(self.twitch_conn_id)
            streams, names = list(filter(is_live, hook.get_streams(user_logins=logins))), Names()
            if nameless := names.to_look_up(logins, streams):
                names.learn(hook.get_users(logins=nameless), streams)
            live = names.by_login(streams)
            log.info("%d of %d channels are live: %s", len(live), len(logins), ", ".join(live) or "-")
            if enough(login in live for login in logins):
                return PokeReturnValue(is_done=True, xcom_value=storable(list(live.values())))
            self._require_known(hook, [login for login in logins if login not in live])
        if self.deferrable:
            self.defer(
                trigger=TwitchStreamLiveTrigger(
                    user_logins=logins,
                    wait_for=self.wait_for,
                    twitch_conn_id=hook.twitch_conn_id,
                    # An interval of 0 suits a worker that alternates between sensors, not a loop of its own.
                    poll_interval=max(self.poke_interval, 1.0),
                    max_consecutive_failures=self.max_consecutive_failures,
                ),
                method_name="execute_complete",
                timeout=timedelta(seconds=self.timeout),
            )
        return PokeReturnValue(is_done=False)

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        """Return the streams that the trigger found.

        :param context: of the task
        :param event: of :class:`.TwitchStreamLiveTrigger`
        :raises AirflowFailException: the trigger failed, and a retry cannot fix it
        :raises TwitchError: the trigger failed otherwise, or has no event
        """
        result = event or {"status": "error", "message": "the trigger ended without an event"}
        if result["status"] == "success":
            streams: list[dict[str, Any]] = result["streams"]
            return streams
        raise (AirflowFailException if result.get("fatal") else TwitchError)(result["message"])

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Turn a timeout of the deferral into the sensor's own: Airflow 2 would retry the task.

        :param next_method: as Airflow has it
        :param next_kwargs: as Airflow has them
        :param context: of the task
        :raises AirflowSensorTimeout: ``timeout`` has passed
        :raises AirflowSkipException: likewise, with ``soft_fail`` or ``never_fail``; or, with ``never_fail``,
            something else failed
        :raises TwitchError: the trigger failed temporarily, for Airflow to retry
        """
        # Airflow identifies it only by this text: "Trigger timeout" in 3, "Trigger/execution timeout" in 2.
        if next_method == "__fail__" and str((next_kwargs or {}).get("error")).endswith("timeout"):
            failure = AirflowSkipException if self.soft_fail or self.never_fail else AirflowSensorTimeout
            raise failure(f"Not live within {self.timeout:g} s: {self.wait_for} of {self.user_logins}")
        try:
            return super().resume_execution(next_method, next_kwargs, context)
        except TwitchError as error:
            if not self.never_fail:
                raise
            raise AirflowSkipException(f"Skipping due to never_fail is set to True: {error}") from error

    def _require_known(self, hook: TwitchHook, logins: list[str]) -> None:
        if not self._known:
            require_known(logins, hook.get_users(logins=logins))
            self._known = True
