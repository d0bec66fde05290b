# SPDX-License-Identifier: Apache-2.0
"""What tasks have in common, be they operators, transfers, sensors or functions of a DAG."""

from __future__ import annotations
