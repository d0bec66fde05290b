# SPDX-License-Identifier: Apache-2.0
"""moto's server with policies enforced, and what S3 and IAM do beyond it.

moto 5.2.5 ignores conditions, checks Secrets Manager against ``*`` only, and ignores clocks and permissions
on missing keys. What is added here stands beside the page of AWS that says so; the rest is moto's.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from io import BytesIO
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote

from moto.moto_server import werkzeug_app
from tests.cloud.template import Document
from werkzeug.serving import BaseWSGIServer, make_server

ERROR = "<?xml version='1.0' encoding='UTF-8'?>\n<Error><Code>{code}</Code><Message>{said}</Message></Error>"

#: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
SKEWED = ERROR.format(
    code="RequestTimeTooSkewed",
    said="The difference between the request time and the server's time is too large.",
)
DENIED = ERROR.format(code="AccessDenied", said="Access Denied")


class Request(NamedTuple):
    """A request."""

    key_id: str
    method: str
    path: str
    query: Mapping[str, list[str]]
    target: str


class Amazon:
    """A WSGI application."""

    def __init__(self) -> None:
        self._moto = werkzeug_app.DomainDispatcherApplication(werkzeug_app.create_backend_app)
        #: Access key of the role's session: only its requests are checked here.
        self.role_key = ""
        self.policies: list[Document] = []
        #: ARNs of secrets by name.
        self.secrets: dict[str, str] = {}
        self.clock_ahead = timedelta()
        self.requests: list[Request] = []

    def serve(self) -> BaseWSGIServer:
        """Start to answer on loopback, in a thread."""
        # The handler of moto's own server, in versions that have one.
        handler = getattr(werkzeug_app, "MotoRequestHandler", None)
        server = make_server("127.0.0.1", 0, self, threaded=True, request_handler=handler)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return server

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        request = _request(environ)
        if request.path.startswith("/moto-api/"):
            return self._moto(environ, start_response)  # type: ignore[no-any-return]
        self.requests.append(request)
        if request.key_id != self.role_key:
            return self._moto(environ, start_response)  # type: ignore[no-any-return]
        if answer := self._refusal(request, environ):
            return _send(start_response, *answer)
        return self._as_s3_answers(request, environ, start_response)

    def _is_skewed(self, environ: dict[str, Any]) -> bool:
        sent_at = datetime.strptime(environ["HTTP_X_AMZ_DATE"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        return abs(datetime.now(UTC) + self.clock_ahead - sent_at) > timedelta(minutes=15)

    def _refusal(self, request: Request, environ: dict[str, Any]) -> tuple[str, str, list[Any]] | None:
        if request.target.startswith("secretsmanager."):
            return self._secret_refusal(request, environ)
        if self._is_skewed(environ):
            return "403 Forbidden", SKEWED, []
        if request.method == "GET" and "list-type" in request.query:
            prefix = request.query.get("prefix", [""])[0]
            if not self._may(
                "s3:ListBucket", f"arn:aws:s3:::{request.path.strip('/')}", {"s3:prefix": prefix}
            ):
                return "403 Forbidden", DENIED, []
        return None

    def _secret_refusal(self, request: Request, environ: dict[str, Any]) -> tuple[str, str, list[Any]] | None:
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        environ["wsgi.input"] = BytesIO(body)
        action = request.target.replace(".", ":", 1)
        arn = self.secrets.get(json.loads(body)["SecretId"], "arn:aws:secretsmanager:::none")
        if self._is_skewed(environ):
            # https://docs.aws.amazon.com/IAM/latest/UserGuide/signature-v4-troubleshooting.html
            code, said = (
                "InvalidSignatureException",
                "Signature expired: 20261123T163500Z is now earlier than",
            )
        elif not self._may(action, arn, {}):
            code = "AccessDeniedException"
            said = (
                f"User: arn:aws:sts::123456789012:assumed-role/it/i-0 is not authorized to perform: {action}"
            )
        else:
            return None
        refused = json.dumps({"__type": code, "Message": said})
        return "400 Bad Request", refused, [("Content-Type", "application/x-amz-json-1.1")]

    def _as_s3_answers(
        self, request: Request, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Answer 403 for a missing key to a role that may not list the whole bucket.

        "If you don't have the s3:ListBucket permission, Amazon S3 returns an HTTP status code 403":
        https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html; so does HeadObject, without a
        body. A request for an object has no ``s3:prefix``, so a grant that is conditioned on it does not
        count.
        """
        told: list[Any] = []
        body = b"".join(self._moto(environ, lambda *given: told.extend(given)))
        status, headers = told[:2]
        _, bucket, key = f"{request.path}/".split("/", 2)
        looked_up = request.method == "HEAD" and bool(key.strip("/"))
        if (
            status.startswith("404")
            and (looked_up or b"<Code>NoSuchKey</Code>" in body)
            and not self._may("s3:ListBucket", f"arn:aws:s3:::{bucket}", {})
        ):
            return _send(start_response, "403 Forbidden", "" if looked_up else DENIED, [])
        start_response(status, headers)
        return [body]

    def _may(self, action: str, resource: str, context: Mapping[str, str]) -> bool:
        """Whether a policy allows it; the role's have no Deny.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
        """
        for statement in (each for policy in self.policies for each in policy["Statement"]):
            assert statement["Effect"] == "Allow"
            conditions = statement.get("Condition", {})
            assert conditions.keys() <= {"StringLike", "StringEquals"}
            if (
                any(fnmatchcase(action, each) for each in listed(statement["Action"]))
                and any(fnmatchcase(resource, each) for each in listed(statement["Resource"]))
                and all(
                    name in context and any(fnmatchcase(context[name], each) for each in listed(patterns))
                    for pairs in conditions.values()
                    for name, patterns in pairs.items()
                )
            ):
                return True
        return False


def listed(value: str | list[str]) -> list[str]:
    """Return one or many values as a list."""
    return [value] if isinstance(value, str) else value


def _request(environ: dict[str, Any]) -> Request:
    signed = re.search(r"Credential=([^/,]+)/", environ.get("HTTP_AUTHORIZATION", ""))
    return Request(
        key_id=signed[1] if signed else "",
        method=environ["REQUEST_METHOD"],
        path=unquote(environ.get("PATH_INFO", "")),
        query=parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True),
        target=environ.get("HTTP_X_AMZ_TARGET", ""),
    )


def _send(
    start_response: Callable[..., Any], status: str, body: str, headers: Iterable[tuple[str, str]]
) -> Iterator[bytes]:
    start_response(status, [*headers] or [("Content-Type", "application/xml")])
    return iter([body.encode()])
