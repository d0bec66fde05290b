# SPDX-License-Identifier: Apache-2.0
"""Every Airflow process reads this as it begins (``$AIRFLOW_HOME/config/airflow_local_settings.py``).

https://airflow.apache.org/docs/apache-airflow/stable/howto/set-config.html#configuring-local-settings
"""

from __future__ import annotations

from twitch_provider.aws.quiet import keep_boto_quiet

#: Airflow takes over whatever this file has to give: nothing.
__all__: list[str] = []

# At logging_level DEBUG, the answers of Secrets Manager would stand in the logs of whoever asks it: the API
# server's, too, where no code of ours runs. Airflow's namespace_levels does not reach botocore.
keep_boto_quiet()
