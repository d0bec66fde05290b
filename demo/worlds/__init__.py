# SPDX-License-Identifier: Apache-2.0
"""Worlds that the demo, the benchmarks and our own tests serve: captures from disk, and one that moves.

``python -m demo.worlds`` is ``python -m twitch_provider.testing`` with these two worlds beside the generated
one.
"""

from __future__ import annotations
