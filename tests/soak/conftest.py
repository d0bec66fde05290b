# SPDX-License-Identifier: Apache-2.0
"""The soak is of the package and not of Airflow: it runs on the Airflow that the DAGs are written for."""

from __future__ import annotations

from importlib.metadata import version

from packaging.version import Version

collect_ignore = ["test_soak.py"] if Version(version("apache-airflow")) < Version("3.3.1") else []
