# SPDX-License-Identifier: Apache-2.0
"""The raw object of a crawl while it is read: a page goes to disk as it comes, and memory stays small.

The file has no name: a worker that is killed leaves nothing behind.
"""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

from twitch_provider.exceptions import TwitchDataError, TwitchSpoolError
from twitch_provider.lake.manifest import ObjectEntry
from twitch_provider.lake.raw_lines import Body, RawBody, dump_body, dump_report, iter_bodies

#: Of gzip. On recorded pages of 49 kB level 1 takes 0.6 ms a page for 15.0 kB, level 6 takes 1.3 ms for
#: 13.0 kB: the crawl pays for every page, and the pages of a snapshot are 15 MB either way.
LEVEL = 1

#: The disk, the quota or the greatest size of a file.
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@dataclass(frozen=True)
class Spooled:
    """A raw object that is whole, on disk.

    :param file: positioned anywhere
    :param bytes: its size
    :param sha256: of its bytes, in hex
    :param pages: how many there are
    :param first_answer_at: aware UTC
    :param last_answer_at: aware UTC
    :param report: its last line: what the crawl did
    """

    file: BinaryIO = field(repr=False)
    bytes: int
    sha256: str
    pages: int
    first_answer_at: datetime
    last_answer_at: datetime
    report: Mapping[str, Any] = field(repr=False)

    def entry(self, key: str) -> ObjectEntry:
        """Describe it as it will lie in the store.

        :param key: without the bucket
        """
        return ObjectEntry(key, self.bytes, self.sha256, self.pages)

    def bodies(self) -> Iterator[RawBody]:
        """Read the pages back from disk, one at a time.

        :raises TwitchDataError: the file was altered
        """
        self.file.seek(0)
        return iter_bodies(self.file)


class Spool:
    """Takes pages as they come, and gives the raw object when the crawl is over. A context manager.

    The same pages in the same order give the same bytes.

    :param directory: of the file; None: where Python puts temporary files, which ``TMPDIR`` decides
    """

    def __init__(self, directory: str | Path | None = None) -> None:
        self.directory = directory
        self.pages = 0
        self.bytes = 0
        self._sha256 = hashlib.sha256()
        # 31: with the header of gzip, which then bears no date.
        self._gzip = zlib.compressobj(LEVEL, zlib.DEFLATED, 31)
        self._first: datetime | None = None
        self._last: datetime | None = None
        self._open = False
        self._file: BinaryIO

    def __enter__(self) -> Spool:
        """Make the file.

        :raises TwitchSpoolError: there can be none
        """
        with self._explained():
            self.directory = self.directory or tempfile.gettempdir()
            self._file = cast(BinaryIO, tempfile.TemporaryFile(dir=self.directory))
        self._open = True
        return self

    def __exit__(self, *exception: object) -> None:
        """Give the room back."""
        self._open = False
        # What a full disk did not take is written once more on closing.
        with suppress(OSError):
            self._file.close()

    def add(self, body: Body) -> None:
        """Keep one page.

        :param body: as it was read
        :raises TwitchDataError: it is not UTF-8; nothing of it is kept
        :raises TwitchSpoolError: the disk is full, or fails; the spool is then of no use any more
        """
        self._write(dump_body(body))
        self.pages += 1
        self._first = min(self._first or body.answered_at, body.answered_at)
        self._last = max(self._last or body.answered_at, body.answered_at)

    def finish(self, report: Mapping[str, Any]) -> Spooled:
        """Write the last line. The raw object is whole then, and readable until the spool is left.

        :param report: what the crawl did: numbers, texts, lists and objects
        :raises TwitchDataError: there is not one page
        :raises TwitchSpoolError: the disk is full, or fails
        """
        if self._first is None or self._last is None:
            raise TwitchDataError("No page was read: nothing is kept, run the task again.")
        self._write(dump_report(report), last=True)
        with self._explained():
            self._file.flush()
            self._file.seek(0)
        self._open = False
        return Spooled(
            file=self._file,
            bytes=self.bytes,
            sha256=self._sha256.hexdigest(),
            pages=self.pages,
            first_answer_at=self._first,
            last_answer_at=self._last,
            report=report,
        )

    def _write(self, line: bytes, *, last: bool = False) -> None:
        if not self._open:
            raise TwitchSpoolError("The spool is closed, or had failed before: crawl again with a new one.")
        data = self._gzip.compress(line) + (self._gzip.flush() if last else b"")
        with self._explained():
            self._file.write(data)
        self._sha256.update(data)
        self.bytes += len(data)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._open = False
            reason = os.strerror(error.errno) if error.errno else type(error).__name__
            remedy = "free room there" if error.errno in _FULL else "mend it"
            raise TwitchSpoolError(
                f"Pages cannot be spooled to {self.directory or 'a temporary folder'} "
                f"({reason}, after {self.pages:,} pages in {self.bytes:,} bytes): "
                f"{remedy}, or set TMPDIR to a folder on another disk."
            ) from None
