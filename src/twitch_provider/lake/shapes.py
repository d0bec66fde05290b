# SPDX-License-Identifier: Apache-2.0
"""Whether what was read back is as its type says: a document that cannot be used is refused where it is read.

Manifests and what metrics keep are plain JSON, which may have been damaged, edited or written by another
version. Without Airflow and without msgspec, since Spark's driver has neither.
"""

from __future__ import annotations

import types
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

from twitch_provider.lake.instants import is_usable

#: Of an integer that every table and database holds.
_MOST = 2**63


def require_shape(value: Any, kind: Any) -> None:
    """Check a value against a type.

    :param value: of JSON, or an instance of a dataclass made of such values
    :param kind: as in an annotation: ``int``, ``list[str]``, ``Mapping[str, int | None]``, a dataclass
    :raises TypeError: it is something else
    """
    if not _fits(value, kind):
        raise TypeError(f"{type(value).__name__} is not {getattr(kind, '__name__', kind)!s:.80}")


def require_plain(*names: str) -> None:
    """Check names that messages and keys have.

    :param names: of a DAG, a task or an object
    :raises ValueError: one would break a line, or is not printable for another reason
    """
    if not all(each.isprintable() for each in names):
        raise ValueError("a name is not printable")


def _fits(value: Any, kind: Any) -> bool:
    if kind in _SIMPLE:
        return bool(_SIMPLE[kind](value))
    origin, parts = get_origin(kind), get_args(kind)
    if origin in {Union, types.UnionType}:
        return any(_fits(value, part) for part in parts)
    if origin is not None and issubclass(origin, Mapping):
        return isinstance(value, Mapping) and _all(value, parts[0]) and _all(value.values(), parts[1])
    if origin is not None and issubclass(origin, Sequence):
        if not isinstance(value, list | tuple):
            return False
        if origin is tuple and parts[-1] is not ...:
            return len(value) == len(parts) and all(map(_fits, value, parts))
        return _all(value, parts[0])
    if isinstance(kind, type) and is_dataclass(kind):
        hints = _hints(kind)
        return isinstance(value, kind) and all(_fits(getattr(value, name), hints[name]) for name in hints)
    return False


def _all(values: Iterable[Any], kind: Any) -> bool:
    return kind is Any or all(_fits(each, kind) for each in values)


@cache
def _hints(kind: type) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {each.name: hints[each.name] for each in fields(kind)}


def _is_number(value: Any) -> bool:
    return type(value) in {int, float} and abs(value) < _MOST  # which NaN is not


def _is_instant(value: Any) -> bool:
    return isinstance(value, datetime) and is_usable(value)


_SIMPLE: dict[Any, Any] = {
    Any: lambda value: True,
    None: lambda value: value is None,
    types.NoneType: lambda value: value is None,
    bool: lambda value: type(value) is bool,
    str: lambda value: type(value) is str,
    bytes: lambda value: type(value) is bytes,
    int: lambda value: type(value) is int and -_MOST <= value < _MOST,
    float: _is_number,
    datetime: _is_instant,
}
