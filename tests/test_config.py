# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from twitch_provider.config import LakeConfig, option, s3_extra_args
from twitch_provider.exceptions import TwitchConfigError


def test_arguments_win_over_options_and_options_over_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__TWITCH__BUCKET", "from-options")
    monkeypatch.setenv("AIRFLOW__TWITCH__PREFIX", "from-options")
    config = LakeConfig.resolve(prefix="given", bucket=None)
    assert config == LakeConfig("from-options", "given", "")


def test_an_empty_text_means_the_option(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__TWITCH__BUCKET", "from-options")
    monkeypatch.setenv("AIRFLOW__TWITCH__AWS_CONN_ID", "aws_default")
    config = LakeConfig.resolve(bucket="", prefix=" ", aws_conn_id="None")
    assert config == LakeConfig("from-options", "twitch", "aws_default")


def test_an_empty_aws_connection_means_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__TWITCH__AWS_CONN_ID", "aws_default")
    assert LakeConfig.resolve(bucket="lake", aws_conn_id="").aws_conn_id == ""


def test_defaults_are_those_that_the_provider_declares() -> None:
    assert (option("bucket"), option("prefix"), option("twitch_conn_id")) == ("", "twitch", "twitch_default")


def test_without_a_bucket_it_says_where_to_put_one() -> None:
    with pytest.raises(TwitchConfigError, match="AIRFLOW__TWITCH__BUCKET"):
        LakeConfig.resolve()


@pytest.mark.parametrize("bucket", ["s3://lake", "lake/folder", "Lake", "a", " ", "la ke"])
def test_refuses_what_is_no_bucket(bucket: str) -> None:
    with pytest.raises(TwitchConfigError, match="bucket"):
        LakeConfig.resolve(bucket=bucket)


def test_arguments_of_uploads_come_from_an_option(monkeypatch: pytest.MonkeyPatch) -> None:
    assert LakeConfig.resolve("lake").s3_extra_args == {}
    monkeypatch.setenv(
        "AIRFLOW__TWITCH__S3_EXTRA_ARGS", '{"ServerSideEncryption": "aws:kms", "BucketKeyEnabled": true}'
    )
    assert LakeConfig.resolve("lake").s3_extra_args == {
        "ServerSideEncryption": "aws:kms",
        "BucketKeyEnabled": True,
    }


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("ServerSideEncryption=AES256", "must be a JSON object"),
        ('["AES256"]', "must be a JSON object"),
        ("null", "must be a JSON object"),
        ("[" * 100_000, "must be a JSON object"),
        ('{"Key": "elsewhere"}', "'Key': use only ACL, "),
        ('{"SSECustomerKey": "k"}', "'SSECustomerKey'"),
        ('{"BucketKeyEnabled": "true"}', "BucketKeyEnabled must be true or false"),
        ('{"SSEKMSKeyId": null}', "SSEKMSKeyId must be text"),
    ],
)
def test_refuses_arguments_that_no_upload_may_have(
    text: str, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__TWITCH__S3_EXTRA_ARGS", text)
    with pytest.raises(TwitchConfigError, match="s3_extra_args") as caught:
        s3_extra_args()
    assert named in str(caught.value)
    assert len(str(caught.value)) < 400
