"""Fixtures of tests of what is on disk."""

import os

import pytest
from journals import CONFIG

from recall.store import journal


@pytest.fixture
def opened(tmp_path):
    return journal.open_journal(tmp_path / "run", CONFIG)


@pytest.fixture
def synced(monkeypatch):
    """The inodes that were synced so far, in order, and the writes between them."""
    events, write, fsync = [], os.write, os.fsync
    monkeypatch.setattr(
        os, "write", lambda fd, data: events.append("write") or write(fd, data)
    )
    monkeypatch.setattr(
        os, "fsync", lambda fd: events.append(os.fstat(fd).st_ino) or fsync(fd)
    )
    return events
