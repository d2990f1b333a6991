"""Runs a command of root as somebody else who still reaches the files that root told it to use.

    python unprivileged.py /path/to/command argument...

PostgreSQL refuses to run as root. A project of root often lies where others cannot go (`/root`, pytest's temporary
folders), and opening those folders to everybody would be a lasting change of somebody's machine. So this program
changes its user, keeps one capability of Linux, to pass the permission checks of files, and becomes the command. It is
a program of its own, because changing the user between fork and exec is not safe in a process with threads.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import sys

_PR_SET_KEEPCAPS = 8
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CAP_DAC_OVERRIDE = 1
_CAPABILITY_VERSION_3 = 0x20080522


def login() -> pwd.struct_passwd:
    """The account that a command of root gets."""
    return pwd.getpwnam("nobody")


def become_unprivileged() -> None:
    """Change this process to the account `login()`.

    Where capabilities do not exist or root lacks this one, only the user changes, and the files must be reachable.
    """
    account = login()
    linux = sys.platform == "linux"
    libc = ctypes.CDLL(None)
    if linux:
        libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)
    if linux:
        header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
        bit = 1 << _CAP_DAC_OVERRIDE
        sets = (ctypes.c_uint32 * 6)(bit, bit, bit, 0, 0, 0)  # effective, permitted, inheritable; then the upper halves
        if libc.capset(header, sets) == 0:
            libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE, 0, 0)


if __name__ == "__main__":
    become_unprivileged()
    os.execv(sys.argv[1], sys.argv[1:])  # noqa: S606 - becoming another program is the purpose
