# SPDX-License-Identifier: Apache-2.0
"""Every Airflow process imports this at start (``$AIRFLOW_HOME/config/airflow_local_settings.py``).

https://airflow.apache.org/docs/apache-airflow/stable/howto/set-config.html#configuring-local-settings
"""

from __future__ import annotations

from twitch_provider.aws.quiet import keep_boto_quiet

#: Airflow imports every name from this file: none.
__all__: list[str] = []

# At logging_level DEBUG, responses of Secrets Manager would be in the logs of every process that looks up a
# connection, such as the API server, which runs no code of ours. Airflow's namespace_levels does not affect
# botocore.
keep_boto_quiet()
