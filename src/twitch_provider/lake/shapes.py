# SPDX-License-Identifier: Apache-2.0
"""Whether what was read back is as its type says: a document that cannot be used is refused where it is read.

Manifests and what metrics keep are plain JSON, which may have been damaged, edited or written by another
version. Without Airflow and without msgspec, since Spark's driver has neither.
"""

from __future__ import annotations

import json
import re
import types
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints, is_typeddict

from twitch_provider.lake.instants import is_usable

#: Of an integer that every table and database holds.
_MOST = 2**63
#: Of a document after decompression: the largest that a lake of several DAGs has are some 10 MB.
_MOST_BYTES = 128 * 1024 * 1024

#: Of characters that no line of a log has: controls, Unicode's line breaks, halves of surrogate pairs.
_ODD = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

_Fits = Callable[[Any], bool]


def require_shape(value: Any, kind: Any) -> None:
    """Check a value against a type.

    :param value: of JSON, or an instance of a dataclass made of such values
    :param kind: as in an annotation: ``int``, ``list[str]``, ``Mapping[str, int | None]``, a dataclass
    :raises TypeError: it is something else
    """
    if not _checker(kind)(value):
        raise TypeError(f"{type(value).__name__} is not {getattr(kind, '__name__', kind)!s:.80}")


def require_plain(*names: str) -> None:
    """Check text that messages and keys have.

    :param names: of a DAG, a task or an object, for example
    :raises ValueError: one would break a line, has a control character, or is not Unicode
    """
    if any(map(_ODD.search, names)):
        raise ValueError("a name has a line break or a control character")


def from_gzip(body: bytes, kind: Any) -> Any:
    """Return a document that can be made again; None if it cannot be read, or is not as its type says.

    :param body: JSON in gzip
    :param kind: as of :func:`require_shape`
    """
    try:
        document = json.loads(unzipped(body))
        require_shape(document, kind)
    except (ValueError, TypeError, RecursionError):
        return None
    return document


def unzipped(body: bytes) -> bytes:
    """Decompress gzip, but no more of it than a document may have.

    :param body: one member
    :raises ValueError: it is damaged or too large
    """
    member = zlib.decompressobj(wbits=31)
    try:
        whole = member.decompress(body, _MOST_BYTES)
    except zlib.error:
        raise ValueError("it is not gzip") from None
    if not member.eof or member.unused_data:
        raise ValueError("incomplete, or too large")
    return whole


@cache
def _checker(kind: Any) -> _Fits:
    if kind in _SIMPLE:
        return _SIMPLE[kind]
    origin, parts = get_origin(kind), get_args(kind)
    if origin in {Union, types.UnionType}:
        return _one_of([_checker(part) for part in parts])
    if origin is not None and issubclass(origin, Mapping):
        return _mapping(*map(_checker, parts))
    if origin is tuple and parts[-1] is not ...:
        return _row([_checker(part) for part in parts])
    if origin is not None and issubclass(origin, Sequence):
        return _list(_checker(parts[0]))
    if is_typeddict(kind):
        return _document({name: _checker(part) for name, part in get_type_hints(kind).items()})
    if isinstance(kind, type) and is_dataclass(kind):
        hints = get_type_hints(kind)
        return _instance(kind, {each.name: _checker(hints[each.name]) for each in fields(kind)})
    raise RuntimeError(f"No document can be compared with the type {kind}: add it to _checker.")


def _one_of(options: list[_Fits]) -> _Fits:
    return lambda value: any(fits(value) for fits in options)


def _mapping(key: _Fits, item: _Fits) -> _Fits:
    return lambda value: (
        isinstance(value, Mapping) and all(map(key, value)) and all(map(item, value.values()))
    )


def _list(item: _Fits) -> _Fits:
    return lambda value: isinstance(value, list | tuple) and all(map(item, value))


def _row(items: list[_Fits]) -> _Fits:
    return lambda value: (
        isinstance(value, list | tuple)
        and len(value) == len(items)
        and all(fits(each) for fits, each in zip(items, value, strict=True))
    )


def _document(items: dict[str, _Fits]) -> _Fits:
    return lambda value: (
        isinstance(value, Mapping)
        and value.keys() >= items.keys()
        and all(fits(value[name]) for name, fits in items.items())
    )


def _instance(kind: type, items: dict[str, _Fits]) -> _Fits:
    return lambda value: (
        isinstance(value, kind) and all(fits(getattr(value, name)) for name, fits in items.items())
    )


_SIMPLE: dict[Any, _Fits] = {
    Any: lambda value: True,
    None: lambda value: value is None,
    types.NoneType: lambda value: value is None,
    bool: lambda value: type(value) is bool,
    str: lambda value: type(value) is str,
    bytes: lambda value: type(value) is bytes,
    int: lambda value: type(value) is int and -_MOST <= value < _MOST,
    # Neither NaN nor infinite, which are not less than anything.
    float: lambda value: type(value) in {int, float} and abs(value) < _MOST,
    datetime: lambda value: isinstance(value, datetime) and is_usable(value),
}
