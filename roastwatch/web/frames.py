"""The binary message that carries columns of a spectrogram, live and of recorded roasts."""

import struct
from collections.abc import Sequence

_HEAD = struct.Struct("<BBHdf")
_SPECTROGRAM = 1


def spectrogram_frame(
    columns: Sequence[bytes], *, bands: int, at_s: float, column_s: float, station: int = 0
) -> bytes:
    """A header and the columns, as integrations/contract.md describes them.

    Args:
        columns: the level of each band, one byte each, per column.
        bands: how many bands a column has.
        at_s: UTC of the first column, in seconds.
        column_s: seconds that a column lasts.
        station: which of the snapshot's stations, from 0.
    """
    return _HEAD.pack(_SPECTROGRAM, bands, station, at_s, column_s) + b"".join(columns)
