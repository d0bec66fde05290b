# SPDX-License-Identifier: Apache-2.0
"""What it costs, as ratios: each pair is measured in one run. ``make bench`` writes ``RESULTS.md``."""

from __future__ import annotations
