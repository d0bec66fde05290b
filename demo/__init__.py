# SPDX-License-Identifier: Apache-2.0
"""What ``make demo`` and ``make airflow`` run: a lake, a Twitch and an Airflow, on one machine."""

from __future__ import annotations
