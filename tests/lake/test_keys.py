# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from twitch_provider.exceptions import TwitchParameterError
from twitch_provider.lake.keys import RESERVED, SnapshotKeys, dataset_beside, dataset_name


@pytest.fixture
def keys(run_after: datetime) -> SnapshotKeys:
    return SnapshotKeys("twitch", "twitch_top_games", run_after)


def test_writes_the_keys_of_the_design(keys: SnapshotKeys) -> None:
    where = "dt=2026-11-23/hour=16"
    assert keys.data("top_streams") == f"twitch/top_streams/{where}/streams_data_20261123T163500Z.csv"
    assert keys.data("top_games") == f"twitch/top_games/{where}/games_data_20261123T163500Z.csv"
    assert keys.data("all_streams", ".csv.gz").endswith("/streams_data_20261123T163500Z.csv.gz")
    assert keys.incomplete("all_streams", ".csv.gz") == (
        f"twitch/incomplete/all_streams/{where}/streams_data_20261123T163500Z.csv.gz"
    )
    assert keys.raw("top_games") == f"twitch/raw/top_games/{where}/pages_20261123T163500Z.jsonl.gz"
    assert keys.rejects("top_streams") == f"twitch/rejects/top_streams/{where}/rejects_20261123T163500Z.csv"
    assert keys.manifest == f"twitch/manifests/twitch_top_games/{where}/20261123T163500Z.json"
    assert keys.manifests == "twitch/manifests/twitch_top_games/"
    assert keys.latest("top_games") == "twitch/latest/top_games.csv"


def test_a_try_has_its_digits_in_keys_under_incomplete(keys: SnapshotKeys) -> None:
    where = "dt=2026-11-23/hour=16"
    begin = f"twitch/incomplete/raw/all_streams/{where}/pages_20261123T163500Z_"
    assert keys.incomplete_raw("all_streams", "0123abcd") == f"{begin}0123abcd.jsonl.gz"
    assert keys.incomplete_raw("all_streams", "") == begin
    assert keys.incomplete("all_streams", ".csv.gz", try_id="0123abcd") == (
        f"twitch/incomplete/all_streams/{where}/streams_data_20261123T163500Z_0123abcd.csv.gz"
    )
    assert keys.rejects("all_streams", try_id="0123abcd") == (
        f"twitch/incomplete/rejects/all_streams/{where}/rejects_20261123T163500Z_0123abcd.csv"
    )


def test_an_ad_hoc_run_lies_under_adhoc_whole(keys: SnapshotKeys) -> None:
    adhoc = replace(keys, adhoc=True)
    readers: list[Callable[[SnapshotKeys], str]] = [
        lambda keys: keys.data("top_streams"),
        lambda keys: keys.incomplete("all_streams"),
        lambda keys: keys.raw("top_games"),
        lambda keys: keys.incomplete_raw("top_games", "0123abcd"),
        lambda keys: keys.rejects("top_streams"),
        lambda keys: keys.manifest,
        lambda keys: keys.manifests,
    ]
    for of in readers:
        assert of(adhoc) == of(keys).replace("twitch/", "twitch/adhoc/", 1)
    assert adhoc.record == keys
    assert SnapshotKeys("", "d", keys.run_after, adhoc=True).raw("x").startswith("adhoc/raw/x/")


def test_converts_another_time_zone_to_utc() -> None:
    new_year_in_tokyo = datetime(2027, 1, 1, 8, 5, tzinfo=timezone(timedelta(hours=9)))
    assert SnapshotKeys("p", "d", new_year_in_tokyo).raw("x") == (
        "p/raw/x/dt=2026-12-31/hour=23/pages_20261231T230500Z.jsonl.gz"
    )


def test_refuses_an_instant_without_time_zone(run_after: datetime) -> None:
    with pytest.raises(TwitchParameterError, match="run_after must have a time zone"):
        SnapshotKeys("twitch", "d", run_after.replace(tzinfo=None))


@pytest.mark.parametrize(
    ("prefix", "expected"), [("", "latest/x.csv"), ("a/b", "a/b/latest/x.csv"), ("/a/", "a/latest/x.csv")]
)
def test_prefix_may_be_empty_deep_or_slashed(prefix: str, expected: str, run_after: datetime) -> None:
    assert SnapshotKeys(prefix, "d", run_after).latest("x") == expected


@pytest.mark.parametrize("name", ["a", "7", "by_language", "top", "top_10_games", "streams"])
def test_a_dataset_may_have_a_name_of_letters_digits_and_single_underscores(name: str) -> None:
    assert dataset_name(name) == name
    assert dataset_beside(name, "streams") == f"{name}__streams"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "_",
        "_hidden",
        "by_language_",
        "a__b",
        "Upper",
        "a b",
        "a-b",
        "a/b",
        "../up",
        "a\n",
        "é",
        "a.b",
        "٣",
    ],
)
def test_refuses_a_dataset_that_would_break_keys(name: str) -> None:
    with pytest.raises(TwitchParameterError, match="begins and ends with a letter or a digit") as caught:
        dataset_name(name)
    assert caught.value.parameter == "dataset"
    assert "\n" not in str(caught.value)


def test_a_dataset_is_not_called_as_the_lakes_own_folders() -> None:
    for name in RESERVED:
        with pytest.raises(TwitchParameterError, match=f"'{name}' is a name of the lake's own"):
            dataset_name(name)
    assert {"adhoc", "metrics", "compacted", "reports", "raw", "latest"} <= RESERVED
    assert dataset_name("all_streams", allowed=["all_streams"]) == "all_streams"
