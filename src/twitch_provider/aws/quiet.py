# SPDX-License-Identifier: Apache-2.0
"""What AWS's library writes to a log at DEBUG, and how it is kept from it."""

from __future__ import annotations

import logging

#: At DEBUG it writes the bodies of Secrets Manager's and STS's answers, which are credentials in clear, and
#: signed requests with their session token. Airflow masks what it knows, and these it sees too late.
LOGGER = "botocore"


def keep_boto_quiet() -> None:
    """Keep botocore above DEBUG where nobody gave it a level of its own.

    Airflow's ``[logging] logging_level = DEBUG`` is for all loggers; its ``namespace_levels`` (3.2 to 3.3)
    does not reach those of the standard library. A level that somebody did set for ``botocore`` stays.
    """
    logger = logging.getLogger(LOGGER)
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.INFO)
