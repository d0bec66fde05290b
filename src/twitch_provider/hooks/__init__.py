# SPDX-License-Identifier: Apache-2.0
"""The hooks: from an Airflow connection to the rules of ``helix`` on a real transport."""

from __future__ import annotations
