# SPDX-License-Identifier: Apache-2.0
"""The card that Airflow reads. It runs in every process of a deployment and imports nothing but the version.

https://airflow.apache.org/docs/apache-airflow-providers/howto/create-custom-providers.html
"""

from __future__ import annotations

from typing import Any

from twitch_provider import __version__


def get_provider_info() -> dict[str, Any]:
    """Describe the provider: connection form, classes, configuration options."""
    return {
        # Has to equal the distribution's name: Airflow drops all providers of a deployment otherwise.
        "package-name": "airflow-provider-twitch",
        "name": "Twitch",
        "description": "`Twitch <https://dev.twitch.tv/docs/api/>`__: what is live, every five minutes.",
        "versions": [__version__],
        "integrations": [
            {
                "integration-name": "Twitch",
                "external-doc-url": "https://dev.twitch.tv/docs/api/",
                "tags": ["service"],
            }
        ],
        "hooks": [{"integration-name": "Twitch", "python-modules": ["twitch_provider.hooks.twitch"]}],
        "operators": [{"integration-name": "Twitch", "python-modules": ["twitch_provider.operators.twitch"]}],
        "connection-types": [
            {
                "connection-type": "twitch",
                "hook-class-name": "twitch_provider.hooks.twitch.TwitchHook",
                "hook-name": "Twitch",
                "ui-field-behaviour": _UI_FIELDS,
                "conn-fields": _CONN_FIELDS,
            }
        ],
        "config": _CONFIG,
    }


_UI_FIELDS = {
    "hidden-fields": ["schema"],
    "relabeling": {"login": "Client ID", "password": "Client secret", "host": "API base URL"},
    # Airflow 3.3.2's Test button refuses a saved connection without a port, so the field stays visible.
    # https://github.com/apache/airflow/pull/73298
    "placeholders": {"host": "https://api.twitch.tv/helix", "port": "443"},
}

# A field is required in the form unless its type may be null.
_CONN_FIELDS = {
    "auth_url": {
        "label": "OAuth base URL",
        "description": "Default: https://id.twitch.tv/oauth2",
        "schema": {"type": ["string", "null"]},
    },
    "timeout": {
        "label": "Timeout (seconds)",
        "description": "For each request. Default: 30",
        "schema": {"type": ["number", "null"], "minimum": 0.1, "maximum": 600},
    },
    "rate_limit_reserve": {
        "label": "Rate limit reserve (points)",
        "description": (
            "Points to leave to others with this client id, at most a tenth of the limit. Default: 50"
        ),
        "schema": {"type": ["number", "null"], "minimum": 0},
    },
}


def _option(description: str, *, default: str, example: str | None) -> dict[str, Any]:
    return {
        "description": description,
        "version_added": "0.1.0",
        "type": "string",
        "example": example,
        "default": default,
    }


_CONFIG = {
    "twitch": {
        "description": "Where the Twitch DAGs read and write. A DAG param that is null means these.",
        "options": {
            "bucket": _option("The S3 bucket of the lake.", default="", example="my-twitch-lake"),
            "prefix": _option("What all keys in the bucket begin with.", default="twitch", example="twitch"),
            "twitch_conn_id": _option(
                "The Twitch connection.", default="twitch_default", example="twitch_default"
            ),
            "aws_conn_id": _option(
                "The AWS connection; empty for the instance's IAM role or the usual AWS environment.",
                default="",
                example="aws_default",
            ),
        },
    }
}
