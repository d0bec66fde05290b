# SPDX-License-Identifier: Apache-2.0
"""The operator for the games with the most viewers."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from twitch_provider.compat import BaseOperator
from twitch_provider.config import LakeConfig
from twitch_provider.helix import queries
from twitch_provider.links.lake import LINKS
from twitch_provider.pipelines.failing import fail_fast
from twitch_provider.pipelines.outputs import (
    INSTEAD,
    MAX_XCOM_BYTES,
    connect,
    emit_events,
    is_s3,
    rows_for_xcom,
    table_format,
)
from twitch_provider.pipelines.run import Run
from twitch_provider.pipelines.snapshot import dataset_names, publish
from twitch_provider.pipelines.templates import native
from twitch_provider.pipelines.top_games import TopGames

if TYPE_CHECKING:
    from twitch_provider.compat import Context
    from twitch_provider.hooks.twitch import TwitchHook


class TwitchTopGamesOperator(BaseOperator):
    """Read the games with the most viewers: Helix's Get Top Games.

    Either returns the rows through XCom, or publishes them to S3 as a dataset of the lake and returns where
    it lies. Helix ranks the games and counts nothing: the dataset's columns ``streams_seen``,
    ``viewers_seen``, ``viewers_share`` and ``capped`` need the streams of each game. So on S3 those are read,
    too, and are a dataset of their own beside the games: ``{dataset}__streams``.
    https://dev.twitch.tv/docs/api/reference/#get-top-games

    :param max_items: how many games; None for all (templated)
    :param output: ``xcom``: return the rows as Helix sent them, as a list of dicts; ``s3``: publish the games
        and their streams and return ``{"uri": …, "manifest": …, "rows": …, "streams": …}``, the last being
        the same for the streams
    :param max_xcom_bytes: refuse to return rows that are larger than this as JSON, and read no further
    :param pages_per_game: how many pages of 100 streams to read of each game (``s3``); where there are more,
        the game is ``capped``; None for all (templated)
    :param dataset: the dataset's name on S3; each task (and each mapped one) has its own (templated)
    :param file_format: on S3: ``csv`` or ``parquet`` (templated)
    :param compression: on S3: ``none``, ``gzip`` or ``zstd`` (templated)
    :param interval: on S3: how often a snapshot is due, for the manifest: a gap is then a warning in the log
    :param max_lateness: on S3: ask Twitch no later than this after the run's tick; None: however late, since
        the rows say when they were observed
    :param bucket: None means the option ``[twitch] bucket`` (templated)
    :param prefix: None means the option ``[twitch] prefix`` (templated)
    :param twitch_conn_id: None means the option ``[twitch] twitch_conn_id`` (templated)
    :param aws_conn_id: None means the option ``[twitch] aws_conn_id`` (templated)
    :raises AirflowFailException: what no retry can fix: credentials, parameters, permissions, rows that are
        too large for XCom, a run without raw pages that is too late to ask Twitch, a dataset that another
        task or run writes
    :raises TwitchError: everything else, for Airflow to retry
    """

    template_fields: Sequence[str] = (
        "max_items",
        "pages_per_game",
        "dataset",
        "file_format",
        "compression",
        "bucket",
        "prefix",
        "twitch_conn_id",
        "aws_conn_id",
    )
    operator_extra_links = LINKS
    ui_color = "#d9c7ff"

    def __init__(
        self,
        *,
        max_items: int | str | None = 20,
        output: Literal["xcom", "s3"] = "xcom",
        max_xcom_bytes: int = MAX_XCOM_BYTES,
        pages_per_game: int | str | None = 1,
        dataset: str | None = None,
        file_format: str | None = "csv",
        compression: str | None = "none",
        interval: timedelta | None = None,
        max_lateness: timedelta | None = None,
        bucket: str | None = None,
        prefix: str | None = None,
        twitch_conn_id: str | None = None,
        aws_conn_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.max_items = max_items
        self.output_to = output  # `output` is BaseOperator's own: the task's XComArg
        self.max_xcom_bytes = max_xcom_bytes
        self.pages_per_game = pages_per_game
        self.dataset = dataset
        self.file_format = file_format
        self.compression = compression
        self.interval = interval
        self.max_lateness = max_lateness
        self.bucket = bucket
        self.prefix = prefix
        self.twitch_conn_id = twitch_conn_id
        self.aws_conn_id = aws_conn_id

    @functools.cached_property
    def hook(self) -> TwitchHook:
        """The hook of the task's connection."""
        return connect(self.twitch_conn_id)

    @fail_fast()
    def execute(self, context: Context) -> list[dict[str, Any]] | dict[str, Any]:
        """Read the games, and return or publish them.

        :param context: of the task
        :returns: the rows, or where they lie
        :raises TwitchError: and Airflow's own exceptions, as the class says
        """
        games = native(self.max_items, int)
        if not is_s3(self.output_to):
            pages = self.hook.walk(queries.query("games/top", max_items=games))
            return rows_for_xcom(pages, self.hook, max_xcom_bytes=self.max_xcom_bytes, instead=INSTEAD)
        names = dataset_names(self.dataset, beside=["streams"])
        file_format = table_format(self.file_format, self.compression)
        lake = LakeConfig.resolve(self.bucket, self.prefix, self.aws_conn_id)
        run = Run.open(
            context, lake, dataset=names[0], interval=self.interval, max_lateness=self.max_lateness
        )
        top_games = TopGames(games, native(self.pages_per_game, int), *names)
        published = publish(run, top_games, self.hook, file_format)
        reference = published[names[0]] | {"streams": published[names[1]]}
        return emit_events(context, self.outlets, reference)
