# SPDX-License-Identifier: Apache-2.0
"""What every operator of Airflow promises; the table of ours is below."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from typing import Any

import pytest

from twitch_provider.compat import BaseHook, BaseOperator
from twitch_provider.get_provider_info import get_provider_info
from twitch_provider.operators import twitch
from twitch_provider.operators.twitch import (
    TwitchAllStreamsOperator,
    TwitchHelixOperator,
    TwitchStreamsOperator,
    TwitchTopGamesOperator,
)
from twitch_provider.transfers.twitch_to_s3 import TwitchToS3Operator

#: Each operator, its required arguments, and which of its arguments are not templated: choices and
#: switches that belong to the code.
OPERATORS: list[tuple[Any, dict[str, str], set[str]]] = [
    (TwitchStreamsOperator, {}, {"output", "max_xcom_bytes", "interval", "max_lateness"}),
    (TwitchAllStreamsOperator, {}, {"interval", "max_lateness"}),
    (TwitchTopGamesOperator, {}, {"output", "max_xcom_bytes", "interval", "max_lateness"}),
    (TwitchHelixOperator, {"endpoint": "streams"}, {"max_xcom_bytes"}),
    (
        TwitchToS3Operator,
        {"endpoint": "streams", "s3_key": "k"},
        {"replace", "file_format", "compression", "escape_formulas"},
    ),
]
EACH = pytest.mark.parametrize(("operator", "needed", "fixed"), OPERATORS)


def arguments(operator: Any) -> dict[str, inspect.Parameter]:
    """An operator's own arguments."""
    parameters = dict(inspect.signature(operator.__init__).parameters)
    return {name: each for name, each in parameters.items() if name not in {"self", "kwargs"}}


def test_the_table_is_complete() -> None:
    assert {each.__name__ for each, _, _ in OPERATORS} == {*twitch.__all__, TwitchToS3Operator.__name__}


def test_the_provider_lists_the_modules() -> None:
    info = get_provider_info()
    assert info["operators"][0]["python-modules"] == [twitch.__name__]
    assert info["transfers"][0]["python-module"] == TwitchToS3Operator.__module__


@EACH
def test_arguments_are_keyword_only(operator: Any, needed: Any, fixed: Any) -> None:
    assert {each.kind for each in arguments(operator).values()} == {inspect.Parameter.KEYWORD_ONLY}


@EACH
def test_everything_but_switches_is_a_template(operator: Any, needed: Any, fixed: Any) -> None:
    assert set(operator.template_fields) == arguments(operator).keys() - fixed
    assert len(operator.template_fields) == len(set(operator.template_fields))


@EACH
def test_template_fields_are_assigned_one_to_one(operator: Any, needed: Any, fixed: Any) -> None:
    given = {name: f"{{{{ {name} }}}}" for name in operator.template_fields}
    made = operator(task_id="t", **given)
    assert {name: getattr(made, name) for name in given} == given


@EACH
def test_no_argument_is_an_attribute_of_every_operator(operator: Any, needed: Any, fixed: Any) -> None:
    plain = BaseOperator(task_id="plain")
    assert {name for name in arguments(operator) if hasattr(plain, name)} <= {"output"}
    assert operator(task_id="t", **needed).output.operator.task_id == "t"


@EACH
def test_making_one_resolves_nothing(
    operator: Any, needed: Any, fixed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def resolve(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(BaseHook, "get_connection", resolve)
    operator(task_id="t", **needed, twitch_conn_id="nowhere")


@EACH
def test_every_argument_is_documented_and_says_whether_it_is_a_template(
    operator: Any, needed: Any, fixed: Any
) -> None:
    text = inspect.getdoc(operator) or ""
    documented = dict(re.findall(r"^:param (\w+): ((?:.|\n(?!:))+)", text, re.MULTILINE))
    assert list(documented) == list(arguments(operator))
    templated = {name for name, said in documented.items() if said.endswith("(templated)")}
    assert templated == set(operator.template_fields)
    assert ":raises AirflowFailException:" in text
    assert ":raises TwitchError:" in text


@EACH
def test_it_has_a_colour_and_links_to_what_it_publishes(operator: Any, needed: Any, fixed: Any) -> None:
    assert operator.ui_color == "#d9c7ff"
    names = [link.name for link in operator.operator_extra_links]
    if operator is TwitchHelixOperator:
        assert names == []  # it returns rows only
    elif operator is TwitchToS3Operator:
        assert names == ["Table in S3"]
    else:
        assert names == ["Manifest in S3", "Table in S3", "Twitch page"]


def test_importing_them_brings_in_nothing_heavy() -> None:
    code = f"import sys, {twitch.__name__}, {TwitchToS3Operator.__module__}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], check=True, capture_output=True, text=True
    )
    found = {name.partition(".")[0] for name in done.stdout.splitlines()[-1].split()}
    assert not found & {"pandas", "pyarrow", "boto3", "botocore", "numpy", "aiohttp"}
