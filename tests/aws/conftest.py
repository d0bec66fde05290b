# SPDX-License-Identifier: Apache-2.0
"""A bucket of moto's, and requests that it answers as other stores do."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from twitch_provider.aws.store import S3Store

KEY_ID, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Store]:
    connection = {
        "conn_type": "aws",
        "login": KEY_ID,
        "password": SECRET,
        "extra": {"region_name": "us-east-1"},
    }
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(connection))
    with mock_aws():
        boto3.client("s3", region_name="us-east-1").create_bucket(Bucket="lake")
        yield S3Store("lake", "aws_default")


@pytest.fixture
def asked(store: S3Store) -> Counter[str]:
    """The requests of the store, by operation."""
    found: Counter[str] = Counter()

    def record(event_name: str, **_: Any) -> None:
        found[event_name.rpartition(".")[2]] += 1

    store.hook.get_conn().meta.events.register("before-send.s3", record)
    return found


@pytest.fixture
def refuse() -> Callable[..., None]:
    """Let S3 refuse what the store asks it by an operation."""
    return refuse_


def refuse_(
    store: S3Store,
    operation: str,
    code: str = "AccessDenied",
    status: int = 0,
    *,
    when: Callable[[dict[str, Any]], bool] = lambda _: True,
) -> None:
    """Let S3 refuse what the store asks it by this operation.

    :param when: whether to refuse a request, by its headers
    """

    def refusal(params: dict[str, Any], **_: object) -> None:
        if when(params["headers"]):
            answer = {
                "Error": {"Code": code, "Message": f"{KEY_ID} {SECRET}"},
                "ResponseMetadata": {"HTTPStatusCode": status},
            }
            raise ClientError(answer, operation)

    store.hook.get_conn().meta.events.register(f"before-call.s3.{operation}", refusal)
