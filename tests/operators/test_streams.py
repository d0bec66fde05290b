# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl

import pytest
from tests.operators.conftest import rerun

from twitch_provider.compat import AirflowFailException
from twitch_provider.config import LakeConfig
from twitch_provider.exceptions import TwitchServerError
from twitch_provider.hooks.twitch import TwitchHook
from twitch_provider.operators.twitch import TwitchStreamsOperator
from twitch_provider.pipelines import run
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
    with pytest.raises(AirflowFailException, match="Twitch does not know these games: 999999999"):
        streams(game_ids=["999999999"]).execute(context)


def test_a_wrong_parameter_is_never_tried_again(twitch_connection: Simulator, context: Any) -> None:
    with pytest.raises(AirflowFailException, match="parameter type must be one of all, live"):
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


@pytest.mark.parametrize("none", [None, "None"])
def test_a_dataset_lies_where_the_options_say_if_no_argument_does(
    twitch_connection: Simulator,
    context: Any,
    store: Any,
    monkeypatch: pytest.MonkeyPatch,
    none: str | None,
) -> None:
    used: list[LakeConfig] = []

    def open_store(config: LakeConfig) -> Any:
        used.append(config)
        return store

    monkeypatch.setattr(run, "open_store", open_store)
    monkeypatch.setenv("AIRFLOW__TWITCH__PREFIX", "configured")
    monkeypatch.setenv("AIRFLOW__TWITCH__AWS_CONN_ID", "aws_configured")
    place = dict.fromkeys(("bucket", "prefix", "twitch_conn_id", "aws_conn_id"), none)
    streams(output="s3", dataset="all", max_items=1, **place).execute(context)
    monkeypatch.setenv("AIRFLOW_CONN_MINE", twitch_connection.connection_json())
    mine = {"bucket": "other", "prefix": "mine", "twitch_conn_id": "mine", "aws_conn_id": "aws"}
    streams(output="s3", dataset="all", max_items=1, **mine).execute(context)
    assert used == [
        LakeConfig("lake", "configured", "aws_configured"),
        LakeConfig("other", "mine", "aws"),
    ]


def test_an_operator_that_is_executed_again_counts_its_own_requests(
    twitch_connection: Simulator, context: Any, store: Any
) -> None:
    operator = streams(output="s3", dataset="english", languages=["en"])
    requests = []
    for minutes in (-5, 0):
        reference: Any = operator.execute(rerun(context, minutes=minutes))
        requests.append(
            json.loads(store.objects[reference["manifest"].removeprefix("s3://lake/")])["requests"]
        )
    assert requests[0] == requests[1]


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


def test_mapped_tasks_with_one_dataset_fail_for_good_but_for_the_first(
    twitch_connection: Simulator, context: Any, store: Any
) -> None:
    for map_index, language in enumerate(("en", "de")):
        context["ti"].map_index = map_index
        operator = streams(output="s3", dataset="one", languages=language)
        if map_index == 0:
            operator.execute(context)
            before, asked = dict(store.objects), sum(twitch_connection.counters.requests.values())
            continue
        with pytest.raises(
            AirflowFailException,
            match=r"belongs to task t\[0\] of run 'run-1'.*: give each task, and each mapped",
        ):
            operator.execute(context)
    assert store.objects == before
    assert sum(twitch_connection.counters.requests.values()) == asked


def test_a_run_with_other_params_is_ad_hoc(twitch_connection: Simulator, context: Any, store: Any) -> None:
    context["dag"] = SimpleNamespace(params={"language": "en"})
    context["params"] = {"language": "de"}
    reference: Any = streams(output="s3", dataset="one", languages="de").execute(context)
    assert reference["uri"].startswith("s3://lake/twitch/adhoc/one/dt=")
    assert (reference["adhoc"], reference["scope"]["asks"]) == (True, {"languages": ["de"]})
    assert all(key.startswith("twitch/adhoc/") for key in store.objects)


def test_too_late_it_publishes_what_it_read_then(
    twitch_connection: Simulator, context: Any, store: Any
) -> None:
    operator = streams(output="s3", dataset="all", max_items=10)
    first = operator.execute(rerun(context, minutes=-60))
    before = dict(store.objects)
    asked = sum(twitch_connection.counters.requests.values())
    assert operator.execute(rerun(context, minutes=-60, clear_number=1)) == first
    assert sum(twitch_connection.counters.requests.values()) == asked
    assert store.objects == before


def test_too_late_and_never_read_fails_for_good(
    twitch_connection: Simulator, context: Any, store: Any
) -> None:
    operator = streams(output="s3", dataset="all")
    with pytest.raises(AirflowFailException, match="it was cleared more than 12 minutes after its tick"):
        operator.execute(rerun(context, minutes=-60, clear_number=1))
    operator.max_lateness = timedelta(minutes=30)
    with pytest.raises(AirflowFailException, match="max_lateness is 30 minutes"):
        operator.execute(rerun(context, minutes=-60))
    assert store.objects == {}
    assert not twitch_connection.counters.requests


def test_a_run_that_a_sensor_held_up_publishes_however_late(
    twitch_connection: Simulator, context: Any, store: Any
) -> None:
    reference: Any = streams(output="s3", dataset="all", max_items=5).execute(rerun(context, minutes=-300))
    assert reference["complete"] is True


@pytest.mark.parametrize(
    ("dataset", "sentence"),
    [
        (None, "dataset must be a name of a-z, 0-9 and single underscores"),
        ("_hidden", "begins and ends with a letter or a digit, not '_hidden'"),
        ("raw", "dataset 'raw' is a name of the lake's own"),
    ],
)
def test_a_dataset_has_to_be_named_before_anything_is_asked(
    twitch_connection: Simulator, context: Any, store: Any, dataset: str | None, sentence: str
) -> None:
    with pytest.raises(AirflowFailException, match=sentence):
        streams(output="s3", dataset=dataset).execute(context)
    assert not twitch_connection.counters.requests


def test_another_output_is_refused(context: Any) -> None:
    with pytest.raises(AirflowFailException, match="output must be xcom or s3"):
        streams(output="redis").execute(context)


def test_rows_too_large_for_xcom_are_refused_before_all_of_them_are_read(
    twitch_connection: Simulator, context: Any
) -> None:
    sentence = (
        r"^streams: the rows are larger than max_xcom_bytes \(5,000, of which \d+ rows fit\), and XCom is "
        r"for small results; use output='s3' with a dataset, TwitchToS3Operator, or a smaller max_items$"
    )
    with pytest.raises(AirflowFailException, match=sentence):
        streams(max_xcom_bytes=5_000).execute(context)
    assert twitch_connection.counters.requests["streams"] == 1


def test_a_limit_on_xcom_is_none_on_s3(twitch_connection: Simulator, context: Any, store: Any) -> None:
    reference: Any = streams(output="s3", dataset="all", max_xcom_bytes=1).execute(context)
    # Cleaning keeps out what is not live.
    assert reference["rows"] == sum(row["type"] == "live" for row in TwitchHook().get_streams())


def test_an_unknown_game_leaves_nothing_on_s3(twitch_connection: Simulator, context: Any, store: Any) -> None:
    with pytest.raises(AirflowFailException, match="Twitch does not know these games: 999999999"):
        streams(output="s3", dataset="all", game_ids=999999999).execute(context)
    assert store.objects == {}


def test_a_known_game_that_nobody_plays_is_no_error(twitch_connection: Simulator, context: Any) -> None:
    (game,) = TwitchHook().get_top_games(max_items=1)
    assert streams(game_ids=game["id"], user_logins="nobody_at_all").execute(context) == []


@pytest.mark.parametrize(
    ("languages", "sent"),
    [("en", ["en"]), ("['en', 'de']", ["en", "de"]), (["en", "de"], ["en", "de"]), ("None", [])],
)
def test_a_rendered_filter_means_the_same_as_text(
    twitch_connection: Simulator, context: Any, languages: Any, sent: list[str]
) -> None:
    streams(languages=languages, max_items="1").execute(context)
    query = parse_qsl(twitch_connection.log[-1].query)
    assert [value for name, value in query if name == "language"] == sent
    assert ("first", "1") in query


def test_a_run_of_airflow_2_lies_under_the_end_of_its_interval(
    twitch_connection: Simulator, context: Any, store: Any
) -> None:
    due = context["dag_run"].run_after
    run = {"dag_id": "mine", "run_id": "run-1", "run_type": "scheduled", "data_interval_end": due}
    context["dag_run"] = SimpleNamespace(**run, logical_date=due - timedelta(hours=1))
    reference: Any = streams(output="s3", dataset="all", max_items=5).execute(context)
    assert reference["uri"].endswith(f"all_data_{due:%Y%m%dT%H%M%SZ}.csv")
