# SPDX-License-Identifier: Apache-2.0
"""Apache Airflow provider for Twitch. Airflow imports this at start: nothing but the version lives here."""

from __future__ import annotations

__version__ = "0.1.0"
