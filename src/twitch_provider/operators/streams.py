# SPDX-License-Identifier: Apache-2.0
"""The operator for live streams by filter."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from twitch_provider.compat import BaseOperator
from twitch_provider.config import LakeConfig
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
from twitch_provider.pipelines.streams import FilteredStreams
from twitch_provider.pipelines.templates import native

if TYPE_CHECKING:
    from twitch_provider.compat import Context
    from twitch_provider.hooks.twitch import TwitchHook


class TwitchStreamsOperator(BaseOperator):
    """Read live streams: Helix's Get Streams, with its filters.

    Either returns the rows through XCom, for small results, or publishes them to S3 as a dataset of the lake
    and returns where it lies. For every live stream there is
    :class:`~twitch_provider.operators.all_streams.TwitchAllStreamsOperator`.
    https://dev.twitch.tv/docs/api/reference/#get-streams

    :param game_ids: only these games; an id that Twitch does not know is an error (templated)
    :param user_ids: only these broadcasters (templated)
    :param user_logins: only these broadcasters (templated)
    :param languages: only these: ISO 639-1 codes or ``other`` (templated)
    :param stream_type: ``all`` or ``live`` (templated)
    :param max_items: stop after that many streams, most viewers first; on S3 pages are kept whole
        (templated)
    :param output: ``xcom``: return the rows as Helix sent them, as a list of dicts; ``s3``: publish them and
        return ``{"uri": …, "manifest": …, "rows": …}``, which the events of the task's outlets carry too
    :param max_xcom_bytes: refuse to return rows that are larger than this as JSON, and read no further
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
    :raises AirflowFailException: what no retry can fix: credentials, parameters, permissions, unknown ids,
        rows that are too large for XCom, a run without raw pages that is too late to ask Twitch, a dataset
        that another task or run writes
    :raises TwitchError: everything else, for Airflow to retry
    """

    template_fields: Sequence[str] = (
        "game_ids",
        "user_ids",
        "user_logins",
        "languages",
        "stream_type",
        "max_items",
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
        game_ids: str | Sequence[str] | None = None,
        user_ids: str | Sequence[str] | None = None,
        user_logins: str | Sequence[str] | None = None,
        languages: str | Sequence[str] | None = None,
        stream_type: str | None = None,
        max_items: int | str | None = None,
        output: Literal["xcom", "s3"] = "xcom",
        max_xcom_bytes: int = MAX_XCOM_BYTES,
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
        self.game_ids = game_ids
        self.user_ids = user_ids
        self.user_logins = user_logins
        self.languages = languages
        self.stream_type = stream_type
        self.max_items = max_items
        self.output_to = output  # `output` is BaseOperator's own: the task's XComArg
        self.max_xcom_bytes = max_xcom_bytes
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
        """Read the streams, and return or publish them.

        :param context: of the task
        :returns: the rows, or where they lie
        :raises TwitchError: and Airflow's own exceptions, as the class says
        """
        if not is_s3(self.output_to):
            pages = self._streams("").read(self.hook)
            return rows_for_xcom(pages, self.hook, max_xcom_bytes=self.max_xcom_bytes, instead=INSTEAD)
        (dataset,) = dataset_names(self.dataset)
        file_format = table_format(self.file_format, self.compression)
        lake = LakeConfig.resolve(self.bucket, self.prefix, self.aws_conn_id)
        run = Run.open(context, lake, dataset=dataset, interval=self.interval, max_lateness=self.max_lateness)
        published = publish(run, self._streams(dataset), self.hook, file_format)
        return emit_events(context, self.outlets, published[dataset])

    def _streams(self, dataset: str) -> FilteredStreams:
        return FilteredStreams(
            dataset=dataset,
            game_ids=native(self.game_ids, list, tuple),
            user_ids=native(self.user_ids, list, tuple),
            user_logins=native(self.user_logins, list, tuple, str),
            languages=native(self.languages, list, tuple),
            stream_type=native(self.stream_type),
            max_items=native(self.max_items, int),
        )
