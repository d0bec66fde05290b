# SPDX-License-Identifier: Apache-2.0
"""The policies of the templates that are deployed, with their functions resolved."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

TEMPLATES = [Path(__file__).parents[2] / "deploy" / name for name in ("lake.yaml", "airflow-ec2.yaml")]

Document = dict[str, Any]


yaml: Any = import_module("yaml")  # it comes with Airflow, without types


def _function(loader: Any, name: str, node: Any) -> dict[str, Any]:
    construct: Any = {
        yaml.ScalarNode: loader.construct_scalar,
        yaml.SequenceNode: lambda each: loader.construct_sequence(each, deep=True),
        yaml.MappingNode: lambda each: loader.construct_mapping(each, deep=True),
    }[type(node)]
    return {name: construct(node)}


#: Reads ``!Sub x`` as ``{"Sub": "x"}``.
_Loader: Any = type("_Loader", (yaml.SafeLoader,), {})
_Loader.add_multi_constructor("!", _function)


def policy(logical_id: str, facts: Mapping[str, str], *conditions: str) -> Document:
    """Return the document of a managed policy.

    :param logical_id: in either of the templates
    :param facts: what ``Ref`` and ``GetAtt`` give, by ``Name`` or ``Name.Attribute``; each has to be there
    :param conditions: those that hold
    """
    resources: Document = {}
    for path in TEMPLATES:
        resources |= yaml.load(path.read_text(encoding="utf-8"), _Loader)["Resources"]
    found = resources[logical_id]
    assert found["Type"] == "AWS::IAM::ManagedPolicy"
    document: Document = _resolved(found["Properties"]["PolicyDocument"], facts, conditions)
    return document


def _resolved(value: Any, facts: Mapping[str, str], conditions: Collection[str]) -> Any:
    match value:
        case {"If": [condition, then, otherwise]}:
            return _resolved(then if condition in conditions else otherwise, facts, conditions)
        case {"Ref": "AWS::NoValue"}:
            return None
        case {"Sub": str(text)}:
            return re.sub(r"\$\{([^}]+)\}", lambda name: facts[name[1]], text)
        case {"Ref": str(name)} | {"GetAtt": str(name)}:
            return facts[name]
        case dict():
            return {key: _resolved(each, facts, conditions) for key, each in value.items()}
        case list():
            resolved = [_resolved(each, facts, conditions) for each in value]
            return [each for each in resolved if each is not None]
    return value
