# SPDX-License-Identifier: Apache-2.0
"""Somebody who makes, changes, reads and tests a connection by Airflow's API, in the API server's code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def edit(connection: Mapping[str, Any]) -> None:
    """Do all of that, and print the answers.

    :param connection: as JSON, with its secret
    :raises SystemExit: the API does not do it
    """
    from airflow.api_fastapi.app import create_app, get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from fastapi.testclient import TestClient

    client = TestClient(create_app(apps="core"))
    somebody: Any = SimpleAuthManagerUser(username="editor", role="admin")
    client.headers["Authorization"] = f"Bearer {get_auth_manager().generate_jwt(somebody)}"
    body = {**connection, "connection_id": "twitch_edited", "extra": json.dumps(connection["extra"])}
    answers = [
        client.post("/api/v2/connections", json=body),
        client.patch("/api/v2/connections/twitch_edited", json={**body, "description": "changed"}),
        client.get("/api/v2/connections/twitch_edited"),
        client.post("/api/v2/connections/test", json=body),
        client.get("/api/v2/eventLogs"),
    ]
    for answer in answers:
        print(answer.status_code, answer.text)
    if any(answer.status_code not in {200, 201} for answer in answers):
        raise SystemExit("Airflow's API did not do what it was asked to")
    # What cannot be read at all is answered to who sent it, and logged.
    client.post("/api/v2/connections", json={**body, "port": "no number", "extra": "{no JSON"})
    client.post("/api/v2/connections", content=json.dumps(body)[:-5])
