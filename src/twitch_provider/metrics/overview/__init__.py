# SPDX-License-Identifier: Apache-2.0
"""``latest/overview.json``: what the page, the report and alerts show, in one object of at most 300 KB.

It is made of published hours and days, and of the manifests of snapshots; it says nothing that they do not.
"""

from __future__ import annotations
