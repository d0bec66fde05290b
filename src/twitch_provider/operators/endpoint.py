# SPDX-License-Identifier: Apache-2.0
"""The operator for any list of Helix."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from twitch_provider.compat import BaseOperator
from twitch_provider.pipelines.endpoint import endpoint_query, require_shown
from twitch_provider.pipelines.failing import fail_fast
from twitch_provider.pipelines.outputs import MAX_XCOM_BYTES, connect, rows_for_xcom

if TYPE_CHECKING:
    from twitch_provider.compat import Context
    from twitch_provider.hooks.twitch import TwitchHook


class TwitchHelixOperator(BaseOperator):
    """Read any list endpoint of Helix to its end and return the rows through XCom.

    For small results; for large ones there is
    :class:`~twitch_provider.transfers.twitch_to_s3.TwitchToS3Operator`.
    https://dev.twitch.tv/docs/api/reference

    :param endpoint: one of :data:`twitch_provider.helix.endpoints.ENDPOINTS`, for example ``clips`` or
        ``search/channels`` (templated)
    :param endpoint_params: by Helix's names, checked before anything is sent; a list is sent as a repeated
        parameter, and more than 100 values of one are split into several requests (templated)
    :param max_items: stop after that many rows (templated)
    :param max_xcom_bytes: refuse to return rows that are larger than this as JSON, and read no further
    :param twitch_conn_id: None means the option ``[twitch] twitch_conn_id`` (templated)
    :raises AirflowFailException: what no retry can fix: credentials, parameters, permissions, rows that are
        too large for XCom or that Twitch does not show to an app token
    :raises TwitchError: everything else, for Airflow to retry
    """

    template_fields: Sequence[str] = ("endpoint", "endpoint_params", "max_items", "twitch_conn_id")
    template_fields_renderers: ClassVar[dict[str, str]] = {"endpoint_params": "json"}
    ui_color = "#d9c7ff"

    def __init__(
        self,
        *,
        endpoint: str,
        endpoint_params: Mapping[str, Any] | str | None = None,
        max_items: int | str | None = None,
        max_xcom_bytes: int = MAX_XCOM_BYTES,
        twitch_conn_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.endpoint = endpoint
        self.endpoint_params = endpoint_params
        self.max_items = max_items
        self.max_xcom_bytes = max_xcom_bytes
        self.twitch_conn_id = twitch_conn_id

    @functools.cached_property
    def hook(self) -> TwitchHook:
        """The hook of the task's connection."""
        return connect(self.twitch_conn_id)

    @fail_fast()
    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Read the list, and return its rows.

        :param context: of the task
        :returns: the rows as Helix sent them, each id once
        :raises TwitchError: and Airflow's own exceptions, as the class says
        """
        query = endpoint_query(self.endpoint, self.endpoint_params, self.max_items)
        return rows_for_xcom(
            require_shown(self.hook.walk(query)),
            self.hook,
            max_xcom_bytes=self.max_xcom_bytes,
            instead="TwitchToS3Operator or a smaller max_items",
        )
