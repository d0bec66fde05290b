# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from jsonschema import Draft202012Validator

from twitch_provider import config
from twitch_provider.config import (
    BUCKET_PATTERN,
    PREFIX_PATTERN,
    LakeConfig,
    option,
    option_is_true,
    s3_extra_args,
    watch_list,
)
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


BUCKETS = ["lake", "a-b.c", "7" * 63, "3lakes"]
PREFIXES = ["twitch", "a/b", "Team_1/twitch.v2/x-y", ".hidden", "..."]
NO_BUCKETS = ["s3://lake", "lake/folder", "Lake", "my_lake", "a", "la ke", "a..b", "-ab", "a" * 64, "la\nke"]
NO_PREFIXES = [
    *("a/../../b", "..", ".", "a/.", "./a", "a//b", "/a", "a/", "dt=2020-01-01/x", "my lake"),
    *("a\nb", "donn\u00e9es", "{{ x }}", "a\\b", "s3://lake/a"),
]


def valid_in_the_form(pattern: str, value: str) -> bool:
    return bool(Draft202012Validator({"type": ["null", "string"], "pattern": pattern}).is_valid(value))


@pytest.mark.parametrize("bucket", BUCKETS)
def test_takes_the_names_of_buckets(bucket: str) -> None:
    assert LakeConfig.resolve(bucket).bucket == bucket
    assert valid_in_the_form(BUCKET_PATTERN, bucket)


@pytest.mark.parametrize("bucket", NO_BUCKETS)
def test_refuses_what_is_no_bucket_with_the_rule(bucket: str) -> None:
    with pytest.raises(TwitchConfigError, match="bucket must be 3 to 63 of a-z") as caught:
        LakeConfig.resolve(bucket=bucket)
    assert "\n" not in str(caught.value)
    assert not valid_in_the_form(BUCKET_PATTERN, bucket)


@pytest.mark.parametrize("prefix", PREFIXES)
def test_takes_prefixes_of_plain_segments(prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert LakeConfig.resolve("lake", prefix).prefix == prefix
    assert valid_in_the_form(PREFIX_PATTERN, prefix)
    monkeypatch.setenv("AIRFLOW__TWITCH__PREFIX", prefix)
    assert LakeConfig.resolve("lake").prefix == prefix


@pytest.mark.parametrize("prefix", NO_PREFIXES)
def test_refuses_prefixes_that_break_keys_with_the_rule(prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TwitchConfigError, match="prefix must be segments of A-Z") as caught:
        LakeConfig.resolve("lake", prefix)
    assert "\n" not in str(caught.value)
    assert not valid_in_the_form(PREFIX_PATTERN, prefix)
    monkeypatch.setenv("AIRFLOW__TWITCH__PREFIX", prefix)
    with pytest.raises(TwitchConfigError, match="prefix must be segments of A-Z"):
        LakeConfig.resolve("lake")


@pytest.mark.parametrize("none", [None, "", "None", "null", " null\n"])
def test_none_in_every_spelling_means_the_options(none: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__TWITCH__BUCKET", "from-options")
    monkeypatch.setenv("AIRFLOW__TWITCH__PREFIX", "")
    assert LakeConfig.resolve(none, none, none or None) == LakeConfig("from-options", "", "")


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


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Airflow Variables: none, until a test adds one."""
    known: dict[str, str] = {}

    class Variable:
        @staticmethod
        def get(name: str, *, default: None) -> str | None:
            return known.get(name, default)

    monkeypatch.setattr(config, "Variable", Variable)
    return known


@pytest.mark.parametrize(
    ("text", "entries"),
    [
        ("", []),
        (" , ", []),
        ("site", ["site"]),
        ("Site, GAME: 509658,game:Just Chatting,channel:Monstercat,", None),
        ('["site", "game:509658", "game:Just Chatting", "channel:monstercat"]', None),
        ('["game:Ark, the game"]', ["game:Ark, the game"]),
        ("site,site,game:Chess,GAME:chess", ["site", "game:chess"]),
        ("[]", []),
    ],
)
def test_a_watch_list_is_separated_by_commas_or_is_json(
    text: str, entries: list[str] | None, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    every = ["site", "game:509658", "game:Just Chatting", "channel:monstercat"]
    monkeypatch.setenv("AIRFLOW__TWITCH__WATCH_LIST", text)
    assert watch_list() == (every if entries is None else entries)
    monkeypatch.setenv("AIRFLOW__TWITCH__WATCH_LIST", "site, game:1")
    variables["twitch_watch_list"] = text
    assert watch_list() == (every if entries is None else entries)


@pytest.mark.usefixtures("variables")
def test_nothing_is_watched_by_default() -> None:
    assert watch_list() == []


@pytest.mark.parametrize(
    "text",
    [
        "509658",
        "game:",
        "channel:with space",
        "channel:https://www.twitch.tv/monstercat",
        "site:",
        "[" * 100_000,
        '["site", 5]',
        '["site"',
        '[["site"]]',
        "game:a\nb",
        "game:" + "x" * 141,
        ",".join(f"game:{number}" for number in range(101)),
    ],
)
def test_refuses_a_watch_list_with_one_sentence_that_says_where_it_stands(
    text: str, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__TWITCH__WATCH_LIST", text)
    with pytest.raises(
        TwitchConfigError, match=r"^\[twitch\] watch_list \(AIRFLOW__TWITCH__WATCH_LIST\) "
    ) as caught:
        watch_list()
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300
    variables["twitch_watch_list"] = text
    with pytest.raises(TwitchConfigError, match=r"^The Airflow Variable twitch_watch_list "):
        watch_list()


@pytest.mark.parametrize(("text", "expected"), [("true", True), ("False", False), (" TRUE ", True)])
def test_an_option_is_true_or_false(text: str, expected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    assert option_is_true("escape_formulas") is False
    monkeypatch.setenv("AIRFLOW__TWITCH__ESCAPE_FORMULAS", text)
    assert option_is_true("escape_formulas") is expected


def test_refuses_an_option_that_is_neither_true_nor_false(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__TWITCH__ESCAPE_FORMULAS", "yes")
    with pytest.raises(
        TwitchConfigError, match=r"^\[twitch\] escape_formulas .* must be true or false, not 'yes'"
    ):
        option_is_true("escape_formulas")
