# SPDX-License-Identifier: Apache-2.0
r"""Every live stream of Twitch.

:mod:`.plan` decides what to read, :mod:`.language_walk` reads one language's list as :mod:`.light_page`\ s,
:mod:`.early_ends` judges whether lists ended early, :mod:`.reconciliation` finds what the walks missed,
:mod:`.report` says what it came to, and :mod:`.driver` runs it all on an event loop. :mod:`.checkpoints` is
optional: it reads a long list from several places at once.
"""

from __future__ import annotations
