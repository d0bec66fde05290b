# SPDX-License-Identifier: Apache-2.0
"""Airflow's own logs in S3: what ``docs/deploy/helm.md`` says of the permissions that they need."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests.cloud.account import BUCKET, POLICY, PREFIX, Account

PAGE = (Path(__file__).parents[2] / "docs" / "deploy" / "helm.md").read_text()
#: The account's other bucket.
LOGS = "another-lake"


@pytest.fixture
def write(account: Account, moto_that_signs_lists: None, tmp_path: Path) -> Any:
    """Writes a log as a task's supervisor does; whether it is there then."""
    from airflow.providers.amazon.aws.log.s3_task_handler import S3RemoteLogIO

    def write(folder: str) -> bool:
        remote = S3RemoteLogIO(remote_base=folder, base_log_folder=str(tmp_path), delete_local_copy=False)
        return remote.write("a line\n", f"{folder}/dag_id=x/attempt=1.log")

    return write


def policy_of_the_page() -> Any:
    text = next(
        block
        for block in re.findall(r"^```json\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
        if "Statement" in block
    )
    return json.loads(text.replace("my-airflow-logs", LOGS))


def test_the_lakes_policy_is_not_enough_below_its_own_prefix(write: Any, account: Account) -> None:
    assert not write(f"s3://{BUCKET}/{PREFIX}/logs")
    assert account.objects() == []


def test_the_policy_of_the_page_is_enough_and_each_statement_is_used(write: Any, account: Account) -> None:
    document = policy_of_the_page()
    account.grant(POLICY, document)
    assert write(f"s3://{LOGS}/airflow")
    for number, statement in enumerate(document["Statement"]):
        others = [each for each in document["Statement"] if each != statement]
        account.grant(POLICY, {**document, "Statement": others})
        assert not write(f"s3://{LOGS}/airflow/{number}"), statement
