# SPDX-License-Identifier: Apache-2.0
"""AWS's own words, fit for a log: what is not plainly a word, a number, an action or a resource is masked.

Messages may repeat what was sent: access key ids, signatures, session tokens, whole headers. Their shapes
differ from service to service, so this lists what may pass, not what may not.
"""

from __future__ import annotations

import re
from typing import Any

from twitch_provider.exceptions import plain

#: Enough for a denial with two long resources; the reason stands at its end.
LONGEST = 600

_PART = r"(?:[A-Za-z]{1,15}|[A-Za-z]{0,3}\d{1,4})"
_NAME = r"(?:[A-Za-z0-9]{1,30}[-_.@]){0,9}[A-Za-z0-9]{1,30}"
_PLAIN = re.compile(
    "|".join(
        (
            rf"{_PART}(?:['._-]{_PART}){{0,6}}",  # identity-based, us-west-2, S3's
            r"\d{1,12}|\d{8}T\d{6}Z",  # an account, an instant
            r"(?:s3|kms|sts|iam|secretsmanager):(?:[A-Z]{1,5}[a-z]{1,14}){1,6}",
            r"arn:aws[a-z-]{0,10}:kms:[a-z0-9-]{1,20}:\d{12}:key/[0-9a-f]{8}(?:-[0-9a-f]{4,12}){4}",
            rf"arn:aws[a-z-]{{0,10}}:(?:iam|sts)::\d{{12}}:(?:assumed-role|role|user)/{_NAME}(?:/\*\*\*)?",
        )
    )
)
_BUCKET = re.compile(r"arn:aws[a-z-]{0,10}:s3:::")
_KEY_ID = re.compile(r"A[KS]IA")
_SESSION = re.compile(r"(:assumed-role/[^/\s]*/)\S+")


def masked(text: str, *known: str) -> str:
    """Return the first line of a text with ``***`` for every word that may be a secret.

    :param text: of AWS
    :param known: what may pass as it is, such as the bucket and the key that we asked for
    """
    line = (text.strip().splitlines() or [""])[0]
    words = []
    for word in _SESSION.sub(r"\1***", line).split():
        core = word.strip("\"'()[]{},.;:!?-")
        passes = _BUCKET.sub("", core) in known or (_PLAIN.fullmatch(core) and not _KEY_ID.search(core))
        words.append(word if passes or not core else word.replace(core, "***"))
    line = " ".join(words)
    return line if len(line) <= LONGEST else f"{line[:LONGEST].rpartition(' ')[0]} …"


def code_of(error: Exception) -> str:
    """Return the code of one of botocore's errors; empty if it has none."""
    return plain(str(_details(error).get("Code") or "")[:60])


def said(error: Exception, *known: str) -> str:
    """Return what AWS said, as the end of a message; empty where it said nothing."""
    words = masked(str(_details(error).get("Message") or ""), *known)
    return f" AWS said: {words}" if words else ""


def _details(error: Exception) -> dict[str, Any]:
    answer = getattr(error, "response", None)
    details = answer.get("Error") if isinstance(answer, dict) else None
    return details if isinstance(details, dict) else {}
