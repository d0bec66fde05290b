# SPDX-License-Identifier: Apache-2.0
"""What the provider's oldest Airflow spells in another way, and common-compat does not bridge there yet."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

# Where Airflow has had it: 3.1 and newer, 3.0, 2.x. common-compat bridges it, but not yet in the versions
# that a stock Airflow 2.11 or 3.1 comes with.
_MASKERS = (
    "airflow.sdk.log",
    "airflow.sdk.execution_time.secrets_masker",
    "airflow.utils.log.secrets_masker",
)


def _find_mask_secret() -> Callable[[Any], None]:
    for name in _MASKERS:
        try:
            found: Callable[[Any], None] = import_module(name).mask_secret
        except (ImportError, AttributeError):
            continue
        return found
    raise ImportError(
        "this Airflow has no mask_secret: airflow-provider-twitch supports Airflow 2.11 and newer"
    )


#: Masks a value in the logs of this process (and of its supervisor). It may block: not for an event loop.
mask_secret = _find_mask_secret()
