# SPDX-License-Identifier: Apache-2.0
"""What a task does, written once: DAGs and operators call these functions."""

from __future__ import annotations
