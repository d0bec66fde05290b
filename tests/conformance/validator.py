# SPDX-License-Identifier: Apache-2.0
"""Whether Twitch would accept a request, by its published description and its prose."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from tests.conformance.prose import RULES, Given, rfc3339


class Description:
    """Twitch's API as OpenAPI describes it.

    :param spec: the decoded file
    """

    def __init__(self, spec: dict[str, Any]) -> None:
        self._components = _with_null(spec["components"])
        self._paths: dict[str, dict[str, Any]] = {
            path.strip("/"): item["get"] for path, item in spec["paths"].items() if "get" in item
        }

    def operation(self, path: str) -> dict[str, Any]:
        return self._paths[path]

    def path_of(self, operation_id: str) -> str:
        return next(path for path, each in self._paths.items() if each["operationId"] == operation_id)

    def parameters(self, path: str) -> dict[str, dict[str, Any]]:
        """Its query parameters by name."""
        return {each["name"]: each for each in self.operation(path)["parameters"]}

    def answer(self, path: str) -> dict[str, Any]:
        """The JSON schema of a 200."""
        content = self.operation(path)["responses"]["200"]["content"]["application/json"]
        return {**_with_null(content["schema"]), "components": self._components}

    def row(self, path: str) -> dict[str, Any]:
        """The JSON schema of a row."""
        return self._resolve(self._resolve(self.answer(path))["properties"]["data"]["items"])

    def breaches(self, path: str, pairs: Sequence[tuple[str, str]]) -> list[str]:
        """Return what Twitch would refuse in a request.

        :param pairs: names and values of its query, decoded
        """
        if path not in self._paths:
            return [f"{path}: there is no such endpoint"]
        given: dict[str, list[str]] = {}
        for name, value in pairs:
            given.setdefault(name, []).append(value)
        return [f"{path}: {complaint}" for complaint in self._complaints(path, given)]

    def _resolve(self, schema: dict[str, Any]) -> dict[str, Any]:
        name = schema["$ref"].rpartition("/")[2] if "$ref" in schema else None
        found: dict[str, Any] = schema if name is None else self._components["schemas"][name]
        return found

    def _complaints(self, path: str, given: Given) -> Iterator[str]:
        known = self.parameters(path)
        for name, values in given.items():
            if name not in known:
                yield f"{name} is unknown"
                continue
            schema = known[name]["schema"]
            if schema["type"] == "array":
                assert known[name]["explode"], "all lists of Helix are repeated parameters"
                schema = schema["items"]
            elif len(values) > 1:
                yield f"{name} comes more than once"
            yield from (f"{name}={value!r} is not {schema}" for value in values if not _fits(value, schema))
        yield from (
            f"{name} is required"
            for name, each in known.items()
            if each.get("required") and name not in given
        )
        yield from (
            rule.what for rule in RULES if (not rule.paths or path in rule.paths) and not rule.holds(given)
        )


def _fits(text: str, schema: dict[str, Any]) -> bool:
    """Whether a text of a query is a value of this type; an empty one counts as not given."""
    if schema["type"] == "integer":
        return bool(re.fullmatch(r"-?[0-9]{1,9}", text))
    if schema["type"] == "boolean":
        return text in {"true", "false"}
    if schema.get("format") == "date-time":
        return rfc3339(text)
    return bool(text.strip()) and text in schema.get("enum", [text])


def _with_null(schema: Any) -> Any:
    """Write OpenAPI's ``nullable`` as JSON schema does."""
    if isinstance(schema, list):
        return [_with_null(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {name: _with_null(each) for name, each in schema.items() if name != "nullable"}
    return {"anyOf": [plain, {"type": "null"}]} if schema.get("nullable") is True else plain
