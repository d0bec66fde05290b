# SPDX-License-Identifier: Apache-2.0
"""The operator for every live stream."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from twitch_provider.compat import BaseOperator
from twitch_provider.config import LakeConfig
from twitch_provider.links.lake import LINKS
from twitch_provider.pipelines.all_streams import ALL_STREAMS, CrawlOptions, publish
from twitch_provider.pipelines.failing import fail_fast
from twitch_provider.pipelines.outputs import emit_events, resolve_conn_id, table_format
from twitch_provider.pipelines.run import Run
from twitch_provider.pipelines.snapshot import dataset_names
from twitch_provider.pipelines.templates import native

if TYPE_CHECKING:
    from twitch_provider.compat import Context
    from twitch_provider.hooks.twitch_async import TwitchAsyncHook


class TwitchAllStreamsOperator(BaseOperator):
    """Read every live stream on Twitch and publish them to S3 as a dataset of the lake.

    It walks the list of each language, all of them at once and no faster than the rate limit permits, then
    asks for the broadcasters of the last snapshot who are missing from the walks. The manifest says how
    complete that was. https://dev.twitch.tv/docs/api/reference/#get-streams

    :param dataset: the dataset's name; each task has its own. The manifests of ``all_streams`` lie under the
        DAG's id alone, so a DAG has it once (templated)
    :param file_format: ``csv`` or ``parquet`` (templated)
    :param compression: ``none``, ``gzip`` or ``zstd`` (templated)
    :param strategy: ``languages``: one walk per language; ``checkpoints``: start long lists at the last
        crawl's checkpoints too, which nobody has tried on the live service yet (templated)
    :param on_incomplete: what to do with a crawl that lost a part of the list: ``keep`` it, under
        ``incomplete/`` and not among the complete ones, or ``fail``, which keeps only its raw pages
        (templated)
    :param crawl_seconds: how long the crawl may take; what is not read by then is lost. The task's
        ``execution_timeout`` has to leave it that, and a little for publishing (templated)
    :param interval: how often a snapshot is due, for the manifest: a gap is then a warning in the log
    :param max_lateness: ask Twitch no later than this after the run's tick; None: however late, since the
        rows say when they were observed
    :param bucket: None means the option ``[twitch] bucket`` (templated)
    :param prefix: None means the option ``[twitch] prefix`` (templated)
    :param twitch_conn_id: None means the option ``[twitch] twitch_conn_id`` (templated)
    :param aws_conn_id: None means the option ``[twitch] aws_conn_id`` (templated)
    :raises AirflowFailException: what no retry can fix: credentials, parameters, permissions, a run
        without raw pages that is too late to ask Twitch, a dataset that another task or run writes
    :raises TwitchError: everything else, for Airflow to retry
    """

    template_fields: Sequence[str] = (
        "dataset",
        "file_format",
        "compression",
        "strategy",
        "on_incomplete",
        "crawl_seconds",
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
        dataset: str = ALL_STREAMS,
        file_format: str | None = "csv",
        compression: str | None = "gzip",
        strategy: str = "languages",
        on_incomplete: str = "keep",
        crawl_seconds: int | str = 220,
        interval: timedelta | None = None,
        max_lateness: timedelta | None = None,
        bucket: str | None = None,
        prefix: str | None = None,
        twitch_conn_id: str | None = None,
        aws_conn_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.dataset = dataset
        self.file_format = file_format
        self.compression = compression
        self.strategy = strategy
        self.on_incomplete = on_incomplete
        self.crawl_seconds = crawl_seconds
        self.interval = interval
        self.max_lateness = max_lateness
        self.bucket = bucket
        self.prefix = prefix
        self.twitch_conn_id = twitch_conn_id
        self.aws_conn_id = aws_conn_id

    @functools.cached_property
    def hook(self) -> TwitchAsyncHook:
        """The hook of the task's connection."""
        from twitch_provider.hooks.twitch_async import TwitchAsyncHook

        return TwitchAsyncHook(resolve_conn_id(self.twitch_conn_id))

    @fail_fast()
    def execute(self, context: Context) -> dict[str, Any]:
        """Crawl, and publish what arrived.

        :param context: of the task
        :returns: where the table lies and what it is
            (:func:`~twitch_provider.pipelines.snapshot.reference`), and ``"completeness"``; the events of the
            task's outlets carry it too
        :raises TwitchError: and Airflow's own exceptions, as the class says
        """
        (dataset,) = dataset_names(self.dataset, allowed=[ALL_STREAMS])
        options = CrawlOptions(self.strategy, self.on_incomplete, native(self.crawl_seconds, int))
        file_format = table_format(self.file_format, self.compression, default="gzip")
        owner = "" if dataset == ALL_STREAMS else dataset
        lake = LakeConfig.resolve(self.bucket, self.prefix, self.aws_conn_id)
        run = Run.open(context, lake, dataset=owner, interval=self.interval, max_lateness=self.max_lateness)
        return emit_events(context, self.outlets, publish(run, dataset, options, self.hook, file_format))
