# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool

from twitch_provider.hooks.deadline import bound_answers


class ProxyConnection(HTTPConnection):
    """Takes an argument that others do not, as the connections of SOCKS pools do."""

    def __init__(self, _socks_options: dict[str, Any], *arguments: Any, **options: Any) -> None:
        self.socks_options = _socks_options
        super().__init__(*arguments, **options)


class ProxyPool(HTTPConnectionPool):
    ConnectionCls = ProxyConnection


def test_a_pool_keeps_its_own_kind_of_connection() -> None:
    pool = ProxyPool("127.0.0.1", 1080, _socks_options={"rdns": True})
    bound_answers(pool)
    connection = pool._new_conn()
    assert isinstance(connection, ProxyConnection)
    assert connection.socks_options == {"rdns": True}
    assert connection.response_class is not ProxyConnection.response_class


def test_a_class_of_connections_is_derived_once() -> None:
    first, second = ProxyPool("127.0.0.1", 1), ProxyPool("127.0.0.1", 2)
    bound_answers(first)
    derived = first.ConnectionCls
    bound_answers(first)
    bound_answers(second)
    assert first.ConnectionCls is second.ConnectionCls is derived
    assert ProxyPool.ConnectionCls is ProxyConnection
