# SPDX-License-Identifier: Apache-2.0
"""The transfer from Twitch to S3."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from twitch_provider.compat import AirflowException, BaseOperator
from twitch_provider.config import s3_extra_args
from twitch_provider.exceptions import TwitchParameterError
from twitch_provider.links.lake import TableLink
from twitch_provider.pipelines.endpoint import endpoint_query, require_shown
from twitch_provider.pipelines.failing import fail_fast
from twitch_provider.pipelines.outputs import connect, counted
from twitch_provider.pipelines.templates import native

if TYPE_CHECKING:
    from twitch_provider.aws.store import S3Store
    from twitch_provider.compat import Context
    from twitch_provider.hooks.twitch import TwitchHook


class TwitchToS3Operator(BaseOperator):
    """Read any list endpoint of Helix to its end and write the rows to one object on S3.

    Rows are written to a temporary file, which is uploaded once, at the end: JSON lines a page at a time; the
    rows of CSV are held in memory until the last page, because any row may add a column. An error on the way
    leaves S3 as it was. The same rows give the same bytes.
    https://dev.twitch.tv/docs/api/reference

    :param endpoint: one of :data:`twitch_provider.helix.endpoints.ENDPOINTS`, for example ``streams`` or
        ``clips`` (templated)
    :param s3_key: where to write: a key, or without ``s3_bucket`` a whole address ``s3://bucket/key``
        (templated)
    :param s3_bucket: the bucket; None where ``s3_key`` names it (templated)
    :param replace: overwrite an object that exists already; else that is an error, raised before Twitch is
        asked
    :param endpoint_params: by Helix's names, checked before anything is sent; a list is sent as a repeated
        parameter, and more than 100 values of one are split into several requests (templated)
    :param max_items: stop after that many rows (templated)
    :param file_format: ``jsonl``: each row as Helix sent it, one a line; ``csv``: a column for each field,
        lists and objects as JSON; a list without rows has the columns that Helix documents
    :param compression: None or ``gzip``; the key is used as it is given
    :param escape_formulas: put an apostrophe before text of a CSV that a spreadsheet would run as a formula
    :param twitch_conn_id: None means the option ``[twitch] twitch_conn_id`` (templated)
    :param aws_conn_id: the connection to AWS; None for the machine's own credentials, such as an IAM role
        (templated)
    :raises AirflowFailException: what no retry can fix: credentials, parameters, permissions, an object that
        exists already, rows that Twitch does not show to an app token
    :raises TwitchError: everything else, for Airflow to retry
    """

    template_fields: Sequence[str] = (
        "endpoint",
        "s3_key",
        "s3_bucket",
        "endpoint_params",
        "max_items",
        "twitch_conn_id",
        "aws_conn_id",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"endpoint_params": "json"}
    operator_extra_links = (TableLink(),)
    ui_color = "#d9c7ff"

    def __init__(
        self,
        *,
        endpoint: str,
        s3_key: str,
        s3_bucket: str | None = None,
        replace: bool = False,
        endpoint_params: Mapping[str, Any] | str | None = None,
        max_items: int | str | None = None,
        file_format: Literal["jsonl", "csv"] = "jsonl",
        compression: Literal["gzip"] | None = None,
        escape_formulas: bool = False,
        twitch_conn_id: str | None = None,
        aws_conn_id: str | None = "aws_default",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.endpoint = endpoint
        self.s3_key = s3_key
        self.s3_bucket = s3_bucket
        self.replace = replace
        self.endpoint_params = endpoint_params
        self.max_items = max_items
        self.file_format = file_format
        self.compression = compression
        self.escape_formulas = escape_formulas
        self.twitch_conn_id = twitch_conn_id
        self.aws_conn_id = aws_conn_id

    @functools.cached_property
    def hook(self) -> TwitchHook:
        """The hook of the task's connection."""
        return connect(self.twitch_conn_id)

    @fail_fast()
    def execute(self, context: Context) -> dict[str, Any]:
        """Read all of it, then upload it.

        :param context: of the task
        :returns: ``{"uri": "s3://…", "rows": …}``
        :raises TwitchError: and Airflow's own exceptions, as the class says
        """
        from twitch_provider.transfers.files import content_type, write

        media_type = content_type(self.file_format, self.compression)
        query = endpoint_query(self.endpoint, self.endpoint_params, self.max_items)
        store, key = self._open_store()
        self._require_absent(store, key)
        with tempfile.TemporaryFile() as file:
            pages = counted(require_shown(self.hook.walk(query)), self.hook, store.uri(key))
            rows = write(
                pages,
                file,
                endpoint=query.endpoint,
                file_format=self.file_format,
                compression=self.compression,
                formulas=not self.escape_formulas,
            )
            # Again: somebody may have written the object while Twitch was read.
            self._require_absent(store, key)
            store.put_file(key, file, content_type=media_type)
        return {"uri": store.uri(key), "rows": rows}

    def _open_store(self) -> tuple[S3Store, str]:
        from airflow.providers.amazon.aws.hooks.s3 import S3Hook

        from twitch_provider.aws.store import S3Store

        bucket, key = native(self.s3_bucket), self.s3_key
        try:
            bucket, key = S3Hook.get_s3_bucket_key(bucket, str(key or ""), "s3_bucket", "s3_key")
        except (AirflowException, TypeError, ValueError):
            bucket = ""
        if not bucket or not key:
            raise TwitchParameterError(
                f"s3_key must be a key in s3_bucket, or s3://bucket/key without s3_bucket, not "
                f"{self.s3_key!r:.120} with {self.s3_bucket!r:.60}",
                parameter="s3_key",
            )
        return S3Store(bucket, native(self.aws_conn_id), s3_extra_args()), key

    def _require_absent(self, store: S3Store, key: str) -> None:
        if not self.replace and store.exists(key):
            raise TwitchParameterError(
                f"{store.uri(key)} exists already; choose another s3_key, or set replace=True",
                parameter="replace",
            )
