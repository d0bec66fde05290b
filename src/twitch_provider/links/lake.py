# SPDX-License-Identifier: Apache-2.0
"""Links from a task in Airflow's UI to what it published: manifest, table, and the page.

They are made of what the task returned, by the worker as the task ends (Airflow 3) or by the web server
(Airflow 2). A task that returned rows, failed, or pushes no XCom has no links.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from twitch_provider.compat import AirflowPlugin, BaseOperatorLink, XCom, conf
from twitch_provider.config import option

if TYPE_CHECKING:
    from airflow.sdk.types import TaskInstanceKey

    from twitch_provider.compat import BaseOperator


class ManifestLink(BaseOperatorLink):
    """The manifest of the run, in the console of S3."""

    name = "Manifest in S3"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Return the address of the manifest in the console; empty if the task published none.

        :param operator: of the task
        :param ti_key: of the task's run
        """
        found = _returned(operator, ti_key)
        if isinstance(found, str):
            # Tasks of the reference DAGs return an address.
            return in_console(found) if "/manifests/" in found else ""
        return in_console(found.get("manifest"))


class TableLink(BaseOperatorLink):
    """What the task wrote, in the console of S3."""

    name = "Table in S3"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Return the address of the table in the console; empty if the task wrote none.

        :param operator: of the task
        :param ti_key: of the task's run
        """
        found = _returned(operator, ti_key)
        return "" if isinstance(found, str) else in_console(found.get("uri"))


class PageLink(BaseOperatorLink):
    """The page that shows the metrics."""

    name = "Twitch page"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Return the address of the page in Airflow's UI; empty where Airflow has no pages of plugins.

        :param operator: of the task
        :param ti_key: of the task's run
        """
        if not hasattr(AirflowPlugin, "external_views"):
            return ""
        return f"{str(conf.get('api', 'base_url', fallback='')).rstrip('/')}/plugin/twitch"


#: Of operators that publish to the lake.
LINKS = (ManifestLink(), TableLink(), PageLink())

#: Of tasks of the reference DAGs, whose manifests say where the tables lie. They are set on the operator of
#: each ``@task``: a plugin could only give them to every ``@task`` of the deployment, which would all get the
#: heading *Extra Links* with nothing below it. A mapped ``@task`` cannot have any.
TASK_LINKS = (ManifestLink(), PageLink())


def in_console(address: Any) -> str:
    """Return where the console of S3 shows an object; empty without an object or a console.

    :param address: ``s3://bucket/key``
    """
    found = re.fullmatch(r"s3://([^/]+)/(.+)", address) if isinstance(address, str) else None
    if not found:
        return ""
    bucket, key = map(quote, found.groups())
    return option("s3_console_url").strip().replace("<bucket>", bucket).replace("<key>", key)


def _returned(operator: BaseOperator, ti_key: TaskInstanceKey) -> dict[str, Any] | str:
    """Return what the task returned, if that says where something lies."""
    if getattr(operator, "output_to", "s3") == "xcom":
        return {}  # rows, perhaps many: not read again for nothing
    found = XCom.get_value(ti_key=ti_key, key="return_value")
    return found if isinstance(found, (dict, str)) else {}
