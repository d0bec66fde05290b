# SPDX-License-Identifier: Apache-2.0
"""Triggers: what waits on the triggerer's event loop."""

from __future__ import annotations
