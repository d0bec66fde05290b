# SPDX-License-Identifier: Apache-2.0
"""What Airflow loads besides the provider: the page in its UI, and links from tasks."""

from __future__ import annotations
