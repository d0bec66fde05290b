# SPDX-License-Identifier: Apache-2.0
"""``S3Hook`` with upload arguments for each call, and a role's credentials masked in the logs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.providers.common.compat.lineage.hook import get_hook_lineage_collector
from botocore.config import Config

from twitch_provider.aws.identity import holder
from twitch_provider.aws.quiet import keep_boto_quiet, keep_masks_quiet
from twitch_provider.compat import AirflowNotFoundException, mask_secret
from twitch_provider.exceptions import TwitchConfigError


class LakeHook(S3Hook):
    """The hook of a store.

    :param aws_conn_id: Airflow's connection to AWS; None: boto3's credential chain
    :param limits: of the client, by the names of botocore's ``Config``; they replace the connection's own
    """

    def __init__(self, aws_conn_id: str | None, limits: Mapping[str, Any] | None = None) -> None:
        super().__init__(aws_conn_id=aws_conn_id)
        self._limits = dict(limits or {})
        #: Of the next upload.
        self.arguments: Mapping[str, Any] = {}
        #: Of ARNs, as the client's region has it, once there is a client.
        self.partition = "aws"
        self._credentials: Any = None
        self._hidden: Any = None

    @classmethod
    def connected(cls, aws_conn_id: str | None, limits: Mapping[str, Any] | None = None) -> LakeHook:
        """Return the hook of a connection that exists.

        :param aws_conn_id: Airflow's connection to AWS; None: boto3's credential chain
        :param limits: of the client
        :raises TwitchConfigError: the connection does not exist
        """
        keep_boto_quiet()
        keep_masks_quiet()
        if aws_conn_id:
            # S3Hook would only log a warning and use whatever credentials the worker has.
            try:
                S3Hook.get_connection(aws_conn_id)
            except AirflowNotFoundException:
                raise TwitchConfigError(
                    f"Connection {aws_conn_id!r} does not exist: create it, "
                    f"or leave aws_conn_id empty to use {holder()}."
                ) from None
        return cls(aws_conn_id, limits)

    @property
    def config(self) -> Config:
        """The configuration of the client: the connection's, within the limits."""
        # S3Hook's own argument would replace all of the connection's.
        return super().config.merge(Config(**self._limits))

    @property
    def extra_args(self) -> dict[str, Any]:
        """The arguments of the next upload."""
        # S3Hook's own are those of its constructor, and a hook has one client.
        return dict(self.arguments)

    def get_session(self, *args: Any, **kwargs: Any) -> Any:
        """Return boto3's session, as ``AwsBaseHook`` does.

        :param args: of ``AwsBaseHook``
        :param kwargs: of ``AwsBaseHook``
        """
        session = super().get_session(*args, **kwargs)
        self._credentials = session.get_credentials()
        return session

    @property
    def method(self) -> str:
        """By which method botocore found the credentials; empty before there is a client."""
        return str(getattr(self._credentials, "method", None) or "")

    def hide_credentials(self) -> None:
        """Mask them in the logs: at DEBUG, botocore writes the session token of every request.

        Called before every request, as a role's credentials are renewed while it runs.
        """
        self.partition = str(self.get_conn().meta.partition)
        frozen = self._credentials.get_frozen_credentials() if self._credentials else None
        if frozen is not None and frozen != self._hidden:
            for secret in filter(None, (frozen.secret_key, frozen.token)):
                mask_secret(secret)
            self._hidden = frozen

    def report_writing(self, bucket: str, key: str) -> None:
        """Report an object as written to Airflow's hook lineage, as ``S3Hook.load_*`` do.

        :param bucket: its name
        :param key: of the object
        """
        collector: Any = get_hook_lineage_collector()  # type: ignore[no-untyped-call]
        collector.add_output_asset(context=self, scheme="s3", asset_kwargs={"bucket": bucket, "key": key})
