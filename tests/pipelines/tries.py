# SPDX-License-Identifier: Apache-2.0
"""Tries of one run, each of which can be frozen, woken, or killed at any of its operations on the store."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping
from typing import Any

from tests.lake.conftest import MemoryStore

from twitch_provider.lake.manifest import Manifest

_here = threading.local()


class Killed(BaseException):
    """The worker is killed."""


class Try:
    """A task's try, in a thread that stops before each operation on the store until :meth:`step`."""

    def __init__(self, job: Callable[[], Any]) -> None:
        self.result: Any = None
        self.error: BaseException | None = None
        self.done = self.killed = False
        self.loses_answer = False
        self._job, self._action = job, "go"
        self._stopped, self._granted = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._stopped.acquire()

    def _run(self) -> None:
        _here.current = self
        try:
            self.result = self._job()
        except Killed:
            self.killed = True
        except Exception as error:
            self.error = error
        self.done = True
        self._stopped.release()

    def pause(self) -> None:
        """Stop before an operation; called by the store."""
        self._stopped.release()
        self._granted.acquire()
        if self._action == "kill":
            raise Killed
        self.loses_answer = self._action == "lose"

    def step(self, action: str = "go") -> None:
        """Let one operation pass: ``go``, ``lose`` (it takes effect, its answer is lost) or ``kill``."""
        if not self.done:
            self._action = action
            self._granted.release()
            self._stopped.acquire()

    def steps(self, count: int) -> None:
        """Let that many operations pass, or all that are left."""
        for _ in range(count):
            self.step()

    def finish(self) -> None:
        """Let all operations pass that are left."""
        while not self.done:
            self.step()


class SteppedStore(MemoryStore):
    """A store whose users stop before each operation, and which checks all manifests after each change."""

    def __init__(self) -> None:
        super().__init__()
        self.false: list[str] = []
        self.taken_away: list[str] = []
        self._seen: dict[str, bool] = {}
        self.watch = self._check

    def _do(self, operation: str, key: str) -> None:
        if current := getattr(_here, "current", None):
            current.pause()
        super()._do(operation, key)

    def replace(
        self, key: str, body: bytes, *, content_type: str, metadata: Mapping[str, str], etag: str | None
    ) -> bool:
        done = super().replace(key, body, content_type=content_type, metadata=metadata, etag=etag)
        if done and self._answer_is_lost():
            # The client sends the request once more, under the same condition.
            done = not self.conditions or self._etag(key) == etag
        return done

    def delete_unchanged(self, key: str, etag: str) -> bool:
        return super().delete_unchanged(key, etag) and (not self.conditions or not self._answer_is_lost())

    @staticmethod
    def _answer_is_lost() -> bool:
        return bool(getattr(getattr(_here, "current", None), "loses_answer", False))

    def forget(self) -> None:
        """Forget which manifests were there: the test has changed them."""
        self._seen.clear()

    def _check(self) -> None:
        present: dict[str, bool] = {}
        for key, body in self.objects.items():
            if "manifests/" not in key:
                continue
            manifest = Manifest.from_json(body)
            present[key] = manifest.complete
            for entry in manifest.objects:
                if entry.kind != "raw" and self._digest(entry.key) != entry.sha256:
                    self.false.append(entry.key)
        for key, complete in self._seen.items():
            if complete and not present.get(key):
                self.taken_away.append(key)
        self._seen |= {key: complete or self._seen.get(key, False) for key, complete in present.items()}

    def _digest(self, key: str) -> str | None:
        return hashlib.sha256(self.objects[key]).hexdigest() if key in self.objects else None
