# SPDX-License-Identifier: Apache-2.0
"""The source, the lake, and the environment that configures an Airflow for both."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from demo.errors import DemoError

DAG_ID = "twitch_top_games"
INTERVAL = timedelta(minutes=5)
REGION = "us-east-1"
#: The prefix of the hour that the demo plays: whatever the two runs read, it is made up.
PLAYED = "played-hour"


@dataclass(frozen=True)
class Simulated:
    """A simulated Twitch.

    :param url: of the server; the API, the token endpoint and the simulator's controls are below it
    :param world: its description of its world
    :param moves: whether its time moves on; a capture stays at its date
    """

    url: str
    world: str
    moves: bool = True

    def control(self, name: str) -> str:
        """Return the address of one of its controls."""
        return f"{self.url}/_simulator/{name}"


@dataclass(frozen=True)
class Twitch:
    """The Twitch that is read.

    :param simulated: None for the real Twitch
    """

    client_id: str
    client_secret: str = field(repr=False)
    simulated: Simulated | None = None

    @property
    def connection(self) -> dict[str, Any]:
        """The Airflow connection."""
        fields = {"conn_type": "twitch", "login": self.client_id, "password": self.client_secret}
        if self.simulated is None:
            return fields
        url = self.simulated.url
        return {**fields, "host": f"{url}/helix", "extra": {"auth_url": f"{url}/oauth2"}}


@dataclass(frozen=True)
class Lake:
    """The bucket that is written.

    :param endpoint_url: of the local S3 server; None for the real S3 with the usual AWS environment
    :param folder: where that server keeps its buckets as plain files
    """

    bucket: str
    prefix: str = "twitch"
    endpoint_url: str | None = None
    access_key: str = ""
    secret_key: str = field(default="", repr=False)
    folder: Path | None = None

    @property
    def connection(self) -> dict[str, Any] | None:
        """The Airflow connection; None if boto3 finds the credentials itself."""
        if self.endpoint_url is None:
            return None
        extra = {"endpoint_url": self.endpoint_url, "region_name": REGION}
        return {"conn_type": "aws", "login": self.access_key, "password": self.secret_key, "extra": extra}

    def where(self, key: str) -> str | Path:
        """Return the file of a key, or its address if the bucket is not local."""
        return self.folder / self.bucket / key if self.folder else f"s3://{self.bucket}/{key}"


def connections(twitch: Twitch, lake: Lake) -> dict[str, dict[str, Any]]:
    """Return the connections that the DAG uses, by id."""
    found = {"twitch_default": twitch.connection}
    if lake.connection:
        found["aws_default"] = lake.connection
    return found


def airflow_environment(home: Path, dags: Path, lake: Lake, *, caller: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a local Airflow.

    The caller's settings of another Airflow are left out, and AWS settings if the bucket is local.

    :param home: its ``AIRFLOW_HOME``
    :param dags: the folder of the DAGs
    :param caller: the environment of the caller
    """
    foreign = ("AIRFLOW", "_AIRFLOW", "TWITCH_") + (("AWS_",) if lake.endpoint_url else ())
    inherited = {name: value for name, value in caller.items() if not name.startswith(foreign)}
    settings = {
        "AIRFLOW_HOME": home,
        "AIRFLOW__CORE__DAGS_FOLDER": dags,
        "AIRFLOW__CORE__LOAD_EXAMPLES": False,
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": home / "logs",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": False,
        "AIRFLOW__TWITCH__BUCKET": lake.bucket,
        "AIRFLOW__TWITCH__PREFIX": lake.prefix,
        "AIRFLOW__TWITCH__TWITCH_CONN_ID": "twitch_default",
        "AIRFLOW__TWITCH__AWS_CONN_ID": "aws_default" if lake.connection else "",
    }
    return {
        **inherited,
        **past_proxies(caller),
        **{name: str(value) for name, value in settings.items()},
    }


def connection_variables(twitch: Twitch, lake: Lake) -> dict[str, str]:
    """Return the connections as Airflow reads them from the environment."""
    return {
        f"AIRFLOW_CONN_{name.upper()}": json.dumps(connection)
        for name, connection in connections(twitch, lake).items()
    }


def past_proxies(caller: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that exclude this machine from a proxy."""
    known = caller.get("no_proxy") or caller.get("NO_PROXY")
    hosts = ",".join(filter(None, (known, "127.0.0.1,localhost")))
    return {"no_proxy": hosts, "NO_PROXY": hosts}


def credentials(caller: Mapping[str, str]) -> Twitch | None:
    """Return the real Twitch if the environment has its credentials, None if it has neither of the two.

    :raises DemoError: it has one of the two
    """
    names = ("TWITCH_CLIENT_ID", "TWITCH_CLIENT_SECRET")
    missing = [name for name in names if not caller.get(name)]
    if len(missing) == 1:
        raise DemoError(
            f"{missing[0]} is not set: set both {' and '.join(names)}, or neither for simulated data."
        )
    return None if missing else Twitch(caller[names[0]], caller[names[1]])


def last_ticks(now: datetime, count: int) -> list[datetime]:
    """Return the last ``count`` boundaries of five minutes that are not after ``now``, oldest first."""
    latest = now.astimezone(UTC).replace(second=0, microsecond=0)
    latest -= timedelta(minutes=latest.minute % 5)
    return [latest - INTERVAL * back for back in reversed(range(count))]


def hour_to_play(tick: datetime) -> datetime:
    """Return the beginning of an hour of yesterday: a day that is over can be closed.

    :param tick: the present one (aware)
    """
    return tick.astimezone(UTC).replace(hour=20, minute=0) - timedelta(days=1)
