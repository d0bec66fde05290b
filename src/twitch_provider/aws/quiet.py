# SPDX-License-Identifier: Apache-2.0
"""What botocore and Airflow log at DEBUG, and how the logs are kept free of it."""

from __future__ import annotations

import logging
import sys
from typing import Any

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


def keep_masks_quiet() -> None:
    """Keep what Airflow is told to mask out of the log that tells of it.

    ``airflow dags test`` runs tasks without a supervisor, and logs at DEBUG each message that would go to
    one, as its ``repr``: ``Sending request msg=MaskSecret(value=…)``. That is Airflow's own look-up of a
    connection, too.
    """
    # Where nothing has loaded it, nobody sends such messages.
    comms: Any = sys.modules.get("airflow.sdk.execution_time.comms")
    if comms is not None and hasattr(comms, "MaskSecret"):
        comms.MaskSecret.model_fields["value"].repr = False
