# SPDX-License-Identifier: Apache-2.0
"""Transfers: from Twitch to somewhere else, without XCom in between."""

from __future__ import annotations
