# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSkipException

from twitch_provider.exceptions import TwitchServerError
from twitch_provider.hooks.twitch import TwitchHook
from twitch_provider.operators.twitch import TwitchStreamsOperator
from twitch_provider.testing import Simulator

pytestmark = pytest.mark.filterwarnings("ignore:.*cannot be called outside")


def streams(**arguments: Any) -> TwitchStreamsOperator:
    return TwitchStreamsOperator(task_id="streams", **arguments)


def test_returns_the_rows_as_helix_sent_them(twitch_connection: Simulator, context: Any) -> None:
    rows = streams(max_items=150).execute(context)
    assert rows == list(TwitchHook().get_streams(max_items=150))


def test_passes_every_filter_on(twitch_connection: Simulator, context: Any) -> None:
    (one,) = TwitchHook().get_streams(max_items=1)
    rows: Any = streams(
        game_ids=one["game_id"],
        user_ids=[one["user_id"]],
        user_logins=[one["user_login"]],
        languages=[one["language"]],
        stream_type="live",
    ).execute(context)
    assert [row["id"] for row in rows] == [one["id"]]
    assert {name for name, _ in parse_qsl(twitch_connection.log[-1].query)} >= {
        "game_id",
        "user_id",
        "user_login",
        "language",
        "type",
    }


def test_nobody_live_is_an_empty_list_and_no_error(twitch_connection: Simulator, context: Any) -> None:
    assert streams(user_logins=["nobody_at_all"]).execute(context) == []


def test_an_unknown_game_is_one_sentence_and_never_tried_again(
    twitch_connection: Simulator, context: Any
) -> None:
    with pytest.raises(AirflowFailException, match="Twitch knows no game 999999999"):
        streams(game_ids=["999999999"]).execute(context)


def test_a_wrong_parameter_is_never_tried_again(twitch_connection: Simulator, context: Any) -> None:
    with pytest.raises(AirflowFailException, match="parameter type wants one of all, live"):
        streams(stream_type="rerun").execute(context)


def test_a_twitch_that_is_down_is_tried_again(
    twitch_connection: Simulator, context: Any, naps: list[float]
) -> None:
    twitch_connection.fault("error_500", times=None)
    with pytest.raises(TwitchServerError):
        streams().execute(context)


def test_publishes_a_dataset_and_returns_the_reference(
    twitch_connection: Simulator, context: Any, store: Any
) -> None:
    reference: Any = streams(output="s3", dataset="english", languages=["en"]).execute(context)
    assert reference["uri"].startswith("s3://lake/twitch/english/dt=")
    body = store.objects[reference["uri"].removeprefix("s3://lake/")]
    assert body.count(b"\n") >= reference["rows"] > 0
    manifest = json.loads(store.objects[reference["manifest"].removeprefix("s3://lake/")])
    assert manifest["dag_id"] == "mine.english"
    assert manifest["counts"]["english"]["rows_out"] == reference["rows"]
    assert not [key for key in store.objects if "/latest/" in key]


def test_mapped_tasks_with_datasets_of_their_own_keep_out_of_each_others_way(
    twitch_connection: Simulator, context: Any, store: Any
) -> None:
    references: list[Any] = [
        streams(output="s3", dataset=f"in_{language}", languages=language).execute(context)
        for language in ("en", "de")
    ]
    assert len({reference["manifest"] for reference in references}) == 2
    for reference in references:
        assert reference["uri"].removeprefix("s3://lake/") in store.objects


def test_too_late_it_publishes_what_it_read_then(
    twitch_connection: Simulator, context: Any, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator = streams(output="s3", dataset="all", max_items=10)
    operator.execute(context)
    before = dict(store.objects)
    monkeypatch.setattr("twitch_provider.lake.extract.TOO_LATE", timedelta(days=-1))
    asked = sum(twitch_connection.counters.requests.values())
    operator.execute(context)
    assert sum(twitch_connection.counters.requests.values()) == asked
    assert [key for key in before if before[key] != store.objects[key] and "/manifests/" not in key] == []


def test_too_late_and_never_read_is_skipped(twitch_connection: Simulator, context: Any, store: Any) -> None:
    context["dag_run"].run_after -= timedelta(hours=1)
    with pytest.raises(AirflowSkipException, match="Too late for"):
        streams(output="s3", dataset="all").execute(context)
    assert store.objects == {}


@pytest.mark.parametrize("dataset", [None, "", "../up", "Upper", "a/b", "top_streams", "raw", "latest"])
def test_a_dataset_has_to_be_named(
    twitch_connection: Simulator, context: Any, store: Any, dataset: str | None
) -> None:
    with pytest.raises(AirflowFailException, match="dataset wants"):
        streams(output="s3", dataset=dataset).execute(context)


def test_another_output_is_refused(context: Any) -> None:
    with pytest.raises(AirflowFailException, match="output wants xcom or s3"):
        streams(output="redis").execute(context)


def test_template_fields_are_assigned_one_to_one() -> None:
    given = {name: f"{{{{ {name} }}}}" for name in TwitchStreamsOperator.template_fields}
    operator = streams(**given)
    assert {name: getattr(operator, name) for name in given} == given
