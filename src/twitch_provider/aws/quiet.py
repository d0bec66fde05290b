# SPDX-License-Identifier: Apache-2.0
"""What botocore logs at DEBUG, and how the logs are kept free of it."""

from __future__ import annotations

import logging

#: At DEBUG it logs what Secrets Manager and STS answer, which is credentials in clear, and signed requests
#: with their session token. Airflow masks what it knows, and these it knows too late.
LOGGER = "botocore"


def keep_boto_quiet() -> None:
    """Keep botocore above DEBUG, unless somebody set a level for it.

    Airflow's ``[logging] logging_level = DEBUG`` is for all loggers; its ``namespace_levels`` (3.2 to 3.3)
    does not reach those of the standard library.
    """
    logger = logging.getLogger(LOGGER)
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.INFO)
