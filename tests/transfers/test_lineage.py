# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections import Counter
from importlib.metadata import version
from typing import Any

import pytest

from twitch_provider.aws.store import S3Store
from twitch_provider.exceptions import TwitchResponseError
from twitch_provider.operators.twitch import TwitchHelixOperator, TwitchStreamsOperator
from twitch_provider.testing import Simulator
from twitch_provider.transfers.twitch_to_s3 import TwitchToS3Operator

pytestmark = pytest.mark.filterwarnings("ignore:.*cannot be called outside")


# Airflow 2 calls an asset a dataset.
ASSET = "dataset" if version("apache-airflow").startswith("2.") else "asset"


def inputs(lineage: Any) -> set[str]:
    return {getattr(each, ASSET).uri for each in getattr(lineage, f"collected_{ASSET}s").inputs}


def outputs(lineage: Any) -> Counter[str]:
    found: Counter[str] = Counter()
    for each in getattr(lineage, f"collected_{ASSET}s").outputs:
        found[getattr(each, ASSET).uri] += each.count
    return found


def test_a_transfer_comes_from_an_endpoint_and_goes_to_an_object(
    twitch_connection: Simulator, bucket: Any, lineage: Any
) -> None:
    TwitchToS3Operator(task_id="t", endpoint="streams", s3_key="s3://lake/a/b.jsonl", max_items=5).execute({})
    assert inputs(lineage) == {"twitch://helix/streams"}
    assert outputs(lineage) == {"s3://lake/a/b.jsonl": 1}


def test_an_operator_that_returns_rows_has_inputs_only(twitch_connection: Simulator, lineage: Any) -> None:
    TwitchStreamsOperator(task_id="t", max_items=5).execute({})
    TwitchHelixOperator(task_id="t", endpoint="games/top", max_items=5).execute({})
    assert inputs(lineage) == {"twitch://helix/streams", "twitch://helix/games/top"}
    assert outputs(lineage) == {}


def test_everything_that_a_store_writes_is_an_output(bucket: Any, lineage: Any) -> None:
    store = S3Store("lake", "aws_default")
    store.put("a.csv", b"", content_type="text/csv")
    store.put("b.json", b"", content_type="application/json")
    store.put("b.json", b"", content_type="application/json")
    store.delete(["a.csv"])
    assert outputs(lineage) == {"s3://lake/a.csv": 1, "s3://lake/b.json": 2}


def test_a_transfer_that_broke_off_has_no_output(
    twitch_connection: Simulator, bucket: Any, lineage: Any, naps: list[float]
) -> None:
    twitch_connection.fault("null_data", endpoint="streams", times=None, start=2)
    with pytest.raises(TwitchResponseError):
        TwitchToS3Operator(task_id="t", endpoint="streams", s3_key="s3://lake/a").execute({})
    assert outputs(lineage) == {}
