# SPDX-License-Identifier: Apache-2.0
"""The demo's own error."""

from __future__ import annotations


class DemoError(Exception):
    """One sentence for the person who typed the command: what went wrong and what to do."""
