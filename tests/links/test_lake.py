# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from twitch_provider.compat import AirflowPlugin
from twitch_provider.get_provider_info import get_provider_info
from twitch_provider.links import lake
from twitch_provider.links.lake import LINKS, ManifestLink, PageLink, TableLink, in_console

OBJECT = "twitch/top_streams/dt=2026-11-23/hour=16/streams_data_20261123T163500Z.csv"
SHOWN = "https://console.aws.amazon.com/s3/object/lake?prefix=" + OBJECT.replace("=", "%3D")


def link(kind: Any, monkeypatch: pytest.MonkeyPatch, returned: Any) -> str:
    """Return a link of a task that returned something."""
    xcom = SimpleNamespace(get_value=lambda **_: returned)
    monkeypatch.setattr(lake, "XCom", xcom)
    found: str = kind().get_link(SimpleNamespace(), ti_key=SimpleNamespace())
    return found


def test_an_operator_returns_where_manifest_and_table_lie(monkeypatch: pytest.MonkeyPatch) -> None:
    returned = {"manifest": f"s3://lake/{OBJECT}", "uri": "s3://other/a b?c#d&e"}
    assert link(ManifestLink, monkeypatch, returned) == SHOWN
    console = "https://console.aws.amazon.com/s3/object/other?prefix="
    assert link(TableLink, monkeypatch, returned) == f"{console}a%20b%3Fc%23d%26e"


def test_a_task_of_a_dag_returns_where_the_manifest_lies(monkeypatch: pytest.MonkeyPatch) -> None:
    console = "https://console.aws.amazon.com/s3/object/lake?prefix="
    assert link(ManifestLink, monkeypatch, "s3://lake/t/manifests/a.json") == f"{console}t/manifests/a.json"
    assert link(ManifestLink, monkeypatch, "s3://lake/t/latest/overview.json") == ""


@pytest.mark.parametrize("returned", [None, "", "text", [], [{"id": "1"}], {}, {"uri": None}, {"rows": 3}, 7])
@pytest.mark.parametrize("kind", [ManifestLink, TableLink])
def test_where_nothing_was_published_there_is_no_link(
    monkeypatch: pytest.MonkeyPatch, kind: Any, returned: Any
) -> None:
    assert link(kind, monkeypatch, returned) == ""


def test_another_console_can_be_set_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__TWITCH__S3_CONSOLE_URL", "http://minio:9001/browser/<bucket>/<key>")
    assert in_console("s3://lake/a/b=1.csv") == "http://minio:9001/browser/lake/a/b%3D1.csv"
    monkeypatch.setenv("AIRFLOW__TWITCH__S3_CONSOLE_URL", "")
    assert in_console("s3://lake/a/b=1.csv") == ""


def test_the_page_is_below_the_path_of_airflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AirflowPlugin, "external_views", [], raising=False)
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://example.org/team/airflow/")
    assert link(PageLink, monkeypatch, None) == "https://example.org/team/airflow/plugin/twitch"


def test_airflow_knows_the_links() -> None:
    listed = get_provider_info()["extra-links"]
    assert listed == [f"{lake.__name__}.{type(each).__name__}" for each in LINKS]
