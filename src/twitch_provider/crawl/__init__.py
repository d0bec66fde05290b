# SPDX-License-Identifier: Apache-2.0
"""Every live stream: the plan, one walk per language, its light page, the report, the driver."""

from __future__ import annotations
