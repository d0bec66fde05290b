# SPDX-License-Identifier: Apache-2.0
"""What a run must have left that came to its end: what it would have without the kills before."""

from __future__ import annotations

from collections.abc import Mapping

from tests.kills.checker import Facts, tables, tick_of
from tests.kills.jobs import Job, Outcome

#: What a run that is too late may end with: it has no raw pages, or they lack a part.
TOO_LATE = ("AirflowSkipException", "AirflowFailException")


def after_the_end(
    job: Job, outcome: Outcome, before: Mapping[str, Facts], lake: Mapping[str, Facts]
) -> list[str]:
    """Say what is wrong with the run after a worker that nobody killed.

    :param job: what it did
    :param outcome: how it ended
    :param before: the lake before
    :param lake: and after
    """
    tick = f"{job.tick:%Y%m%dT%H%M%SZ}"
    own = {key for key in lake if tick_of(key) == tick}
    if outcome.error:
        return _after_an_error(job, outcome.error, before, lake, own)
    if outcome.reference is None:
        return ["the worker ended without a word"]
    if job.mishap and before == lake and any("/manifests/" in key for key in own):
        # What lost a part does not take the place of what is whole.
        return [] if outcome.reference["complete"] else ["a manifest of an incomplete crawl was left alone"]
    complete = outcome.reference["complete"]
    rejects = {key for key in own if "/rejects/" in key}
    partition = f"{job.tick:dt=%Y-%m-%d/hour=%H}"
    expected = {
        f"twitch/{'' if complete else 'incomplete/'}all_streams/{partition}/streams_data_{tick}{job.suffix}",
        f"twitch/raw/all_streams/{partition}/pages_{tick}.jsonl.gz",
        f"twitch/manifests/killed/{partition}/{tick}.json",
    }
    faults = [] if own - rejects == expected else [f"the run left {sorted(own)}, not {sorted(expected)}"]
    if not (complete or job.mishap or job.late):
        faults.append("the run came out incomplete, and nothing was in its way")
    told = [outcome.reference["uri"].removeprefix("s3://killed-lake/")]
    return faults + [f"the operator returned {told}, not {tables(own)}"] * (told != tables(own))


def _after_an_error(
    job: Job, error: str, before: Mapping[str, Facts], lake: Mapping[str, Facts], own: set[str]
) -> list[str]:
    """What is wrong with it; the raw pages of a crawl that lost a part are kept, and no manifest."""
    name = error.partition(":")[0]
    changed = {key for key in {*before, *lake} if before.get(key) != lake.get(key)}
    if job.late:
        had_raw = any("/raw/" in key for key in own)
        meant = had_raw and job.on_incomplete == "fail" if name == "AirflowFailException" else not had_raw
        faults = [] if meant and name in TOO_LATE else [f"the run failed: {error}"]
        return faults + ["a run that was too late changed the lake"] * bool(changed)
    meant = name == "TwitchIncompleteError" and bool(job.mishap) and job.on_incomplete == "fail"
    faults = [] if meant else [f"the run failed: {error}"]
    faults += [f"a run that failed touched {key} of another" for key in changed - own if key in lake]
    return faults + ["a run that failed has a manifest"] * any("/manifests/" in key for key in own)
