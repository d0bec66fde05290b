# SPDX-License-Identifier: Apache-2.0
"""The operator for live streams."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from airflow.providers.common.compat.sdk import BaseOperator

from twitch_provider.exceptions import TwitchParameterError
from twitch_provider.helix import queries
from twitch_provider.pipelines.all_streams import ALL_STREAMS, Plan, publish_crawl
from twitch_provider.pipelines.failing import fail_fast
from twitch_provider.pipelines.outputs import (
    INSTEAD,
    MAX_XCOM_BYTES,
    connect,
    form,
    names,
    place,
    publish_datasets,
    rows_for_xcom,
    tell_assets,
    wants_s3,
)
from twitch_provider.pipelines.rendered import given, listed, number

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from twitch_provider.helix.messages import Page
    from twitch_provider.hooks.twitch import TwitchHook
    from twitch_provider.lake.clean import Cleaned
    from twitch_provider.lake.raw_lines import RawPage


_FILTERS = ("game_ids", "user_ids", "user_logins", "languages", "stream_type", "max_items")


class TwitchStreamsOperator(BaseOperator):
    """Read live streams: Helix's Get Streams, with its filters, or with ``crawl`` every one there is.

    Either hands the rows on through XCom, for small results, or publishes them to S3 as a dataset of the lake
    and hands on where that lies. https://dev.twitch.tv/docs/api/reference/#get-streams

    With ``crawl`` it reads a chain of pages for each language, all of them at once, then asks for every
    broadcaster of the last snapshot who did not come; the manifest says how complete that was. It takes no
    filter, and wants ``output="s3"``.

    :param game_ids: only these games; an id that Twitch does not know is an error (templated)
    :param user_ids: only these broadcasters (templated)
    :param user_logins: only these broadcasters (templated)
    :param languages: only these: ISO 639-1 codes or ``other`` (templated)
    :param stream_type: ``all`` or ``live`` (templated)
    :param max_items: stop after so many streams, most viewers first; on S3 the last page is kept whole
        (templated)
    :param output: ``xcom``: return the rows as Helix sent them, as a list of dicts; ``s3``: publish them and
        return ``{"uri": …, "manifest": …, "rows": …}``, and of a crawl ``complete`` and ``completeness`` too;
        the events of the task's outlets carry the same
    :param max_xcom_bytes: refuse to return rows that are larger than this as JSON, and read no further
    :param dataset: the dataset's name on S3; each task (and each mapped one) has its own. A DAG's one crawl
        may have ``all_streams``: its manifests then lie under the DAG's id alone (templated)
    :param file_format: on S3: ``csv`` or ``parquet`` (templated)
    :param compression: on S3: ``none``, ``gzip`` or ``zstd``; None means gzip for a crawl, else none
        (templated)
    :param crawl: ``languages``: read every live stream; ``cursors``: begin long lists at the cursors of the
        last crawl too, which nobody has tried on the live service yet; None: read what the filters say
        (templated)
    :param on_incomplete: of a crawl that lost a part of the list: ``keep`` it, under ``incomplete/`` and not
        among the complete ones, or ``fail``, which keeps its raw pages alone (templated)
    :param crawl_seconds: that a crawl may take; what is not read then is lost. The task's
        ``execution_timeout`` has to leave it that, and a little for publishing (templated)
    :param interval: how often a crawl is due: a gap is then a warning in the log
    :param bucket: None means the option ``[twitch] bucket`` (templated)
    :param prefix: None means the option ``[twitch] prefix`` (templated)
    :param twitch_conn_id: None means the option ``[twitch] twitch_conn_id`` (templated)
    :param aws_conn_id: None means the option ``[twitch] aws_conn_id`` (templated)
    :raises AirflowFailException: what no retry mends: credentials, parameters, permissions, unknown ids, rows
        that are too large for XCom
    :raises AirflowSkipException: the run is too late to ask Twitch, and has no raw pages of its own (``s3``)
    :raises TwitchError: everything else, for Airflow to try again
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
        "crawl",
        "on_incomplete",
        "crawl_seconds",
        "bucket",
        "prefix",
        "twitch_conn_id",
        "aws_conn_id",
    )
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
        file_format: str = "csv",
        compression: str | None = None,
        crawl: str | None = None,
        on_incomplete: str = "keep",
        crawl_seconds: int | str = 220,
        interval: timedelta | None = None,
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
        self.crawl = crawl
        self.on_incomplete = on_incomplete
        self.crawl_seconds = crawl_seconds
        self.interval = interval
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
            if given(self.crawl):
                return self._told(context, self._crawled(context))
            if wants_s3(self.output_to):
                (streams,) = publish_datasets(
                    context["dag_run"], vars(self), read=self._pages, clean=self._clean
                )
                return self._told(context, streams)
            pages = self._pages(connect(self.twitch_conn_id))
            return rows_for_xcom(pages, max_xcom_bytes=self.max_xcom_bytes, instead=INSTEAD)

    def _told(self, context: Context, reference: dict[str, Any]) -> dict[str, Any]:
        tell_assets(context, self.outlets, reference)
        return reference

    def _crawled(self, context: Context) -> dict[str, Any]:
        filters = {name: given(getattr(self, name)) for name in _FILTERS}
        if not wants_s3(self.output_to) or any(value is not None for value in filters.values()):
            raise TwitchParameterError(
                f"crawl reads every live stream: it wants output='s3' and no {', '.join(filters)}",
                parameter="crawl",
            )
        arguments = vars(self)
        plan = Plan(str(self.crawl), given(self.on_incomplete), number(self.crawl_seconds), self.interval)
        (dataset,) = names(self.dataset, allowed=[ALL_STREAMS])
        return publish_crawl(
            context["dag_run"], place(arguments), dataset, plan, form(arguments, compression="gzip")
        )

    def _pages(self, hook: TwitchHook) -> Iterator[Page]:
        game_ids = listed(self.game_ids)
        query = queries.streams(
            game_ids=game_ids,
            user_ids=listed(self.user_ids),
            user_logins=listed(self.user_logins),
            languages=listed(self.languages),
            stream_type=given(self.stream_type),
            max_items=number(self.max_items),
        )
        seen = set()
        for page in hook.walk(query):
            seen |= {row.get("game_id") for row in page.rows if isinstance(row, dict)}
            yield page
        wanted = [game_ids] if isinstance(game_ids, str | int) else game_ids or ()
        hook.require_games(str(game_id) for game_id in wanted if str(game_id) not in seen)

    @staticmethod
    def _clean(pages: list[RawPage], run_after: datetime) -> list[Cleaned]:
        from twitch_provider.lake.clean import clean_streams

        return [clean_streams(pages, run_after=run_after, ranks={})]
