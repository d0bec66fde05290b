# SPDX-License-Identifier: Apache-2.0
"""What a try that came to its end must have said: what lies there, or why nothing can."""

from __future__ import annotations

from collections.abc import Mapping

from tests.kills.checker import Facts, tick_of
from tests.kills.jobs import CERTAIN
from tests.kills.tries import Try

_BUCKET = "s3://killed-lake/"


def after_the_end(each: Try, lake: Mapping[str, Facts]) -> list[str]:
    """Say what is wrong with what a try returned or raised.

    :param each: the try; it has ended
    :param lake: that it left
    """
    job = each.job
    raw = [key for key in each.found if "/raw/" in key and tick_of(key) == f"{job.tick:%Y%m%dT%H%M%SZ}"]
    had_raw = any("/incomplete/" not in key for key in raw)
    if each.error:
        name = each.error.partition(":")[0]
        if job.late:
            meant = (
                name == "AirflowFailException" and not had_raw and (not raw or job.on_incomplete == "fail")
            )
        else:
            lost = job.mishap or each.frozen
            meant = name == "TwitchIncompleteError" and job.on_incomplete == "fail" and bool(lost)
        return [] if meant else [f"the run failed: {each.error}"]
    if each.reference is None:
        return ["the worker ended without a word"]
    complete = each.reference["complete"]
    faults = _untrue(each, lake)
    if complete and job.mishap == CERTAIN and not (had_raw or each.frozen):
        faults.append("a crawl that lost a part came out complete")
    if not (complete or job.mishap or job.late or each.frozen):
        faults.append("the run came out incomplete, and nothing was in its way")
    return faults


def _untrue(each: Try, lake: Mapping[str, Facts]) -> list[str]:
    """Compare what it reported with what lies there."""
    told = each.reference or {}
    key, manifest = (told[name].removeprefix(_BUCKET) for name in ("uri", "manifest"))
    if key not in lake or manifest not in lake:
        return [f"the operator reported {key} and {manifest}, which do not both lie there"]
    says = lake[manifest].says
    rows = {entry["key"]: entry["rows"] for entry in says["objects"]}.get(key)
    if (told["complete"], told["rows"], told["rows"]) != (says["complete"], rows, lake[key].rows):
        return [f"the operator reported {told['rows']} rows of {key}, which is not what {manifest} says"]
    return []
