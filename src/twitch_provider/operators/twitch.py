# SPDX-License-Identifier: Apache-2.0
"""Operators for Twitch."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from airflow.providers.common.compat.sdk import AirflowSkipException, BaseOperator

from twitch_provider.exceptions import TwitchParameterError
from twitch_provider.helix import queries
from twitch_provider.operators.failing import fail_fast

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from twitch_provider.helix.messages import Page
    from twitch_provider.helix.queries import Query


#: Folders of the lake that are not for the taking.
RESERVED = {"top_streams", "top_games", "all_streams", "raw", "rejects", "manifests", "incomplete", "latest"}


class TwitchStreamsOperator(BaseOperator):
    """Read live streams: Helix's Get Streams, with its filters.

    Either hands the rows on through XCom, for small results, or publishes them to S3 as a dataset of the lake
    and hands on where that lies. https://dev.twitch.tv/docs/api/reference/#get-streams

    :param game_ids: only these games; an id that Twitch does not know is an error (templated)
    :param user_ids: only these broadcasters (templated)
    :param user_logins: only these broadcasters (templated)
    :param languages: only these: ISO 639-1 codes or ``other`` (templated)
    :param stream_type: ``all`` or ``live`` (templated)
    :param max_items: stop after so many streams, most viewers first; on S3 the last page is kept whole
    :param output: ``xcom``: return the rows as Helix sent them, as a list of dicts; ``s3``: publish them and
        return ``{"uri": …, "manifest": …, "rows": …}``
    :param dataset: the dataset's name on S3; each task (and each mapped one) has its own (templated)
    :param bucket: None means the option ``[twitch] bucket`` (templated)
    :param prefix: None means the option ``[twitch] prefix`` (templated)
    :param twitch_conn_id: None means the option ``[twitch] twitch_conn_id`` (templated)
    :param aws_conn_id: None means the option ``[twitch] aws_conn_id`` (templated)
    :raises AirflowFailException: what no retry mends: credentials, parameters, permissions, unknown ids
    :raises AirflowSkipException: the run is too late to ask Twitch, and has no raw pages of its own (``s3``)
    :raises TwitchError: everything else, for Airflow to try again
    """

    template_fields: Sequence[str] = (
        "game_ids",
        "user_ids",
        "user_logins",
        "languages",
        "stream_type",
        "dataset",
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
        max_items: int | None = None,
        output: Literal["xcom", "s3"] = "xcom",
        dataset: str | None = None,
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
        self.dataset = dataset
        self.bucket = bucket
        self.prefix = prefix
        self.twitch_conn_id = twitch_conn_id
        self.aws_conn_id = aws_conn_id

    def execute(self, context: Context) -> list[dict[str, Any]] | dict[str, Any]:
        """Read, and hand on."""
        with fail_fast():
            if self.output_to == "xcom":
                return self._read()
            if self.output_to == "s3":
                return self._publish(context["dag_run"])
            raise TwitchParameterError(f"output wants xcom or s3, not {self.output_to!r}", parameter="output")

    def _query(self) -> Query:
        return queries.streams(
            game_ids=self.game_ids,
            user_ids=self.user_ids,
            user_logins=self.user_logins,
            languages=self.languages,
            stream_type=self.stream_type,
            max_items=self.max_items,
        )

    def _pages(self, twitch_conn_id: str) -> tuple[list[Page], Counter[str]]:
        from twitch_provider.hooks.twitch import TwitchHook

        hook = TwitchHook(twitch_conn_id)
        pages = list(hook.walk(self._query()))
        wanted = [self.game_ids] if isinstance(self.game_ids, str) else self.game_ids or ()
        seen = {row.get("game_id") for page in pages for row in page.rows if isinstance(row, dict)}
        hook.require_games(str(game_id) for game_id in wanted if str(game_id) not in seen)
        return pages, hook.tally

    def _read(self) -> list[dict[str, Any]]:
        from twitch_provider.config import option

        pages, _ = self._pages(self.twitch_conn_id or option("twitch_conn_id"))
        return [row for page in pages for row in page.fresh]

    def _publish(self, dag_run: Any) -> dict[str, Any]:
        from twitch_provider.config import LakeConfig
        from twitch_provider.lake import extract as raw
        from twitch_provider.lake.clean import clean_streams
        from twitch_provider.lake.keys import SnapshotKeys
        from twitch_provider.lake.publish import publish

        dataset = self.dataset or ""
        if not re.fullmatch(r"[a-z0-9_]+", dataset) or dataset in RESERVED:
            raise TwitchParameterError(
                f"dataset wants a name of its own in a-z, 0-9 and _, not {dataset!r:.60}",
                parameter="dataset",
            )
        config = LakeConfig.resolve(vars(self))
        store = config.store()
        keys = SnapshotKeys(config.prefix, f"{dag_run.dag_id}.{dataset}", dag_run.run_after)
        if raw.is_too_late(dag_run.run_after, datetime.now(UTC)):
            extracted = raw.find(store, keys, dataset)
            if extracted is None:
                raise AirflowSkipException(f"Too late for {keys.tick}: Twitch cannot be asked about the past")
        else:
            pages, tally = self._pages(config.twitch_conn_id)
            extracted = raw.keep(store, keys, dataset, pages, tally=tally)
        table = clean_streams(extracted.pages(store), run_after=dag_run.run_after, ranks={})
        publish(
            store,
            keys,
            {dataset: table},
            extract=extracted,
            run_id=dag_run.run_id,
            published_at=datetime.now(UTC),
        )
        return {
            "uri": store.uri(keys.data(dataset)),
            "manifest": store.uri(keys.manifest),
            "rows": len(table.frame),
        }
