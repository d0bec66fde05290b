# SPDX-License-Identifier: Apache-2.0
"""``deploy/compose.yaml`` as Compose reads it: its ``.env``, its variables, its services."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

ROOT = Path(__file__).resolve().parent.parent.parent
COMPOSE = ROOT / "deploy" / "compose.yaml"

_VARIABLE = re.compile(
    r"\$(?:(?P<dollar>\$)|\{(?P<name>\w+)(?:(?P<kind>:?[-?])(?P<rest>[^}]*))?\}|(?P<bare>\w+))"
)


@dataclass(frozen=True)
class Service:
    """One service.

    :param name: as in the file
    :param environment: of its processes, interpolated
    :param command: its arguments, interpolated; empty where the image decides
    :param replicas: how many containers of it there are
    :param raw: the whole entry, interpolated
    """

    name: str
    environment: Mapping[str, str]
    command: tuple[str, ...]
    replicas: int
    raw: Mapping[str, Any]


def load(path: Path = COMPOSE) -> dict[str, Any]:
    """Read the file; anchors and merges are resolved.

    :param path: of the file
    """
    document: dict[str, Any] = yaml.safe_load(path.read_text())
    return document


def read_env(text: str) -> dict[str, str]:
    """Read an ``.env`` whose values stand between single quotes.

    https://docs.docker.com/compose/how-tos/environment-variables/variable-interpolation/#env-file-syntax

    :param text: of the file
    :raises ValueError: a line is not such a setting
    """
    found = {}
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        # A backslash is literal except before a quote, which new_env.py does not write.
        match = re.fullmatch(r"([A-Z][A-Z_]*)='([^']*)'", line)
        if match is None or match[2].endswith("\\"):
            raise ValueError(f"{line.partition('=')[0]} must be NAME='value'")
        found[match[1]] = match[2]
    return found


def interpolate(value: Any, variables: Mapping[str, str]) -> Any:
    """Put variables in, in every text of a part of the file.

    https://docs.docker.com/reference/compose-file/interpolation/

    :param value: the part
    :param variables: by name
    :raises KeyError: one is required and not there; with the file's own sentence
    """
    if isinstance(value, dict):
        return {name: interpolate(each, variables) for name, each in value.items()}
    if isinstance(value, list):
        return [interpolate(each, variables) for each in value]
    if not isinstance(value, str):
        return value

    def put(match: re.Match[str]) -> str:
        if match["dollar"]:
            return "$"
        name, kind = match["name"] or match["bare"], match["kind"] or ""
        found = variables.get(name)
        missing = found is None or (":" in kind and not found)
        if missing and "?" in kind:
            raise KeyError(f"{name}: {match['rest']}")
        return (match["rest"] if "-" in kind else "") if missing else str(found)

    return _VARIABLE.sub(put, value)


def variables(value: Any) -> Iterator[tuple[str, str]]:
    """Return each variable that a part of the file uses, and how (``:?``, ``:-`` … or nothing).

    :param value: the part
    """
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from variables(each)
    elif isinstance(value, str):
        for match in _VARIABLE.finditer(value):
            if not match["dollar"]:
                yield match["name"] or match["bare"], match["kind"] or ""


def size(text: str) -> int:
    """Return a size of the file in bytes.

    https://docs.docker.com/reference/compose-file/extension/#specifying-byte-values

    :param text: such as ``512m``
    """
    return int(text[:-1]) * {"k": 2**10, "m": 2**20, "g": 2**30}[text[-1]]


def services(document: Mapping[str, Any], env: Mapping[str, str]) -> dict[str, Service]:
    """Return the services that ``docker compose up`` starts with this ``.env``.

    :param document: the file
    :param env: the ``.env``
    """
    profiles = set(env.get("COMPOSE_PROFILES", "").split(","))
    found = {}
    for name, entry in document["services"].items():
        if entry.get("profiles") and not profiles.intersection(entry["profiles"]):
            continue
        raw = interpolate(entry, env)
        command = raw.get("command", ())
        found[name] = Service(
            name,
            {key: str(value) for key, value in raw.get("environment", {}).items()},
            tuple(shlex.split(command) if isinstance(command, str) else command),
            raw.get("deploy", {}).get("replicas", 1),
            raw,
        )
    return found
