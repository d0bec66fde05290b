# SPDX-License-Identifier: Apache-2.0
"""Leaks a text into every place where one can lie: the search has to find it in each."""

from __future__ import annotations

import logging
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from airflow.sdk import dag, get_current_context, task


@dag(schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC))
def leaky() -> None:
    """Everything wrong at once."""

    @task
    def spill() -> dict[str, Any]:
        """Into logs, output, files, S3 and the process's title, and by XCom to the next task."""
        from airflow.providers.amazon.aws.hooks.s3 import S3Hook
        from setproctitle import setproctitle

        planted = os.environ["PLANTED"]
        setproctitle(f"airflow worker -- {planted}")
        logging.getLogger("leaky.log").debug("planted in a log: %s", planted)
        print("planted in the output:", planted)
        print("planted in the errors:", planted, file=sys.stderr)
        Path(os.environ["AIRFLOW_HOME"], "twitch_tokens", "unsealed").write_text(planted)
        S3Hook(aws_conn_id=None).load_string(
            f'{{"planted": "{planted}"}}', "twitch/leaky.json.gz", "lake", compression="gzip"
        )
        return {"planted": planted}

    @task
    def fail(given: dict[str, Any]) -> None:
        """Its argument is a rendered template, its error has it too."""
        get_current_context()["ti"].xcom_push("another", given)
        raise RuntimeError(f"planted in an error: {given['planted']}")

    spilt: Any = spill()
    fail(spilt)


leaky()
