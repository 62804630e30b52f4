"""Opens connections and says nothing, or little: a program of its own, with descriptors to spare.

`python -m tests.support.flooding PORT COUNT KIND` prints one line when all are open, and ends
with stdin.
"""

import resource
import selectors
import socket
import sys
import time

FIRST = {
    "silent": b"",
    "half a header": b"POST /api/stations/kitchen/instruct HTTP/1.1\r\nHost: localhost\r\nX-A: b",
    "half a body": b"POST /api/stations/kitchen/instruct HTTP/1.1\r\nHost: localhost\r\n"
    b"Authorization: Bearer wrong\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n"
    b"\r\n{",
}


def main(port: int, count: int, kind: str) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 20_000), hard))
    waiting = selectors.DefaultSelector()
    again = 0

    def connect() -> None:
        one = socket.create_connection(("127.0.0.1", port), 20)
        one.sendall(FIRST[kind])
        one.setblocking(False)
        waiting.register(one, selectors.EVENT_READ)

    for _ in range(count):
        connect()
    print("open", flush=True)
    waiting.register(sys.stdin, selectors.EVENT_READ)
    end_s = time.monotonic() + 60
    while time.monotonic() < end_s:
        for key, _ in waiting.select(0.05):
            if key.fileobj is sys.stdin:
                print(again, flush=True)
                return
            gone = key.fileobj
            assert isinstance(gone, socket.socket)
            try:
                left = gone.recv(65536) == b""
            except OSError:
                left = True
            if left:
                waiting.unregister(gone)
                gone.close()
                if kind != "half a body":  # who is cut off comes back; who was answered does not
                    connect()
                    again += 1


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
