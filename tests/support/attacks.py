"""Attacks on the API, each a program of its own: `python -m tests.support.attacks PORT KIND`.

It prints one line when it has begun, goes on until its standard input ends, and then prints how
often each status was answered.
"""

import contextlib
import json
import selectors
import socket
import sys
import threading
from collections import Counter
from collections.abc import Callable

ANSWERS: Counter[str] = Counter()
ENDED = threading.Event()
_JSON = b"Content-Type: application/json\r\n"
_BEANS = b"Authorization: Bearer beans\r\n"
_INSTRUCT = b"POST /api/v1/stations/kitchen/instruct HTTP/1.1\r\n"
_UPGRADE = (
    b"GET /api/v1/live HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: MTIzNDU2Nzg5MDEyMzQ1Ng==\r\n" + _BEANS
)
_STOP = b'{"kind":"drop"}'
_LENGTH = b"Content-Length: %d\r\n\r\n" % len(_STOP)
TRAVERSAL = (
    "/../../../../etc/passwd",
    "/api/v1/../../../../etc/passwd",
    "/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "/..%2f..%2f..%2fetc%2fpasswd",
    "/assets/..%5c..%5cweb-8099.json",
    "/assets/%2e%2e/%2e%2e/accounts.py",
    "//etc/passwd",
    "/api/v1/stations/..%2f..%2fetc%2fpasswd",
    "/index.html%00.json",
)
FOREIGN = {
    "cross-site POST": _INSTRUCT
    + b"Host: localhost\r\nOrigin: http://evil.example\r\n"
    + _JSON
    + _BEANS
    + _LENGTH
    + _STOP,
    "cross-site form": _INSTRUCT
    + b"Host: localhost\r\nContent-Type: text/plain\r\n"
    + _BEANS
    + _LENGTH
    + _STOP,
    "cross-site WebSocket": _UPGRADE + b"Origin: http://evil.example\r\n\r\n",
    "DNS rebinding": _INSTRUCT + b"Host: evil.example\r\n" + _JSON + _BEANS + _LENGTH + _STOP,
    "DNS rebinding WebSocket": _UPGRADE.replace(b"localhost", b"evil.example") + b"\r\n",
}
"""Each would do something if it were not refused."""
GIGABYTE = 1 << 30


def get(path: str) -> bytes:
    """A request with a valid token."""
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n".encode() + _BEANS + b"\r\n"


def sign_in(password: str) -> bytes:
    """A try at a password."""
    body = json.dumps({"password": password}).encode()
    head = b"POST /api/v1/sign-in HTTP/1.1\r\nHost: localhost\r\n" + _JSON
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


def status_of(answer: bytes) -> str:
    """The status of an answer; `cut`: none came."""
    return answer.split(b" ", 2)[1].decode() if answer.startswith(b"HTTP/1.1 ") else "cut"


def _sent(port: int, raw: bytes) -> str:
    try:
        with socket.create_connection(("127.0.0.1", port), 10) as one:
            one.sendall(raw)
            return status_of(one.recv(65536))
    except OSError:
        return "cut"


def _upload(port: int) -> str:
    """Up to 1 GB, for as long as somebody takes it."""
    head = _INSTRUCT + b"Host: localhost\r\n" + _JSON + _BEANS
    piece = b"x" * 65536
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 10) as one:
        one.sendall(head + b"Content-Length: %d\r\n\r\n" % GIGABYTE)
        waiting = selectors.DefaultSelector()
        waiting.register(one, selectors.EVENT_READ)
        for _ in range(GIGABYTE // len(piece)):
            if waiting.select(0):
                return status_of(one.recv(65536))
            one.sendall(piece)
        return status_of(one.recv(65536))
    return "cut"


def _guess(port: int) -> str:
    return _sent(port, sign_in("a wrong password"))


def _foreign(port: int) -> str:
    for raw in (*FOREIGN.values(), *map(get, TRAVERSAL)):
        ANSWERS[_sent(port, raw)] += 1
    return "round"


KINDS: dict[str, tuple[Callable[[int], str], int]] = {
    "upload": (_upload, 2),
    "guess": (_guess, 4),
    "foreign": (_foreign, 1),
}
"""What is done, and by how many at once."""


def _repeat(do: Callable[[int], str], port: int) -> None:
    while not ENDED.is_set():
        ANSWERS[do(port)] += 1


def main(port: int, kind: str) -> None:
    do, count = KINDS[kind]
    threads = [threading.Thread(target=_repeat, args=(do, port)) for _ in range(count)]
    for thread in threads:
        thread.start()
    print("open", flush=True)
    sys.stdin.read()
    ENDED.set()
    for thread in threads:
        thread.join(15)
    print(json.dumps(ANSWERS), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
