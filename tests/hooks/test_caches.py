# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from twitch_provider.helix.token import AppToken, Credentials
from twitch_provider.hooks.caches import FileCache, TokenCache, VariableCache, airflow_home, open_cache
from twitch_provider.hooks.encryption import TokenCipher

TOKEN, OTHER = AppToken("a-token"), AppToken("another-token")
CIPHER = TokenCipher(Credentials("id", "secret"), "https://api", "https://id")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "airflow" / "twitch_tokens"


def file(folder: Path) -> FileCache:
    """The cache as another process sees it."""
    return FileCache(CIPHER, folder)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


# --- file ------------------------------------------------------------------------------------------------


def test_file_is_shared_by_processes_and_private_to_the_user(folder: Path) -> None:
    file(folder).save(TOKEN)
    assert file(folder).load() == TOKEN
    assert mode(folder) == 0o700
    assert {mode(path) for path in folder.iterdir()} == {0o600}
    assert TOKEN.value.encode() not in (folder / CIPHER.name).read_bytes()


def test_file_is_private_whatever_the_umask(folder: Path) -> None:
    before = os.umask(0)
    try:
        file(folder).save(TOKEN)
        file(folder).lock()
    finally:
        os.umask(before)
    assert mode(folder) == 0o700
    assert {mode(path) for path in folder.iterdir()} == {0o600}


def test_file_is_replaced_atomically_and_leaves_no_draft(folder: Path) -> None:
    for token in (TOKEN, OTHER):
        file(folder).save(token)
    assert file(folder).load() == OTHER
    assert [path.name for path in folder.iterdir()] == [CIPHER.name]


def test_no_file_is_no_token_and_no_warning(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert file(folder).load() is None
    assert caplog.records == []


@pytest.mark.parametrize("body", [b"", b"nonsense", b"\xff\xfe", b"x" * 100_000], ids=len)
def test_a_corrupted_file_is_ignored_and_rewritten(folder: Path, body: bytes) -> None:
    file(folder).save(TOKEN)
    (folder / CIPHER.name).write_bytes(body)
    assert file(folder).load() is None
    file(folder).save(OTHER)
    assert file(folder).load() == OTHER


def laid_open(path: Path) -> None:
    path.chmod(0o644)


def linked(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to(path.with_name("elsewhere"))


def piped(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


@pytest.mark.parametrize("spoil", [laid_open, linked, piped], ids=lambda spoil: spoil.__name__)
def test_a_file_that_others_may_have_created_is_not_read(
    folder: Path, spoil: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    file(folder).save(TOKEN)
    spoil(folder / CIPHER.name)
    assert file(folder).load() is None
    assert "is not shared with other processes" in caplog.text


@pytest.mark.parametrize("mode", [0o770, 0o750, 0o705])
def test_a_folder_that_group_or_others_may_use_is_not_used(folder: Path, mode: int) -> None:
    file(folder).save(TOKEN)
    folder.chmod(mode)
    assert file(folder).load() is None


@pytest.mark.parametrize("spoil", [laid_open, linked], ids=lambda spoil: spoil.__name__)
def test_a_folder_that_is_not_private_is_not_used(
    folder: Path, spoil: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    file(folder).save(TOKEN)
    spoil(folder)
    folder.chmod(0o755) if spoil is laid_open else None
    cache = file(folder)
    assert cache.load() is None
    cache.save(OTHER)
    assert cache.lock()
    assert len(caplog.records) == 1  # it warns once
    assert "expected mode 0700" in caplog.text


def test_a_folder_that_cannot_be_written_is_a_warning_and_not_an_error(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "airflow").write_text("a file where the folder should be")
    cache = file(tmp_path / "airflow" / "twitch_tokens")
    cache.save(TOKEN)
    assert cache.load() is None
    assert cache.lock()
    cache.unlock()
    assert len(caplog.records) == 1


def test_only_one_process_gets_the_file_lock(folder: Path) -> None:
    one, other = file(folder), file(folder)
    assert [one.lock(), other.lock()] == [True, False]
    other.unlock()  # it does not have the lock: nothing happens
    assert not other.lock()
    one.unlock()
    assert other.lock()


# --- variable --------------------------------------------------------------------------------------------


class Variables:
    """Airflow's Variables; ``older`` spells the default as Airflow 2 does, ``broken`` has no database."""

    def __init__(self, *, older: bool = False, broken: bool = False) -> None:
        self.values: dict[str, str] = {}
        self.older, self.broken = older, broken

    def get(self, key: str, **default: Any) -> Any:
        if self.broken:
            raise RuntimeError("no such table")
        if list(default) != ["default_var" if self.older else "default"]:
            raise TypeError(f"unexpected keyword argument {default}")
        return self.values.get(key, next(iter(default.values())))

    def set(self, key: str, value: str, *, description: str) -> None:
        if self.broken:
            raise RuntimeError(f"while storing {value}")
        self.values[key] = value


@pytest.fixture
def variables(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Variables:
    variables = Variables(**getattr(request, "param", {}))
    monkeypatch.setattr("twitch_provider.compat.Variable", variables)
    return variables


@pytest.mark.parametrize("variables", [{}, {"older": True}], indirect=True, ids=["Airflow 3", "Airflow 2"])
def test_variable_is_shared_and_encrypted(variables: Variables) -> None:
    assert VariableCache(CIPHER).load() is None
    VariableCache(CIPHER).save(TOKEN)
    assert VariableCache(CIPHER).load() == TOKEN
    ((key, value),) = variables.values.items()
    assert "token" in key  # Airflow's UI masks it by its name
    assert TOKEN.value not in value


@pytest.mark.parametrize("text", ["", "nonsense", None])
def test_a_variable_that_is_not_ours_is_ignored_and_rewritten(variables: Variables, text: Any) -> None:
    VariableCache(CIPHER).save(TOKEN)
    variables.values = dict.fromkeys(variables.values, text)
    assert VariableCache(CIPHER).load() is None
    VariableCache(CIPHER).save(OTHER)
    assert VariableCache(CIPHER).load() == OTHER


@pytest.mark.parametrize("variables", [{"broken": True}], indirect=True)
def test_no_database_is_one_warning_without_the_token(
    variables: Variables, caplog: pytest.LogCaptureFixture
) -> None:
    cache = VariableCache(CIPHER)
    assert cache.load() is None
    cache.save(TOKEN)
    assert len(caplog.records) == 1
    assert "cannot be used (RuntimeError)" in caplog.text
    assert "while storing" not in caplog.text


# --- the choice ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "cache"), [("none", TokenCache), ("file", FileCache), ("variable", VariableCache)]
)
def test_the_extra_chooses(kind: str, cache: type) -> None:
    assert type(open_cache(kind, CIPHER)) is cache


@pytest.mark.parametrize("cache", [TokenCache(), VariableCache(CIPHER)])
def test_without_a_lock_every_process_may_fetch(cache: TokenCache) -> None:
    assert [cache.lock(), cache.lock()] == [True, True]
    cache.unlock()


def test_nothing_is_shared_with_none() -> None:
    cache = TokenCache()
    cache.save(TOKEN)
    assert cache.load() is None


def test_the_file_is_in_airflows_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    open_cache("file", CIPHER).save(TOKEN)
    assert (tmp_path / "twitch_tokens" / CIPHER.name).exists()
    monkeypatch.delenv("AIRFLOW_HOME")
    monkeypatch.setenv("HOME", "/a-home")
    assert airflow_home() == Path("/a-home/airflow")
    monkeypatch.setenv("BASE", "/a-base")
    monkeypatch.setenv("AIRFLOW_HOME", "$BASE/af")
    assert airflow_home() == Path("/a-base/af")
