# SPDX-License-Identifier: Apache-2.0
"""Where an operator's rows go: into XCom, where they are few, or into the lake on S3."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowSkipException

from twitch_provider.exceptions import TwitchParameterError
from twitch_provider.pipelines.rendered import given
from twitch_provider.pipelines.tick import tick

if TYPE_CHECKING:
    from twitch_provider.config import LakeConfig
    from twitch_provider.helix.messages import Page
    from twitch_provider.hooks.twitch import TwitchHook
    from twitch_provider.lake.clean import Cleaned
    from twitch_provider.lake.formats import Format
    from twitch_provider.lake.raw_lines import RawPage

#: What an operator returns goes through worker, API server and database, and is held whole by each.
MAX_XCOM_BYTES = 1_000_000

#: What to do about an XCom that would be too large, for an operator with both outputs.
INSTEAD = "output='s3' with a dataset, TwitchToS3Operator, or a smaller max_items"

#: The arguments that say where a dataset lies, and whom to ask.
_PLACE = ("bucket", "prefix", "twitch_conn_id", "aws_conn_id")

#: What Airflow 3 and 2 keep events of.
_WITH_EVENTS = {"Asset", "AssetAlias", "AssetRef", "Dataset", "DatasetAlias"}

#: Makes the tables of a snapshot of its raw pages and its tick.
Clean = Callable[["list[RawPage]", datetime], "Sequence[Cleaned]"]


def connect(twitch_conn_id: str | None) -> TwitchHook:
    """Make the hook of an operator's connection.

    :param twitch_conn_id: None means the option ``[twitch] twitch_conn_id``
    """
    from twitch_provider.config import option
    from twitch_provider.hooks.twitch import TwitchHook

    return TwitchHook(given(twitch_conn_id) or option("twitch_conn_id"))


def wants_s3(output: str) -> bool:
    """Whether the rows are for S3; else they are for XCom.

    :param output: the operator's argument
    :raises TwitchParameterError: it is neither
    """
    if output not in {"xcom", "s3"}:
        raise TwitchParameterError(f"output wants xcom or s3, not {output!r:.60}", parameter="output")
    return output == "s3"


def rows_for_xcom(pages: Iterable[Page], *, max_xcom_bytes: int, instead: str) -> list[dict[str, Any]]:
    """Return the rows as Helix sent them, each id once; read no further than they fit.

    :param pages: a lazy walk
    :param max_xcom_bytes: how large they may be as JSON, which is how XCom carries them
    :param instead: what to use where they are larger
    :raises TwitchParameterError: they are larger
    """
    if not isinstance(max_xcom_bytes, int) or max_xcom_bytes < 1:
        raise TwitchParameterError(
            f"max_xcom_bytes wants 1 or more, not {max_xcom_bytes!r:.60}", parameter="max_xcom_bytes"
        )
    rows: list[dict[str, Any]] = []
    size = len("[]")
    for page in pages:
        for row in page.objects:
            size += len(json.dumps(row)) + (len(", ") if rows else 0)
            if size > max_xcom_bytes:
                raise TwitchParameterError(
                    f"{page.endpoint}: the rows are larger than max_xcom_bytes ({max_xcom_bytes:,}, of which "
                    f"{len(rows):,} rows fit), and XCom is for small results; use {instead}",
                    parameter="max_xcom_bytes",
                )
            rows.append(row)
    return rows


def place(arguments: Mapping[str, Any]) -> LakeConfig:
    """Resolve where an operator's datasets lie, and whom to ask.

    :param arguments: the operator's: ``bucket``, ``prefix``, ``twitch_conn_id``, ``aws_conn_id``
    :raises TwitchConfigError: there is no bucket
    """
    from twitch_provider.config import LakeConfig

    return LakeConfig.resolve({name: given(arguments[name]) for name in _PLACE})


def form(arguments: Mapping[str, Any], *, compression: str = "none") -> Format:
    """Check the form of an operator's datasets.

    :param arguments: the operator's: ``file_format``, ``compression``
    :param compression: where none is given
    :raises TwitchParameterError: there is no such format or compression
    """
    from twitch_provider.lake.formats import Format

    return Format(given(arguments["file_format"]) or "csv", given(arguments["compression"]) or compression)


def publish_datasets(
    dag_run: Any,
    arguments: Mapping[str, Any],
    *,
    read: Callable[[TwitchHook], Iterable[Page]],
    clean: Clean,
    beside: Sequence[str] = (),
) -> list[dict[str, Any]]:
    """Publish a snapshot as datasets of the lake; a run that comes too late does so from its own raw pages.

    :param dag_run: of the context
    :param arguments: the operator's: ``dataset``, ``file_format``, ``compression``, ``bucket``, ``prefix``,
        ``twitch_conn_id``, ``aws_conn_id``
    :param read: reads the pages
    :param clean: makes the table of each dataset
    :param beside: further datasets, by what is added to the first one's name
    :returns: for each dataset ``{"uri": …, "manifest": …, "rows": …}``
    :raises TwitchParameterError: a dataset's name is none, or is taken
    :raises TwitchConfigError: there is no bucket
    :raises TwitchError: reading or writing failed
    :raises AirflowSkipException: it is too late to ask Twitch, and there are no raw pages
    """
    from twitch_provider.lake import extract as raw
    from twitch_provider.lake.keys import SnapshotKeys
    from twitch_provider.lake.publish import publish

    datasets = names(arguments["dataset"], beside=beside)
    config, file_format = place(arguments), form(arguments)
    store, run_after = config.store(), tick(dag_run)
    keys = SnapshotKeys(config.prefix, f"{dag_run.dag_id}.{datasets[0]}", run_after)
    if raw.is_too_late(run_after, datetime.now(UTC)):
        extracted = raw.find(store, keys, datasets[0])
        if extracted is None:
            raise AirflowSkipException(f"Too late for {keys.tick}: Twitch cannot be asked about the past")
    else:
        hook = connect(config.twitch_conn_id)
        pages = list(read(hook))
        extracted = raw.keep(store, keys, datasets[0], pages, stats=hook.stats)
    tables = dict(zip(datasets, clean(extracted.pages(store), run_after), strict=True))
    publish(
        store,
        keys,
        tables,
        extract=extracted,
        run_id=dag_run.run_id,
        published_at=datetime.now(UTC),
        formats=dict.fromkeys(tables, file_format),
    )
    return [
        {
            "uri": store.uri(keys.data(dataset, file_format.suffix)),
            "manifest": store.uri(keys.manifest),
            "rows": len(table.frame),
        }
        for dataset, table in tables.items()
    ]


def tell_assets(context: Any, outlets: Iterable[Any], extra: Mapping[str, Any]) -> None:
    """Say in the events of a task's outlets what was written.

    An outlet may be something else, of OpenLineage for example: that has no event.

    :param context: of the task
    :param outlets: of the task
    :param extra: what was written
    """
    for outlet in outlets:
        if any(_ours(kind) for kind in type(outlet).__mro__):
            context["outlet_events"][outlet].extra = dict(extra)


def _ours(kind: type) -> bool:
    """Whether it is an asset of Airflow's: its versions differ in where to import that from."""
    return kind.__module__.startswith("airflow.") and kind.__name__ in _WITH_EVENTS


def names(dataset: Any, *, beside: Sequence[str] = (), allowed: Collection[str] = ()) -> list[str]:
    """Check the names of an operator's datasets.

    :param dataset: the first one, as a template rendered it
    :param beside: further ones, by what is added to its name
    :param allowed: names that others may not have
    :raises TwitchParameterError: it is none, or is taken
    """
    from twitch_provider.lake.keys import RESERVED

    name = given(dataset) or ""
    found = [f"{name}{ending}" for ending in ("", *beside)]
    if not re.fullmatch(r"[a-z0-9_]+", str(name)) or RESERVED.difference(allowed).intersection(found):
        raise TwitchParameterError(
            f"dataset wants a name of its own in a-z, 0-9 and _, not {dataset!r:.60}", parameter="dataset"
        )
    return found
