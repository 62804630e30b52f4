"""What the guardian asks of its operating system: priority, memory, files, and systemd's ear."""

import contextlib
import ctypes
import os
import resource
import socket

FILES = 4096
"""Open files, many times what it needs."""


def raise_priority() -> list[str]:
    """Ask for a real-time slot, memory that isn't swapped and many files; says what was given."""
    got = []
    with contextlib.suppress(OSError, ValueError):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = FILES if hard == resource.RLIM_INFINITY else min(hard, FILES)
        if soft != resource.RLIM_INFINITY and soft < most:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    with contextlib.suppress(OSError, AttributeError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
        got.append("real-time priority")
    if not got:
        with contextlib.suppress(OSError):
            os.nice(-10)
            got.append("priority -10")
    with contextlib.suppress(OSError, AttributeError):
        mlock_current = 1
        if ctypes.CDLL(None, use_errno=True).mlockall(mlock_current) == 0:
            got.append("memory locked")
    return got


def notify(state: str) -> None:
    """Tell systemd, where it asked for it (sd_notify's protocol: one datagram)."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
        out.sendto(state.encode(), "\0" + address[1:] if address[0] == "@" else address)
