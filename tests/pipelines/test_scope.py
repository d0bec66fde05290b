# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from twitch_provider.pipelines.scope import changed_params

#: What a DAG declares.
OWN = {
    "bucket": None,
    "prefix": None,
    "on_incomplete": "keep",
    "games": 20,
    "languages": ["de", "en"],
    "split": True,
    "title": None,
}


def changed(given: dict[str, Any], conf: dict[str, Any] | None = None, own: Any = OWN) -> tuple[str, ...]:
    context = {
        "dag": SimpleNamespace(params=own),
        "dag_run": SimpleNamespace(conf=given if conf is None else conf),
        "params": {**OWN, **given},
    }
    return changed_params(context)


def test_a_run_of_the_schedule_has_the_dags_own_params() -> None:
    assert changed({}) == ()


def test_the_form_sends_all_of_them_unchanged() -> None:
    assert changed(dict(OWN)) == ()


def test_other_values_are_named() -> None:
    assert changed({"games": 2, "split": False}) == ("games", "split")


@pytest.mark.parametrize(
    ("name", "value"), [("games", "20"), ("languages", '["de", "en"]'), ("split", "true"), ("title", "null")]
)
def test_a_value_may_be_the_same_as_text(name: str, value: str) -> None:
    """As a Variable or a template has it."""
    assert changed({name: value}) == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [("games", "2"), ("games", None), ("languages", ["en", "de"]), ("split", 1), ("title", "")],
)
def test_what_means_something_else_is_another_value(name: str, value: Any) -> None:
    assert changed({name: value}) == (name,)


def test_where_a_run_writes_and_what_it_does_with_a_loss_is_not_its_scope() -> None:
    assert changed({"bucket": "mine", "prefix": "a/b", "on_incomplete": "fail"}) == ()


def test_what_the_dag_does_not_declare_counts_if_the_run_was_given_it() -> None:
    assert changed({"colour": "red"}) == ("colour",)
    # Those of a task are not the run's.
    assert changed({"colour": "red"}, conf={}) == ()


def test_params_of_a_task_are_its_own() -> None:
    context = {
        "dag": SimpleNamespace(params={"games": 20}),
        "dag_run": SimpleNamespace(conf={}),
        "task": SimpleNamespace(params={"games": 7}),
        "params": {"games": 7},
    }
    assert changed_params(context) == ()
    assert changed_params({**context, "params": {"games": 2}}) == ("games",)


def test_a_context_without_a_dag_has_what_the_run_was_given() -> None:
    run = SimpleNamespace(conf={"games": 2})
    assert changed_params({"dag_run": run, "params": {"games": 2, "split": True}}) == ("games",)
    assert changed_params({"dag_run": SimpleNamespace(), "params": {"split": True}}) == ()


def test_airflows_own_params_are_compared_by_their_defaults(airflow_3: None) -> None:
    from airflow.sdk import DAG

    start = datetime(2026, 1, 1, tzinfo=UTC)
    own = DAG("d", schedule=None, start_date=start, params=OWN).params
    assert changed(dict(OWN), own=own) == ()
    assert changed({"games": 2}, own=own) == ("games",)
