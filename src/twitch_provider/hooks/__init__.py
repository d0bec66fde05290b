# SPDX-License-Identifier: Apache-2.0
"""Connections in, Twitch's rules and a real transport behind."""

from __future__ import annotations
