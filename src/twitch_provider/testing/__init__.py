# SPDX-License-Identifier: Apache-2.0
"""A simulated Twitch on loopback, for tests of your DAGs and of this package.

::

    from twitch_provider.testing import Simulator

    with Simulator(seed=7) as twitch:
        twitch.fault("false_429", endpoint="streams", times=2)
        os.environ["AIRFLOW_CONN_TWITCH_DEFAULT"] = twitch.connection_json()
        ...
        assert twitch.counters.tokens_minted == 1

With pytest: ``pytest_plugins = ["twitch_provider.testing.fixtures"]``. From a shell:
``python -m twitch_provider.testing --help``. It shares no code with the hook that it tests.
"""

from __future__ import annotations

from twitch_provider.testing.captured import CapturedWorld
from twitch_provider.testing.faults import FAULTS
from twitch_provider.testing.simulator import Simulator

__all__ = ["FAULTS", "CapturedWorld", "Simulator"]
