# SPDX-License-Identifier: Apache-2.0
"""Airflow's REST API, as a person with the admin's password uses it."""

from __future__ import annotations

import json
import time
import urllib.request
from dataclasses import dataclass, field
from typing import Any
from urllib.error import HTTPError

#: Of a run and of a task.
DONE = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})


class GoneWrongError(Exception):
    """The cluster does not do what it should; a sentence."""


@dataclass
class Client:
    """The API server.

    :param url: its root
    :param password: of the user admin
    """

    url: str
    password: str = field(repr=False)
    token: str = field(default="", repr=False, init=False)

    def log_in(self) -> None:
        """Fetch a token."""
        body = {"username": "admin", "password": self.password}
        self.token = self._ask("POST", "/auth/token", body)["access_token"]

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request, and return the decoded answer.

        :param method: of HTTP
        :param path: below ``/api/v2``
        :param body: sent as JSON
        """
        return self._ask(method, f"/api/v2{path}", body)

    def health(self) -> dict[str, Any]:
        """Return what the API server says of the parts of Airflow."""
        health: dict[str, Any] = self.ask("GET", "/monitor/health")
        return health

    def trigger(self, dag_id: str, **conf: Any) -> str:
        """Start a run now, and return its name.

        :param dag_id: of the DAG
        :param conf: its params
        """
        body = {"logical_date": None, "conf": conf}
        return str(self.ask("POST", f"/dags/{dag_id}/dagRuns", body)["dag_run_id"])

    def runs(self, dag_id: str) -> list[dict[str, Any]]:
        """Return the runs of a DAG, oldest first.

        :param dag_id: of the DAG
        """
        runs: list[dict[str, Any]] = self.ask("GET", f"/dags/{dag_id}/dagRuns?order_by=run_after&limit=100")[
            "dag_runs"
        ]
        return runs

    def run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """Return one run.

        :param dag_id: of the DAG
        :param run_id: its name
        """
        return next(run for run in self.runs(dag_id) if run["dag_run_id"] == run_id)

    def tasks(self, dag_id: str, run_id: str) -> dict[str, dict[str, Any]]:
        """Return the task instances of a run, by task.

        :param dag_id: of the DAG
        :param run_id: of the run
        """
        found = self.ask("GET", f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances")["task_instances"]
        return {each["task_id"]: each for each in found}

    def log(self, dag_id: str, run_id: str, task_id: str, attempt: int) -> str:
        """Return the log of one try as the UI shows it.

        :param dag_id: of the DAG
        :param run_id: of the run
        :param task_id: of the task
        :param attempt: from 1
        """
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/logs/{attempt}?full_content=true"
        return json.dumps(self.ask("GET", path))

    def _ask(self, method: str, path: str, body: Any) -> Any:
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)  # noqa: S310 - our own
        # A busy machine may keep one request waiting, and a restarted server answer one with an error.
        for attempt in range(3):
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - our own server
                    return json.load(answer)
            except OSError as error:
                final = isinstance(error, HTTPError) and error.code < 500
                if attempt == 2 or method != "GET" or final:
                    raise GoneWrongError(f"{method} {path}: {error}") from error
                time.sleep(2)
        raise AssertionError
