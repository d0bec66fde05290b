# SPDX-License-Identifier: Apache-2.0
"""The two servers beside a local Airflow: an S3 that keeps plain files, and a simulated Twitch."""

from __future__ import annotations

import json
import os
import secrets
import string
import sys
import urllib.request
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

from demo.children import Child
from demo.errors import DemoError
from demo.settings import Lake, Simulated, Twitch, credentials

BUCKET = "twitch-lake"
READY = 30.0

_CAPITALS = string.ascii_uppercase + string.digits


def random_key(length: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    """Return a fresh random key."""
    return "".join(secrets.choice(alphabet) for _ in range(length))


def new_keys() -> dict[str, str]:
    """Return fresh keys for both servers, as long as those of AWS and Twitch: short ones are refused."""
    return {
        "s3_access_key": random_key(20, _CAPITALS),
        "s3_secret_key": random_key(40),
        "twitch_client_id": random_key(30, string.ascii_lowercase + string.digits),
        "twitch_client_secret": random_key(30, string.ascii_lowercase + string.digits),
    }


def start_lake(
    stack: ExitStack, folder: Path, logs: Path, keys: Mapping[str, str], caller: Mapping[str, str]
) -> Lake:
    """Return the real bucket that ``S3_BUCKET`` names, or start an S3 server for one.

    :param folder: becomes the parent of the local bucket, which is a folder of plain files
    """
    if bucket := caller.get("S3_BUCKET"):
        return Lake(bucket.removeprefix("s3://").strip("/"))
    (folder / BUCKET).mkdir(parents=True, exist_ok=True)
    access_key, secret_key = keys["s3_access_key"], keys["s3_secret_key"]
    env = {
        **caller,
        # A list in CSV: the quotes make the pair one item.
        "RCLONE_AUTH_KEY": f'"{access_key},{secret_key}"',
        "RCLONE_CONFIG": os.devnull,
    }
    rclone = Path(sys.executable).parent / "rclone"
    command = [str(rclone), "serve", "s3", "--addr", "127.0.0.1:0", str(folder)]
    server = stack.enter_context(Child("The S3 server", command, env=env, log=logs / "s3.log"))
    endpoint = server.wait_for(r"\[(http://127\.0\.0\.1:\d+)/\]", timeout=READY)[1]
    return Lake(BUCKET, endpoint_url=endpoint, access_key=access_key, secret_key=secret_key, folder=folder)


def show_lake(stack: ExitStack, lake: Lake, logs: Path, caller: Mapping[str, str]) -> dict[str, str]:
    """Start a server that shows the objects of a local lake, and return the setting that leads links there.

    :param lake: without a folder it is real, and Amazon's console shows it
    """
    if lake.folder is None:
        return {}
    env = {**caller, "RCLONE_CONFIG": os.devnull}
    rclone = Path(sys.executable).parent / "rclone"
    command = [str(rclone), "serve", "http", "--read-only", "--addr", "127.0.0.1:0", str(lake.folder)]
    server = stack.enter_context(Child("The view of the lake", command, env=env, log=logs / "view.log"))
    address = server.wait_for(r"\[(http://127\.0\.0\.1:\d+)/\]", timeout=READY)[1]
    return {"AIRFLOW__TWITCH__S3_CONSOLE_URL": f"{address}/<bucket>/<key>"}


def start_twitch(
    stack: ExitStack,
    logs: Path,
    keys: Mapping[str, str],
    caller: Mapping[str, str],
    *,
    dataset: Path | None = None,
    begin: datetime | None = None,
) -> Twitch:
    """Return the real Twitch if the caller has its credentials, else start a simulated one.

    :param dataset: a capture to serve instead of a generated world; takes precedence over credentials
    :param begin: the generated world's time at the start; None is now
    :raises DemoError: the capture does not exist or cannot be read, or one of the credentials is missing
    """
    if dataset is None and (real := credentials(caller)):
        return real
    command = [sys.executable, "-m", "demo.worlds", "--client-id", keys["twitch_client_id"]]
    if dataset:
        if not dataset.exists():
            raise DemoError(f"{dataset} does not exist: DATASET must be the path of a capture.")
        command += ["--dataset", str(dataset)]
    elif begin:
        command += ["--at", begin.isoformat()]
    env = {**caller, "TWITCH_SIMULATOR_CLIENT_SECRET": keys["twitch_client_secret"]}
    server = stack.enter_context(Child("The simulated Twitch", command, env=env, log=logs / "twitch.log"))
    address = json.loads(server.wait_for(r"^\{.*\}$", timeout=READY)[0])
    simulated = Simulated(address["url"], address["world"], moves=dataset is None)
    return Twitch(address["client_id"], keys["twitch_client_secret"], simulated)


def tokens_minted(twitch: Twitch) -> int | None:
    """Return how many tokens the simulator has issued; None for the real Twitch."""
    if twitch.simulated is None:
        return None
    with urllib.request.urlopen(twitch.simulated.control("counters"), timeout=READY) as answer:  # noqa: S310 - our own server
        return int(json.load(answer)["tokens_minted"])
