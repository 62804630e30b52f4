"""The sound of a roast: short clips as WAV, and what the detector sees of it."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from aiohttp import web

from roastwatch.audio import excerpt
from roastwatch.audio.excerpt import HEADER_BYTES, PlacedFile
from roastwatch.detection.pops.spectrogram import BANDS, COLUMN_S, Spectrogram
from roastwatch.roastlog.sounds import pieces
from roastwatch.roastlog.store import Store
from roastwatch.web.answers import tagged
from roastwatch.web.frames import spectrogram_frame
from roastwatch.web.guards import refusal
from roastwatch.web.roasts.asking import Asked
from roastwatch.web.roasts.bounds import SOUND_S, SPECTROGRAM_S
from roastwatch.web.roasts.door import BusyError, LogDoor, NotThereError, Threads
from roastwatch.web.route import BYTES

_PIECE = 256 * 1024
_WAITING = 64
"""Pieces that may wait for the thread."""


@dataclass(frozen=True, slots=True)
class Span:
    """Some sound of a roast."""

    files: tuple[PlacedFile, ...]
    """On the record's clock; the recording of the roast before clips."""
    rate: int
    first: int
    end: int
    """Samples at `rate`, from the record's second 0."""
    at: datetime | None
    """UTC of its beginning."""
    tag: str
    """Changes with the sound."""

    @property
    def size(self) -> int:
        """Bytes of the WAV file."""
        return HEADER_BYTES + 2 * (self.end - self.first)

    def wav(self, start: int, stop: int) -> bytes:
        """The bytes from `start` to before `stop` of its WAV file; reads only what they need."""
        head = excerpt.wav_header(self.rate, self.end - self.first)[start:stop]
        low, high = max(0, start - HEADER_BYTES), max(0, stop - HEADER_BYTES)
        if high <= low:
            return head
        first, end = self.first + low // 2, self.first + (high + 1) // 2
        samples = excerpt.excerpt(self.files, self.rate, first, end).astype("<i2").tobytes()
        return head + samples[low % 2 : low % 2 + high - low]

    def columns(self) -> bytes:
        """Header and columns of its spectrogram."""
        sees = Spectrogram(self.rate)
        before = round(COLUMN_S * self.rate)  # one column more, as history of the first
        samples = excerpt.excerpt(self.files, self.rate, self.first - before, self.end)
        _, columns = sees.push(0, samples.astype(np.float32) / np.float32(32768.0))
        at_s = self.at.timestamp() if self.at is not None else 0.0
        return spectrogram_frame(columns[1:], bands=BANDS, at_s=at_s, column_s=COLUMN_S)


def span(store: Store, roast_id: str, from_s: float, to_s: float) -> Span:
    """Where some sound of a roast is.

    Args:
        store: the log.
        roast_id: whose.
        from_s: its beginning, in seconds from the roast's zero.
        to_s: its end.

    Raises:
        NoSuchRoastError: there is no such roast.
        NotThereError: nothing of it was recorded.
        BadInputError: the recording is damaged.
    """
    roast_no = store.find_exactly(roast_id)
    record_at, zero_s = _times(store, roast_no)
    begins_s, ends_s = from_s + zero_s, to_s + zero_s
    found = [one for one in pieces(store, roast_no) if one.from_s < ends_s and one.to_s > begins_s]
    if not found:
        raise NotThereError("Nothing was recorded at this time of the roast.")
    rate = excerpt.rate_hz(found[0].path)
    first = round(begins_s * rate)
    seen = [(str(one.path), one.from_s, one.path.stat().st_mtime_ns) for one in found]
    wanted = f"{seen} {rate} {first} {to_s - from_s}"
    return Span(
        tuple(PlacedFile(one.path, one.from_s) for one in found),
        rate,
        first,
        first + round((to_s - from_s) * rate),
        record_at + timedelta(seconds=begins_s) if record_at else None,
        hashlib.blake2b(wanted.encode(), digest_size=16).hexdigest(),
    )


def _times(store: Store, roast_no: int) -> tuple[datetime | None, float]:
    """UTC of the record's second 0, and the roast's zero in seconds from there."""
    started_at, zero_s = store.connection.execute(
        "SELECT started_at, (SELECT at_s FROM events e WHERE e.roast_no = r.roast_no AND "
        "kind = 'charge' AND revoked = 0 ORDER BY at_s, rowid LIMIT 1) FROM roasts r "
        "WHERE roast_no = ?",
        (roast_no,),
    ).fetchone()
    at = datetime.fromisoformat(started_at) if started_at else None
    return (at - timedelta(seconds=zero_s or 0.0) if at else None), float(zero_s or 0.0)


class Sounds:
    """Answers requests for sound; its files are read in a thread of their own."""

    def __init__(self, log: LogDoor) -> None:
        self._log = log
        self._threads = Threads("roast-sound", _WAITING)

    async def sound(self, request: web.Request) -> web.StreamResponse:
        """A clip as WAV; a range of its bytes if one is requested."""
        from_s, to_s = Asked(request, ("from", "to")).span(SOUND_S)
        part = await self._log.call(span, request.match_info["roast_id"], from_s, to_s)
        tag = f'"{part.tag}"'
        headers = {
            "ETag": tag,
            "Cache-Control": "private, no-cache",
            "Accept-Ranges": "bytes",
            "Vary": "Authorization, Cookie",
        }
        if any(one.value == part.tag for one in request.if_none_match or ()):
            return web.Response(status=304, headers=headers)
        status, start, stop = 200, 0, part.size
        if request.headers.get("If-Range", tag) == tag:
            wanted = _range(request, part.size)
            if wanted is not None:
                status, (start, stop) = 206, wanted
                if start >= stop:
                    return refusal(416, "There are no such bytes.",
                                   **{"Content-Range": f"bytes */{part.size}"})  # fmt: skip
                headers["Content-Range"] = f"bytes {start}-{stop - 1}/{part.size}"
        answer = web.StreamResponse(status=status, headers=headers)
        answer.content_type, answer.content_length = "audio/wav", stop - start
        return await self._send(request, answer, part, start, stop)

    async def _send(
        self, request: web.Request, answer: web.StreamResponse, part: Span, start: int, stop: int
    ) -> web.StreamResponse:
        """Send a part of a WAV file in pieces, so that a slow client costs little memory."""
        piece = b""
        if request.method != "HEAD":
            piece = await self._threads.call(part.wav, start, min(stop, start + _PIECE))
        await answer.prepare(request)
        while piece:
            await answer.write(piece)
            start += len(piece)
            if start >= stop:
                break
            try:
                piece = await self._threads.call(part.wav, start, min(stop, start + _PIECE))
            except BusyError:  # what has begun can't become a refusal
                if request.transport is not None:
                    request.transport.abort()
                return answer
        await answer.write_eof()
        return answer

    async def spectrogram(self, request: web.Request) -> web.Response:
        """What the detector sees, as the binary messages of `live` have it."""
        from_s, to_s = Asked(request, ("from", "to")).span(SPECTROGRAM_S)
        part = await self._log.call(span, request.match_info["roast_id"], from_s, to_s)
        return tagged(request, await self._threads.call(part.columns), media=BYTES)

    def close(self) -> None:
        """Drop what waits."""
        self._threads.close()


def _range(request: web.Request, size: int) -> tuple[int, int] | None:
    """The bytes that are requested, from and to before; None: all of them.

    A range that is malformed, or several, count as none (RFC 9110, section 14.2).
    """
    try:
        wanted = request.http_range
    except ValueError:
        return None
    start, stop = wanted.start, wanted.stop
    if start is None and stop is None:
        return None
    if start is not None and start < 0:  # the last bytes
        return max(0, size + start), size
    start = start or 0
    return start, min(size, size if stop is None else stop)
