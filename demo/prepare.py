# SPDX-License-Identifier: Apache-2.0
"""Prepare the metadata database of ``make airflow``: ``CONNECTIONS={…} python -m demo.prepare``.

Connections of the environment are invisible in the UI, so these are rows of the database. The servers' ports
change with every start, so existing rows are updated.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from airflow.models.connection import Connection
from airflow.utils import db
from airflow.utils.session import create_session


def save_connections(connections: Mapping[str, Mapping[str, Any]]) -> None:
    """Create or update the connections.

    :param connections: by id, in the fields of Airflow's JSON form
    """
    with create_session() as session:
        for conn_id, fields in connections.items():
            row = session.query(Connection).filter_by(conn_id=conn_id).one_or_none()
            if row is None:
                session.add(row := Connection(conn_id=conn_id, conn_type=fields["conn_type"]))
            row.description = "Created by `make airflow`, which updates it at every start."
            row.conn_type, row.login, row.host = fields["conn_type"], fields["login"], fields.get("host")
            # Airflow 3.3.2's Test button refuses a connection that has no port.
            row.port = urlsplit(fields.get("host") or "").port
            row.set_password(fields["password"])
            row.set_extra(json.dumps(fields.get("extra", {})))


if __name__ == "__main__":
    db.initdb()
    save_connections(json.loads(os.environ["CONNECTIONS"]))
