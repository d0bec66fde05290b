# SPDX-License-Identifier: Apache-2.0
"""Child processes that never outlive us: real ones."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from demo.children import ROOT, Child
from demo.errors import DemoError

from demo import guard

Start = Callable[..., Child]


def test_waits_for_the_output_of_a_child(start: Start) -> None:
    child = start("echo port 4711; exec sleep 60")
    assert child.wait_for(r"^port (\d+)$", timeout=30)[1] == "4711"
    assert child.running


def test_names_the_reason_of_a_child_that_cannot_start(start: Start) -> None:
    child = start("echo first; echo no such folder >&2; exit 3")
    with pytest.raises(DemoError, match=r"^The child could not start: no such folder \(log: .*child\.log\)$"):
        child.wait_for("^ready$", timeout=30)
    assert child.wait(timeout=30) == 3


def test_gives_up_on_a_child_that_prints_nothing(start: Start) -> None:
    with pytest.raises(DemoError, match=r"^The child was not ready after 0 s"):
        start("exec sleep 60").wait_for("^ready$", timeout=0)


def test_ends_a_child_and_its_children(start: Start) -> None:
    child = start("sleep 60 & echo $!; exec sleep 60")
    grandchild = psutil.Process(int(child.wait_for(r"^\d+$", timeout=30)[0]))
    child.stop()
    assert not child.running
    assert_gone(grandchild)


def test_kills_what_ignores_sigterm() -> None:
    process = subprocess.Popen(
        ["sh", "-c", "trap '' TERM; (trap '' TERM; echo $$; exec sleep 60); :"],
        stdout=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )
    assert process.stdout
    process.stdout.readline()
    stubborn = guard.members(process.pid)
    assert stubborn
    guard.end_session(process.pid, grace=0.1)
    for member in stubborn:
        assert_gone(member)
    process.kill()
    process.communicate(timeout=30)


def test_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path; from demo.children import Child\n"
        "child = Child('x', ['sh', '-c', 'echo $$; exec sleep 60'], env=os.environ, log=Path(sys.argv[1]))\n"
        "print(child.wait_for(r'^\\d+$', timeout=30)[0], flush=True); sys.stdin.read()\n"
    )
    us = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "log")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        text=True,
    )
    assert us.stdout
    child = psutil.Process(int(us.stdout.readline()))
    us.kill()
    us.communicate(timeout=30)
    assert_gone(child)


def assert_gone(process: psutil.Process) -> None:
    """An orphan that is not reaped is gone, too."""
    _, alive = psutil.wait_procs([process], timeout=30)
    assert not [one for one in alive if one.status() != psutil.STATUS_ZOMBIE]
