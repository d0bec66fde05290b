# SPDX-License-Identifier: Apache-2.0
"""The lake's store on S3, what AWS refuses as our errors, and where credentials come from."""

from __future__ import annotations
