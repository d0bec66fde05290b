# SPDX-License-Identifier: Apache-2.0
"""Reading the lake from outside Airflow."""

from __future__ import annotations

from collections.abc import Callable

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from demo.errors import DemoError
from demo.settings import REGION, Lake


def reader(lake: Lake) -> Callable[[str], bytes | None]:
    """Return a function that returns the bytes of a key, or None if the key does not exist.

    :raises DemoError: (by the returned function) S3 refuses or does not respond
    """
    ours = {
        "endpoint_url": lake.endpoint_url,
        "aws_access_key_id": lake.access_key,
        "aws_secret_access_key": lake.secret_key,
        "region_name": REGION,
    }
    client = boto3.client("s3", **(ours if lake.endpoint_url else {}))

    def get(key: str) -> bytes | None:
        try:
            body: bytes = client.get_object(Bucket=lake.bucket, Key=key)["Body"].read()
        except client.exceptions.NoSuchKey:
            return None
        except (ClientError, BotoCoreError) as error:
            raise DemoError(f"s3://{lake.bucket}/{key} cannot be read: {error}") from error
        return body

    return get
