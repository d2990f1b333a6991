"""Where the emulator unpacks the functions: in memory where there is plenty of it, because it unpacks a lot.

Each environment of each function holds its own copy of its layers, thousands of files that live as long as the run.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import psutil

MEMORY = Path("/dev/shm")  # noqa: S108 - the folder below it is made with mkdtemp
PREFIX = "marketflow-"
ROOM = 4 * 2**30
"""Bytes that must be free there: about 100 MB for each environment, and some for everybody else."""


def make_scratch(home: Path, *, memory: Path = MEMORY) -> Path:
    """An empty folder for temporary files, reachable as `home`/tmp; what an earlier run left there is removed."""
    remove_scratch(home, memory=memory)
    link = home / "tmp"
    if not _suits(memory):
        link.mkdir(parents=True)
        return link
    _sweep(memory)
    home.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=memory))
    link.symlink_to(folder)
    return folder


def remove_scratch(home: Path, *, memory: Path = MEMORY) -> None:
    """Remove the folder that `make_scratch` made for `home`, also after a crash."""
    link = home / "tmp"
    if not link.is_symlink():
        shutil.rmtree(link, ignore_errors=True)
        return
    folder = link.readlink()
    if folder.parent == memory and folder.name.startswith(PREFIX):
        shutil.rmtree(folder, ignore_errors=True)
    link.unlink()


def _sweep(memory: Path) -> None:
    """Remove the folders of programs that were killed: memory is too dear to wait for a run in the same home."""
    for folder in memory.glob(f"{PREFIX}*-*"):
        owner = folder.name.removeprefix(PREFIX).partition("-")[0]
        if owner.isdecimal() and not psutil.pid_exists(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)


def _suits(memory: Path) -> bool:
    """Whether it exists (on Linux), has room, and lets compiled modules be loaded from it."""
    try:
        facts = os.statvfs(memory)
    except OSError:
        return False
    runs = not facts.f_flag & getattr(os, "ST_NOEXEC", 0)
    return runs and facts.f_bavail * facts.f_frsize >= ROOM and os.access(memory, os.W_OK)
