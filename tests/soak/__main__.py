# SPDX-License-Identifier: Apache-2.0
"""``python -m tests.soak`` (``make soak``): a day of faults in simulated time, then everything is checked."""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import tests.conftest  # before Airflow, which reads its settings when it is imported
from tests.soak.mix import KINDS, Mix

PAGE = Path(__file__).parents[2] / "docs" / "soak.md"
#: Of this many runs on, the table of the documentation is renewed.
WHOLE_DAY = 288


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a soak, check it, and tell; returns the exit status."""
    assert tests.conftest.HOME.name
    parser = argparse.ArgumentParser(
        prog="python -m tests.soak", description=__doc__, epilog=f"kinds: {', '.join(KINDS)}"
    )
    parser.add_argument("--seed", type=int, help="of all that is drawn (default: another one each time)")
    parser.add_argument(
        "--runs", type=int, default=WHOLE_DAY, help="ticks of each DAG (default: %(default)s)"
    )
    parser.add_argument(
        "--mix", type=_mix, default=Mix(), help="such as 'twitch=0.1 jump=-60 kinds=hang:3,half_body'"
    )
    parser.add_argument("--streams", type=int, default=500, help="of the world (default: %(default)s)")
    parser.add_argument(
        "--keep", type=Path, help="an empty folder for objects and log (default: a temporary one)"
    )
    parser.add_argument("--page", action="store_true", help=f"renew the table of docs/{PAGE.name}")
    options = parser.parse_args(arguments)
    from tests.soak.day import soak
    from tests.soak.verdict import judge, renew, table

    seed = secrets.randbelow(1_000_000) if options.seed is None else options.seed
    print(f"seed {seed}, {options.runs} runs, mix {options.mix}", flush=True)
    with tempfile.TemporaryDirectory(prefix="airflow-provider-twitch-soak-") as temporary:
        folder = options.keep or Path(temporary)
        outcome = soak(folder, seed=seed, runs=options.runs, mix=options.mix, streams=options.streams)
        verdict = judge(outcome)
        text = table(outcome, verdict)
        print(text)
        for name, wrong in verdict.wrong.items():
            print(f"{name}: {f'{len(wrong)} WRONG' if wrong else 'ok'}")
            for sentence in wrong[:20]:
                print(f"    {sentence}")
        if options.page:
            renew(PAGE, text)
    return 1 if verdict.count else 0


def _mix(text: str) -> Mix:
    try:
        return Mix.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


if __name__ == "__main__":
    sys.exit(main())
