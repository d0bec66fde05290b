# SPDX-License-Identifier: Apache-2.0
"""Every parser of the package that reads what somebody else wrote, or what may be damaged."""

from __future__ import annotations

from tests.fuzz import answers, asked, kept, stored
from tests.fuzz.target import Target

TARGETS: dict[str, Target] = {
    each.name: each for each in (*answers.TARGETS, *asked.TARGETS, *kept.TARGETS, *stored.TARGETS)
}
