# SPDX-License-Identifier: Apache-2.0
"""What faults do: each spoils one answer in a way that Twitch, or what stands before it, has been seen to.

A play takes the answer that would have been sent and returns another one, or None where there is nothing to
spoil (a page that is not the last has no end to spoil). Only answers that were spoilt count as played.
"""

from __future__ import annotations

from twitch_provider.testing.plays import bodies, errors, lists
from twitch_provider.testing.plays.stage import ELSEWHERE, FAULTS, PLAYS, Scene

__all__ = ["ELSEWHERE", "FAULTS", "PLAYS", "Scene", "bodies", "errors", "lists"]
