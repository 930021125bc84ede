"""Turns among processes: one at a time, each of them counted, and nobody's file taken for the count."""

from __future__ import annotations

import errno
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pushgate.store.turns import Turns

PATIENCE = 5.0  # seconds for what should take milliseconds


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "some.db"
    path.touch()
    return path


def counted(turns: Turns) -> int | None:
    """The count now; None where there is none. Fails while it is somebody else's turn."""
    with turns.turn() as turn:
        assert turn is not None
        return turn.count


def test_each_that_is_taken_is_counted(database: Path) -> None:
    turns, others = Turns(database), Turns(database)
    first = counted(turns)
    assert first is not None
    assert counted(others) == first
    with others.turn() as turn:
        assert turn is not None
        assert turn.taken() == (first + 1) % 2**64
        with turns.turn() as second:
            assert second is None
    assert counted(turns) == (first + 1) % 2**64


def test_one_at_a_time(database: Path) -> None:
    """Eight at once, as if each were a process: a lock is that of an opened file."""
    about: list[int] = []
    problems: list[list[int]] = []
    barrier = threading.Barrier(8)

    def work(number: int) -> int:
        turns, taken = Turns(database), 0
        barrier.wait(PATIENCE)
        for _ in range(300):
            with turns.turn() as turn:
                if turn is not None:
                    about.append(number)
                    if about != [number]:
                        problems.append(list(about))
                    turn.taken()
                    taken += 1
                    about.remove(number)
        return taken

    before = counted(Turns(database))
    with ThreadPoolExecutor(8) as threads:
        taken = sum(threads.map(work, range(8)))
    assert not problems
    assert before is not None
    assert counted(Turns(database)) == (before + taken) % 2**64


def test_a_new_count_is_like_none_before(database: Path) -> None:
    """So that whoever knew the old one sees that it is not the same."""
    turns, found = Turns(database), set()
    for _ in range(10):
        found.add(counted(turns))
        turns.path.unlink()
    assert len(found) == 10


def test_one_that_was_deleted_meanwhile_is_nobodys_turn(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    turns = Turns(database)
    opened = turns._open

    def deleted_then() -> int:
        file = opened()
        turns.path.unlink()
        Turns(database)._open()
        return file

    monkeypatch.setattr(turns, "_open", deleted_then)
    with turns.turn() as turn:
        assert turn is None


def test_every_name_of_a_database_has_the_same_turns(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link = database.with_name("link.db")
    link.symlink_to(database)
    monkeypatch.chdir(database.parent)
    relative = Turns(Path("some.db"))
    monkeypatch.chdir("/")
    with Turns(link).turn() as turn:
        assert turn is not None
        for other in (Turns(database), relative):
            with other.turn() as second:
                assert second is None


@pytest.mark.parametrize("mode", [0o660, 0o644, 0o600])
def test_whoever_may_write_the_database_may_count(database: Path, mode: int) -> None:
    database.chmod(mode)
    if root := os.geteuid() == 0:
        os.chown(database, 1234, 2345)
    turns = Turns(database)
    counted(turns)
    made, like = turns.path.stat(), database.stat()
    assert made.st_mode & 0o777 == mode
    assert (made.st_uid, made.st_gid) == (like.st_uid, like.st_gid)
    assert not root or made.st_uid == 1234


def test_one_that_only_its_maker_could_use_is_not_left_there(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    turns = Turns(database)
    with monkeypatch.context() as patched:
        patched.setattr(os, "fchmod", refused)
        assert counted(turns) is None
    assert not turns.path.exists()
    assert counted(turns) is not None


KINDS = ("link", "dangling_link", "hard_link", "folder", "pipe")


@pytest.mark.parametrize("kind", KINDS)
def test_what_somebody_put_in_its_place_is_left_alone(database: Path, kind: str) -> None:
    """The owner of the folder may be less than the one who runs a command: nothing of the latter's is given away."""
    os.chown(database, 1234, 2345) if os.geteuid() == 0 else None
    turns, precious = Turns(database), database.with_name("precious")
    if kind != "dangling_link":
        precious.write_text("precious")
        precious.chmod(0o640)
        before = precious.stat()
    if kind == "folder":
        turns.path.mkdir()
    elif kind == "pipe":
        os.mkfifo(turns.path)
    elif kind == "hard_link":
        turns.path.hardlink_to(precious)
        before = precious.stat()
    else:
        turns.path.symlink_to(precious)
    with turns.turn() as turn:
        assert turn is not None
        assert turn.count is None
        assert turn.taken() is None
    if kind == "dangling_link":
        assert not precious.exists()
    else:
        after = precious.stat()
        assert precious.read_text() == "precious"
        assert (after.st_uid, after.st_mode, after.st_mtime_ns) == (before.st_uid, before.st_mode, before.st_mtime_ns)
    assert str(turns.path) in (turns.problem() or "")


def test_there_is_no_problem_where_turns_are_counted_and_to_ask_makes_nothing(database: Path) -> None:
    turns = Turns(database)
    assert turns.problem() is None
    assert not turns.path.exists()
    counted(turns)
    assert turns.problem() is None


def test_it_is_a_problem_where_the_count_cannot_be_made(database: Path) -> None:
    turns = Turns(database.with_name("nowhere") / "some.db")
    assert turns.problem() == f"{turns.path}: cannot be made there"
