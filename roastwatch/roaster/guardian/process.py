"""What the guardian requests of the system: priority, locked memory, files, systemd's watchdog."""

import contextlib
import ctypes
import os
import resource
import socket

FILES = 4096
"""The limit of open files, many times what it needs."""


def raise_priority() -> list[str]:
    """Request real-time priority, unswapped memory and many files; returns what was granted."""
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
    """Notify systemd if it wants that (the protocol of sd_notify: one datagram)."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
        out.sendto(state.encode(), "\0" + address[1:] if address[0] == "@" else address)
