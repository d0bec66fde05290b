# SPDX-License-Identifier: Apache-2.0
"""Reports to Airflow's hook lineage what was read."""

from __future__ import annotations

from typing import Any

from twitch_provider.compat import get_hook_lineage_collector


def report_reading(hook: Any, endpoint: str) -> None:
    """Report ``twitch://helix/{endpoint}`` as read.

    :param hook: that read it
    :param endpoint: for example ``streams``
    """
    collector: Any = get_hook_lineage_collector()
    # Airflow 2 calls an asset a dataset.
    report = getattr(collector, "add_input_asset", None) or collector.add_input_dataset
    report(hook, uri=f"twitch://helix/{endpoint}")
