# SPDX-License-Identifier: Apache-2.0
"""A Helix on loopback: for our tests, for the demo, and for tests of your own DAGs.

::

    from twitch_provider.testing import Simulator

    with Simulator(seed=7) as twitch:
        twitch.fault("false_429", endpoint="streams", times=2)
        os.environ["AIRFLOW_CONN_TWITCH_DEFAULT"] = twitch.connection_json()
        ...
        assert twitch.counters.tokens_minted == 1

With pytest: ``pytest_plugins = ["twitch_provider.testing.fixtures"]``. From a shell:
``python -m twitch_provider.testing --help``. It shares no code with the hook that it judges.
"""

from __future__ import annotations

from twitch_provider.testing.moving import MovingWorld
from twitch_provider.testing.plays import FAULTS
from twitch_provider.testing.simulator import Simulator

__all__ = ["FAULTS", "MovingWorld", "Simulator"]
