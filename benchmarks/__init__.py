# SPDX-License-Identifier: Apache-2.0
"""Benchmarks: ratios of two figures of one run. ``make bench`` writes ``RESULTS.md``."""

from __future__ import annotations
