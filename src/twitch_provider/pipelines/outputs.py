# SPDX-License-Identifier: Apache-2.0
"""What a task returns: rows through XCom where they are few, and what its asset events carry."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from twitch_provider.exceptions import TwitchParameterError
from twitch_provider.pipelines.templates import native
from twitch_provider.storable import storable

if TYPE_CHECKING:
    from twitch_provider.helix.messages import Page
    from twitch_provider.hooks.twitch import TwitchHook
    from twitch_provider.lake.formats import Format
    from twitch_provider.lake.tables import CleanTable

log = logging.getLogger(__name__)

#: What an operator returns passes through worker, API server and database, each of which holds all of it.
MAX_XCOM_BYTES = 1_000_000

#: What to use in place of an XCom that would be too large, for an operator with both outputs.
INSTEAD = "output='s3' with a dataset, TwitchToS3Operator, or a smaller max_items"

#: What Airflow 3 and 2 keep events of.
_WITH_EVENTS = {"Asset", "AssetAlias", "AssetRef", "Dataset", "DatasetAlias"}


def resolve_conn_id(twitch_conn_id: str | None) -> str:
    """Return the id of a task's connection; None means the option ``[twitch] twitch_conn_id``."""
    from twitch_provider.config import option

    return native(twitch_conn_id) or option("twitch_conn_id")


def connect(twitch_conn_id: str | None = None) -> TwitchHook:
    """Create the hook of a task's connection."""
    from twitch_provider.hooks.twitch import TwitchHook

    return TwitchHook(resolve_conn_id(twitch_conn_id))


def table_format(file_format: str | None, compression: str | None, *, default: str = "none") -> Format:
    """Check the format of an operator's tables.

    :param file_format: as a template rendered it; None means CSV
    :param compression: as a template rendered it
    :param default: the compression where none is given
    :raises TwitchParameterError: the format or the compression is unknown
    """
    from twitch_provider.lake.formats import Format

    return Format(native(file_format) or "csv", native(compression) or default)


def is_s3(output: str) -> bool:
    """Whether the rows go to S3; else they go to XCom.

    :raises TwitchParameterError: it is neither
    """
    if output not in {"xcom", "s3"}:
        raise TwitchParameterError(f"output must be xcom or s3, not {output!r:.60}", parameter="output")
    return output == "s3"


def rows_for_xcom(
    pages: Iterable[Page], hook: TwitchHook, *, max_xcom_bytes: int, instead: str
) -> list[dict[str, Any]]:
    """Return the rows as Helix sent them, each id once; read no further than they fit.

    Only what Airflow cannot store is replaced: see :mod:`twitch_provider.storable`.

    :param pages: a lazy walk
    :param hook: that reads them
    :param max_xcom_bytes: how large they may be as JSON, which is how XCom carries them
    :param instead: what to use where they are larger
    :raises TwitchParameterError: they are larger
    """
    if not isinstance(max_xcom_bytes, int) or max_xcom_bytes < 1:
        raise TwitchParameterError(
            f"max_xcom_bytes must be 1 or more, not {max_xcom_bytes!r:.60}", parameter="max_xcom_bytes"
        )
    rows: list[dict[str, Any]] = []
    size = len("[]")
    for page in counted(pages, hook, "XCom"):
        for row in map(storable, page.new_rows):
            size += len(json.dumps(row)) + (len(", ") if rows else 0)
            if size > max_xcom_bytes:
                raise TwitchParameterError(
                    f"{page.endpoint}: the rows are larger than max_xcom_bytes ({max_xcom_bytes:,}, of which "
                    f"{len(rows):,} rows fit), and XCom is for small results; use {instead}",
                    parameter="max_xcom_bytes",
                )
            rows.append(row)
    return rows


def counted(pages: Iterable[Page], hook: TwitchHook, place: str) -> Iterator[Page]:
    """Pass pages on, and write a line to the log at their end: how many rows, and what they took.

    :param pages: a lazy walk
    :param hook: that reads them
    :param place: where the rows go
    """
    from twitch_provider.lake.summary import cost

    before, rows, endpoint, left = hook.stats["requests"], 0, "", None
    for page in pages:
        rows += len(page.new_rows)
        endpoint = page.endpoint
        left = page.rate_limit.remaining if page.rate_limit else left
        yield page
    took = cost(hook.stats["requests"] - before, left)
    log.info("Read %s rows of %s for %s; %s", f"{rows:,}", endpoint, place, took)


def tables_for_xcom(tables: Mapping[str, CleanTable]) -> dict[str, dict[str, Any]]:
    """Return tables as plain texts and numbers, which every Airflow 3 carries.

    :raises TwitchParameterError: one is too large for Airflow's metadata database, and goes there
    """
    from twitch_provider.lake.tables import MAX_TABLE_BYTES

    max_bytes = MAX_TABLE_BYTES if _in_database() else None
    return {dataset: table.as_xcom(max_bytes=max_bytes) for dataset, table in tables.items()}


def _in_database() -> bool:
    """Whether XComs are stored in Airflow's metadata database, as far as Airflow's own backends go."""
    from twitch_provider.compat import conf

    backend = conf.get("core", "xcom_backend")
    if backend.endswith(".XComObjectStorageBackend"):
        # Without a threshold, this backend stores everything in the database.
        return int(conf.getint("common.io", "xcom_objectstorage_threshold", fallback=-1)) < 0
    return bool(backend.endswith(".BaseXCom"))


def emit_events(context: Any, outlets: Iterable[Any], extra: dict[str, Any]) -> dict[str, Any]:
    """Put what was written into the events of a task's outlets.

    An outlet may be something else, of OpenLineage for example, which has no event.

    :returns: the same, for XCom, as far as Airflow can store it
    """
    extra = storable(extra)
    for outlet in outlets:
        if any(_has_events(kind) for kind in type(outlet).__mro__):
            context["outlet_events"][outlet].extra = dict(extra)
    return extra


def _has_events(kind: type) -> bool:
    """Whether it is one of Airflow's assets: its versions differ in where to import that from."""
    return kind.__module__.startswith("airflow.") and kind.__name__ in _WITH_EVENTS
