"""Writes a workbook as old Excel does (BIFF8 in a compound file): numbers and text, no formats."""

import struct
from collections.abc import Mapping, Sequence

Rows = Sequence[Sequence[str | float]]
_SECTOR = 512
_NONE, _END, _FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD


def workbook(sheets: Mapping[str, Rows]) -> bytes:
    """The bytes of a workbook of these sheets."""
    bodies = [_sheet(rows) for rows in sheets.values()]
    heads = [_bound(0, title) for title in sheets]
    begin = _record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0005, 0, 0, 0, 0))
    end = _record(0x000A, b"")
    at = len(begin) + sum(map(len, heads)) + len(end)
    placed = []
    for title, body in zip(sheets, bodies, strict=True):
        placed.append(_bound(at, title))
        at += len(body)
    return _compound(begin + b"".join(placed) + end + b"".join(bodies))


def _record(kind: int, data: bytes) -> bytes:
    return struct.pack("<HH", kind, len(data)) + data


def _bound(at: int, title: str) -> bytes:
    text = title.encode("utf-16-le")
    return _record(0x0085, struct.pack("<IHBB", at, 0, len(title), 1) + text)


def _sheet(rows: Rows) -> bytes:
    found = _record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0010, 0, 0, 0, 0))
    for row, cells in enumerate(rows):
        for column, cell in enumerate(cells):
            place = struct.pack("<HHH", row, column, 0)
            if isinstance(cell, str):
                text = struct.pack("<HB", len(cell), 1) + cell.encode("utf-16-le")
                found += _record(0x0204, place + text)
            else:
                found += _record(0x0203, place + struct.pack("<d", cell))
    return found + _record(0x000A, b"")


def _compound(stream: bytes) -> bytes:
    """A compound file with one stream: its table of sectors, its folder, the stream."""
    stream = stream.ljust(max(4096, -(-len(stream) // _SECTOR) * _SECTOR), b"\0")
    sectors = len(stream) // _SECTOR
    assert sectors < _SECTOR // 4 - 2, "one sector of the table is enough for tests"
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
    header += struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
    header += struct.pack("<IIIIIIIII", 0, 1, 1, 0, 4096, _END, 0, _END, 0)
    header += struct.pack("<109I", 0, *[_NONE] * 108)
    chain = [*range(3, sectors + 2), _END]
    table = [_FAT, _END, *chain]
    fat = struct.pack("<128I", *table, *[_NONE] * (128 - len(table)))
    folder = _entry("Root Entry", 5, 1, _END, 0) + _entry("Workbook", 2, _NONE, 2, len(stream))
    return header + fat + folder.ljust(_SECTOR, b"\0") + stream


def _entry(name: str, kind: int, child: int, start: int, size: int) -> bytes:
    text = (name + "\0").encode("utf-16-le")
    head = text.ljust(64, b"\0") + struct.pack("<HBB", len(text), kind, 1)
    links = struct.pack("<III", _NONE, _NONE, child)
    return head + links + bytes(36) + struct.pack("<IQ", start, size)
