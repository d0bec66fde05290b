# SPDX-License-Identifier: Apache-2.0
"""`make fuzz`: each parser for some seconds, by coverage where atheris is installed, else by chance."""

from __future__ import annotations

import argparse
import logging
import subprocess
import sys
import tempfile
import time
import traceback
from importlib.util import find_spec
from pathlib import Path
from random import Random, SystemRandom

logging.getLogger("twitch_provider").propagate = False


def main() -> int:
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--target", default="", help="the names of parsers, separated by blanks; all")
    parser.add_argument("--seconds", type=float, default=10, help="for each of them")
    parser.add_argument("--seed", type=int, default=None, help="of an earlier run, without atheris")
    parser.add_argument("--one", default="", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        return by_coverage(arguments.one, arguments.seconds)
    with_atheris = find_spec("atheris") is not None and arguments.seed is None
    if not with_atheris:
        print("Without coverage, by random seeds: atheris is not installed for this Python and machine.")
    from tests.fuzz.targets import TARGETS

    names = arguments.target.split() or sorted(TARGETS)
    if unknown := sorted({*names} - TARGETS.keys()):
        print(f"No such parser: {', '.join(unknown)}. There are {', '.join(sorted(TARGETS))}.")
        return 2
    fuzz = in_a_process if with_atheris else by_chance
    failed = [name for name in names if not fuzz(name, arguments)]
    print(f"{len(names) - len(failed)} passed, {len(failed)} failed" + "".join(f" {each}" for each in failed))
    return 1 if failed else 0


def in_a_process(name: str, arguments: argparse.Namespace) -> bool:
    """Run atheris on a parser in a process of its own: it never returns, and measures one set of modules."""
    command = [sys.executable, "-m", "tests.fuzz", "--one", name, "--seconds", str(arguments.seconds)]
    done = subprocess.run(command, check=False, stderr=subprocess.PIPE, text=True)
    lines = done.stderr.splitlines()
    last = next((each for each in reversed(lines) if "\tDONE" in each), "")
    print(
        f"{name:24} {'ok' if done.returncode == 0 else f'FAILED ({done.returncode})'}  {last.strip()}",
        flush=True,
    )
    if done.returncode:
        # Without libFuzzer's own account of its progress.
        print("\n".join([each for each in lines if not each.startswith("#")][-60:]))
    return done.returncode == 0


def by_coverage(name: str, seconds: float) -> int:
    """Run atheris on one parser; a finding is written into the folder of this process."""
    import atheris

    with atheris.instrument_imports(include=["twitch_provider"]):
        from tests.fuzz.targets import TARGETS
    target = TARGETS[name]
    target.prepare()

    def mutated(data: bytes, most: int, seed: int) -> bytes:
        random = Random(seed)  # noqa: S311 - not for secrets
        changed = target.mutate(random, data) if random.randrange(4) else atheris.Mutate(data, most)
        return changed[:most]

    found = Path(".fuzz") / "found"
    found.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="twitch_fuzz_") as corpus:
        for number, seed in enumerate([*target.seeds(), *(path.read_bytes() for path in target.found)]):
            (Path(corpus) / f"{number}").write_bytes(seed)
        options = ["-timeout=60", "-rss_limit_mb=4096", "-max_len=65536", f"-max_total_time={seconds:.0f}"]
        atheris.Setup(
            [name, *options, f"-artifact_prefix={found}/{name}-", corpus],
            target.check,
            custom_mutator=mutated,
        )
        atheris.Fuzz()
    return 0


def by_chance(name: str, arguments: argparse.Namespace) -> bool:
    """Run a parser on mutated inputs of a seed that is printed."""
    from tests.fuzz.targets import TARGETS

    target = TARGETS[name]
    target.prepare()
    seed = SystemRandom().randrange(2**32) if arguments.seed is None else arguments.seed
    random, until, tried = Random(seed), time.monotonic() + arguments.seconds, 0  # noqa: S311
    inputs = [*target.seeds(), *(path.read_bytes() for path in target.found)]
    while time.monotonic() < until:
        data = random.choice(inputs)
        for _ in range(random.randrange(1, 4)):
            data = target.mutate(random, data)
        tried += 1
        try:
            target.check(data)
        except BaseException:
            found = Path(".fuzz") / "found"
            found.mkdir(parents=True, exist_ok=True)
            path = found / f"{name}-{seed}-{tried}"
            path.write_bytes(data)
            print(f"{name:24} FAILED  at input {tried:,} of seed {seed}, now {path}")
            traceback.print_exc()
            return False
    print(f"{name:24} ok  {tried:,} inputs of seed {seed}", flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main())
