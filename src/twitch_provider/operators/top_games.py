# SPDX-License-Identifier: Apache-2.0
"""The operator for the games with the most viewers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from airflow.providers.common.compat.sdk import BaseOperator

from twitch_provider.helix import queries
from twitch_provider.pipelines.failing import fail_fast
from twitch_provider.pipelines.outputs import (
    INSTEAD,
    MAX_XCOM_BYTES,
    connect,
    publish_datasets,
    rows_for_xcom,
    tell_assets,
    wants_s3,
)
from twitch_provider.pipelines.rendered import number

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from twitch_provider.helix.messages import Page
    from twitch_provider.hooks.twitch import TwitchHook
    from twitch_provider.lake.clean import Cleaned
    from twitch_provider.lake.raw_lines import RawPage


class TwitchTopGamesOperator(BaseOperator):
    """Read the games with the most viewers: Helix's Get Top Games.

    Either hands the rows on through XCom, or publishes them to S3 as a dataset of the lake and hands on where
    that lies. Helix ranks the games and counts nothing: the dataset's columns ``streams_seen``,
    ``viewers_seen``, ``viewers_share`` and ``capped`` need the streams of each game. So on S3 those are read,
    too, and are a dataset of their own beside the games: ``{dataset}_streams``.
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
    :param compression: on S3: ``none``, ``gzip`` or ``zstd``; None means none (templated)
    :param bucket: None means the option ``[twitch] bucket`` (templated)
    :param prefix: None means the option ``[twitch] prefix`` (templated)
    :param twitch_conn_id: None means the option ``[twitch] twitch_conn_id`` (templated)
    :param aws_conn_id: None means the option ``[twitch] aws_conn_id`` (templated)
    :raises AirflowFailException: what no retry mends: credentials, parameters, permissions, rows that are too
        large for XCom
    :raises AirflowSkipException: the run is too late to ask Twitch, and has no raw pages of its own (``s3``)
    :raises TwitchError: everything else, for Airflow to try again
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
    ui_color = "#d9c7ff"

    def __init__(
        self,
        *,
        max_items: int | str | None = 20,
        output: Literal["xcom", "s3"] = "xcom",
        max_xcom_bytes: int = MAX_XCOM_BYTES,
        pages_per_game: int | str | None = 1,
        dataset: str | None = None,
        file_format: str = "csv",
        compression: str | None = None,
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
        self.bucket = bucket
        self.prefix = prefix
        self.twitch_conn_id = twitch_conn_id
        self.aws_conn_id = aws_conn_id

    def execute(self, context: Context) -> list[dict[str, Any]] | dict[str, Any]:
        """Read, and hand on.

        :param context: of the task
        :returns: the rows, or where they lie
        :raises TwitchError: and Airflow's own exceptions, as the class says
        """
        with fail_fast():
            if wants_s3(self.output_to):
                games, streams = publish_datasets(
                    context["dag_run"],
                    vars(self),
                    read=self._games_and_streams,
                    clean=self._clean,
                    beside=["_streams"],
                )
                tell_assets(context, self.outlets, games | {"streams": streams})
                return games | {"streams": streams}
            games_only = connect(self.twitch_conn_id).walk(self._query())
            return rows_for_xcom(games_only, max_xcom_bytes=self.max_xcom_bytes, instead=INSTEAD)

    def _query(self) -> queries.Query:
        return queries.top_games(max_items=number(self.max_items))

    def _games_and_streams(self, hook: TwitchHook) -> Iterator[Page]:
        from twitch_provider.lake.top_games import game_ids

        games = list(hook.walk(self._query()))
        yield from games
        for game_id in game_ids(games)[: number(self.max_items)]:
            yield from hook.pages("streams", {"game_id": game_id}, max_pages=number(self.pages_per_game))

    @staticmethod
    def _clean(pages: list[RawPage], run_after: datetime) -> list[Cleaned]:
        from twitch_provider.lake import top_games

        tables = top_games.transform(pages, run_after=run_after)
        return [tables["top_games"], tables["top_streams"]]
