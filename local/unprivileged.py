"""How a child of root becomes somebody else and still reaches the files that root told it to use.

PostgreSQL refuses to run as root. A project of root often lies where others cannot go (`/root`, pytest's temporary
folders), and opening those folders to everybody would be a lasting change of somebody's machine. So the child changes
its user and keeps one capability of Linux: to pass the permission checks of files.
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

_libc = ctypes.CDLL(None, use_errno=True)
_header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
_bit = 1 << _CAP_DAC_OVERRIDE
_sets = (ctypes.c_uint32 * 6)(_bit, _bit, _bit, 0, 0, 0)  # effective, permitted, inheritable; then their upper halves


def login() -> pwd.struct_passwd:
    """The account that a child of root gets."""
    return pwd.getpwnam("nobody")


def become_unprivileged() -> None:
    """Change this process to the account `login()`; for `preexec_fn`, which runs between fork and exec.

    Where capabilities do not exist or root lacks this one, only the user changes, and the files must be reachable.
    """
    linux = sys.platform == "linux"
    account = login()
    if linux:
        _libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)
    if linux and _libc.capset(_header, _sets) == 0:
        _libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE, 0, 0)
