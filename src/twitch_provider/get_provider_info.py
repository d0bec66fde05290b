# SPDX-License-Identifier: Apache-2.0
"""The provider metadata. Every Airflow process calls it, so it imports nothing but the version.

https://airflow.apache.org/docs/apache-airflow-providers/howto/create-custom-providers.html
"""

from __future__ import annotations

from typing import Any

from twitch_provider import __version__


def get_provider_info() -> dict[str, Any]:
    """Describe the provider: connection form, classes, configuration options."""
    return {
        # Must equal the distribution's name: otherwise Airflow drops all providers of a deployment.
        "package-name": "airflow-provider-twitch",
        "name": "Twitch",
        # Admin → Providers turns an address into a link, up to the next blank.
        "description": "Twitch's live streams, games and channels: `Helix API <https://dev.twitch.tv/docs/api/>`__",
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
        "sensors": [{"integration-name": "Twitch", "python-modules": ["twitch_provider.sensors.twitch"]}],
        "triggers": [{"integration-name": "Twitch", "python-modules": ["twitch_provider.triggers.twitch"]}],
        "transfers": [
            {
                "source-integration-name": "Twitch",
                "target-integration-name": "Amazon Simple Storage Service (S3)",
                "python-module": "twitch_provider.transfers.twitch_to_s3",
            }
        ],
        "extra-links": [
            "twitch_provider.links.lake.ManifestLink",
            "twitch_provider.links.lake.TableLink",
            "twitch_provider.links.lake.PageLink",
        ],
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


# The form, declared once: Airflow 3.2 and newer reads it here, older versions through hooks.form.
_UI_FIELDS = {
    "hidden-fields": ["schema"],
    "relabeling": {"login": "Client ID", "password": "Client secret", "host": "API base URL"},
    # Airflow 3.3.2's Test button refuses a saved connection without a port, so the field stays visible.
    # https://github.com/apache/airflow/pull/73298
    "placeholders": {
        "host": "https://api.twitch.tv/helix",
        "login": "From https://dev.twitch.tv/console/apps",
        "password": "From the same page (New Secret)",
        "port": "443 (needed by the Test button of Airflow 3.3.2)",
    },
}

# A field is required in the form unless its type may be null; an enum that lists null offers a choice "null".
_CONN_FIELDS = {
    "auth_cache": {
        "label": "Token cache",
        "description": (
            "How widely access tokens are shared. file (default): a private file under AIRFLOW_HOME, for all "
            "processes of a machine. variable: an Airflow Variable, for a whole deployment, for example with "
            "KubernetesExecutor. none: each process fetches its own."
        ),
        "schema": {
            "type": ["string", "null"],
            "enum": ["file", "variable", "none"],
            "values_display": {
                "file": "file (default): this machine",
                "variable": "variable: the whole deployment",
                "none": "none: each process by itself",
            },
        },
    },
    "rate_limit_reserve": {
        "label": "Rate limit reserve (points)",
        "description": (
            "Points to leave for other users of the client ID, at most a tenth of the limit. Default: 50"
        ),
        "schema": {"type": ["number", "null"], "minimum": 0, "maximum": 1_000_000},
    },
    "timeout": {
        "label": "Timeout (seconds)",
        "description": "For each request, 0.1 to 600. Default: 30",
        "schema": {"type": ["number", "null"], "minimum": 0.1, "maximum": 600},
    },
    "auth_url": {
        "label": "OAuth base URL",
        "description": "Where tokens come from, for a proxy or a test. Default: https://id.twitch.tv/oauth2",
        "schema": {"type": ["string", "null"]},
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
            "prefix": _option("The prefix of all keys in the bucket.", default="twitch", example="twitch"),
            "twitch_conn_id": _option(
                "The Twitch connection.", default="twitch_default", example="twitch_default"
            ),
            "aws_conn_id": _option(
                "The AWS connection; empty for the instance's IAM role or the usual AWS environment.",
                default="",
                example="aws_default",
            ),
            "s3_extra_args": _option(
                "Arguments of each upload to S3, such as encryption headers: a JSON object by boto3's names.",
                default="",
                example='{"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "alias/lake"}',
            ),
            "escape_formulas": _option(
                "Whether text in the CSV under latest/ that begins like a formula gets an apostrophe in "
                "front, for people who open it in a spreadsheet: true or false.",
                default="false",
                example="true",
            ),
            "s3_console_url": _option(
                "Where a link from a task shows an object, with <bucket> and <key>; empty for no link.",
                default="https://console.aws.amazon.com/s3/object/<bucket>?prefix=<key>",
                example="https://console.amazonaws.cn/s3/object/<bucket>?prefix=<key>",
            ),
            "overview_xcom": _option(
                "The id of a DAG whose task overview returns what the page in Airflow's UI shows, for an API "
                "server that cannot read S3; empty: the page reads the bucket.",
                default="",
                example="twitch_metrics",
            ),
            "watch_list": _option(
                "What twitch_metrics watches for unusual changes of viewers: site, game:ID, game:NAME and "
                "channel:LOGIN, separated by commas or as a JSON list. The Airflow Variable "
                "twitch_watch_list overrides it.",
                default="",
                example="site, game:509658, channel:monstercat",
            ),
            "notifier": _option(
                "The import path of a function without arguments that returns the notifier of all alerts, "
                "whose templates know alert; empty: sns_topic.",
                default="",
                example="my_alerts.notifier",
            ),
            "sns_topic": _option(
                "The ARN of the SNS topic that all alerts are published to, unless notifier is set.",
                default="",
                example="arn:aws:sns:us-east-1:123456789012:twitch",
            ),
        },
    }
}
