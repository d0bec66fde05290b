# SPDX-License-Identifier: Apache-2.0
"""The stub is as strict as an instance with ``HttpTokens: required``."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
from botocore.session import get_session
from botocore.utils import InstanceMetadataFetcher
from tests.cloud.imds import ROLES, MetadataService

TTL = "X-aws-ec2-metadata-token-ttl-seconds"
CREDENTIALS = {
    "AccessKeyId": "ASIA0",
    "SecretAccessKey": "secret",
    "Token": "token",
    "Expiration": "2099-01-01T00:00:00Z",
}


@pytest.fixture
def service() -> Iterator[MetadataService]:
    with MetadataService("eu-central-1") as service:
        service.role = ("it", CREDENTIALS)
        yield service


def put(service: MetadataService, **headers: str) -> requests.Response:
    return requests.put(
        f"{service.url}/latest/api/token",
        headers={name.replace("_", "-"): value for name, value in headers.items()},
        timeout=10,
    )


def get(service: MetadataService, path: str, token: str | None = None) -> requests.Response:
    headers = {"X-aws-ec2-metadata-token": token} if token else {}
    return requests.get(service.url + path, headers=headers, timeout=10)


@pytest.mark.parametrize("token", [None, "made up"])
def test_version_1_is_refused(service: MetadataService, token: str | None) -> None:
    assert get(service, ROLES, token).status_code == 401
    assert get(service, f"{ROLES}it", token).status_code == 401


def test_a_session_token_opens_it(service: MetadataService) -> None:
    token = put(service, **{TTL: "60"}).text
    assert get(service, ROLES, token).text == "it"
    assert get(service, f"{ROLES}it", token).json() == {"Code": "Success", **CREDENTIALS}
    assert get(service, f"{ROLES}other", token).status_code == 404


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 400),
        ({TTL: "0"}, 400),
        ({TTL: "21601"}, 400),
        ({TTL: "60", "X-Forwarded-For": "10.0.0.1"}, 403),
    ],
)
def test_tokens_are_not_for_proxies_and_not_for_ever(
    service: MetadataService, headers: dict[str, str], status: int
) -> None:
    assert put(service, **headers).status_code == status
    assert service.tokens == set()


def fetched(service: MetadataService) -> object:
    config = {"ec2_metadata_service_endpoint": service.url}
    return InstanceMetadataFetcher(
        timeout=1, num_attempts=1, env={}, config=config, user_agent=get_session().user_agent()
    ).retrieve_iam_role_credentials()


def test_botocore_gets_the_role_from_it(service: MetadataService) -> None:
    assert fetched(service) == {
        "role_name": "it",
        "access_key": "ASIA0",
        "secret_key": "secret",
        "token": "token",
        "expiry_time": "2099-01-01T00:00:00Z",
    }


def test_botocore_gets_nothing_from_one_that_is_off_or_too_far_away(service: MetadataService) -> None:
    service.one_hop = True
    assert fetched(service) == {}
    service.one_hop, service.off = False, 403
    assert fetched(service) == {}
    service.off, service.role = None, None
    assert fetched(service) == {}
