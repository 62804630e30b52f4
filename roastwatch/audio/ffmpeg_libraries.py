"""The libraries of FFmpeg. This is the only module that imports PyAV."""

from typing import Any


def libraries() -> Any:
    """The module `av`.

    Raises:
        ImportError: PyAV is not installed.
    """
    import av

    return av
