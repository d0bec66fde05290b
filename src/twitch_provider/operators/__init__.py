# SPDX-License-Identifier: Apache-2.0
"""Operators: sentences made of hooks and the lake."""

from __future__ import annotations
