# SPDX-License-Identifier: Apache-2.0
"""Airflow's conventional package of links from a task to what it made."""

from __future__ import annotations
