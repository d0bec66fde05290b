# SPDX-License-Identifier: Apache-2.0
"""No credentials and a wrong clock, over HTTP; what else S3 may say is in tests/aws/test_errors.py."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.cloud.account import BUCKET, PREFIX, Account
from tests.cloud.job import Job, tick

from twitch_provider.aws.store import S3Store
from twitch_provider.exceptions import TwitchStoreUnavailableError

pytestmark = pytest.mark.filterwarnings("default")  # dag.test runs all of Airflow in this process

KEY = f"{PREFIX}/raw/x"


@pytest.mark.parametrize("answers", [True, False])
def test_no_credentials(
    lake: S3Store, account: Account, monkeypatch: pytest.MonkeyPatch, answers: bool
) -> None:
    account.metadata.role = None
    if not answers:
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(TwitchStoreUnavailableError) as caught:
        lake.get(KEY)
    assert str(caught.value) == (
        f"S3 cannot be used for s3://{BUCKET}/{KEY}: there are no AWS credentials (NoCredentialsError): give "
        "this worker an IAM role (an ECS task role, a role of its service account on EKS, the execution role "
        "of MWAA, or an EC2 instance profile, whose metadata service containers reach with "
        "HttpPutResponseHopLimit 2), or name a connection with an access key in [twitch] aws_conn_id."
    )


def test_a_clock_that_is_wrong_by_an_hour(lake: S3Store, account: Account) -> None:
    account.amazon.clock_ahead = timedelta(hours=1)
    with pytest.raises(TwitchStoreUnavailableError, match="This worker's clock differs from AWS's") as caught:
        lake.put(KEY, b"x", content_type="text/csv")
    assert "ASIA" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_whole_dag_says_it_too(job: Job, account: Account) -> None:
    account.amazon.clock_ahead = timedelta(hours=1)
    for dag_id in job.writers:
        error = job.refusal(dag_id, tick())
        assert type(error) is TwitchStoreUnavailableError  # a retry may find it right again
        assert "correct the clock, on EC2 with chrony" in str(error)
