# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twitch_provider.aws.masking import LONGEST, masked

KMS_KEY = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
OURS = "lake/raw/a_20261123T163500Z.csv"

# https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html and what S3 and STS answer.
HARMLESS = [
    "Access Denied",
    "The region 'us-east-1' is wrong; expecting 'eu-west-1'",
    "Signature expired: 20261123T163500Z is now earlier than 20261123T165000Z (20261123T170500Z - 15 min.)",
    "A header you provided implies functionality that is not implemented (x-amz-checksum-crc32)",
    (
        "User: arn:aws:sts::123456789012:assumed-role/my-stack-JobRole-aBcDeFgHiJkL/*** is not authorized to "
        f'perform: s3:PutObject on resource: "arn:aws:s3:::{OURS}" because no identity-based policy allows '
        "the s3:PutObject action"
    ),
    (
        "User: arn:aws-cn:iam::123456789012:user/it is not authorized to perform: kms:GenerateDataKey on "
        f"resource: {KMS_KEY} with an explicit deny in a resource-based policy"
    ),
]


@pytest.mark.parametrize("message", HARMLESS)
def test_what_helps_passes(message: str) -> None:
    assert masked(message, OURS) == message


ALPHANUMERIC = string.ascii_letters + string.digits
BASE64 = f"{ALPHANUMERIC}+/"
SECRETS = st.one_of(
    st.from_regex(r"A[KS]IA[A-Z2-7]{16}", fullmatch=True),  # access key ids
    st.text(BASE64, min_size=40, max_size=40),  # secret access keys
    st.text(BASE64, min_size=100, max_size=400).map(
        lambda text: f"IQoJb3JpZ2luX2Vj{text}=="
    ),  # session tokens
    st.text("0123456789abcdef", min_size=64, max_size=64),  # signatures
)
#: What stands before and after a secret, with no blank between.
ODD_PLACES = [
    ("", ""),
    ('"', '",'),
    ("key=", ""),
    ("s3:", ""),
    ("arn:aws:iam::123456789012:user/", ""),
    ("arn:aws:sts::123456789012:assumed-role/it/", ":"),
    ("arn:aws:kms:eu-central-1:123456789012:key/", ""),
    (f"{KMS_KEY}?", ""),
    (f"arn:aws:s3:::{OURS}", ""),
    ("https://sts.amazonaws.com/?X-Amz-Security-Token=", "&Action=AssumeRole"),
    ("AWS4-HMAC-SHA256 Credential=", "/20261123/eu-central-1/s3/aws4_request, SignedHeaders=host"),
    ('{"AccessKeyId":"', '","Type":"AWS-HMAC"}'),
    ("<AWSAccessKeyId>", "</AWSAccessKeyId>"),
    ("The Canonical String should have been:\nx-amz-security-token:", "\nhost;x-amz-date"),
    ("it's-", "-it"),
]


@given(secret=SECRETS, message=st.sampled_from(HARMLESS), at=st.integers(0, 99))
def test_no_secret_passes(secret: str, message: str, at: int) -> None:
    for place in ODD_PLACES:
        words = message.split()
        words.insert(at % (len(words) + 1), secret.join(place))
        shown = masked(" ".join(words), OURS)
        assert not any(secret[start : start + 12] in shown for start in range(len(secret) - 11)), place


def test_a_long_message_is_cut_at_a_word_and_to_one_line() -> None:
    shown = masked("denied " * 200 + "\nand more")
    assert len(shown) <= LONGEST + 2
    assert shown.endswith("denied …")
    assert masked("\n first \n second") == "first"
    assert masked("") == ""
