"""Detects first crack in a coffee roast from its sound, and notifies Home Assistant and phones.

    >>> import soundfile
    >>> from roastwatch import Detector
    >>> crack = Detector().detect(*soundfile.read("roast.wav"))
    >>> print(f"First crack began at {crack.onset_s:.0f} s." if crack else "No first crack.")
    First crack began at 62 s.

`roastwatch.offline.detector` has the rest of this API: streams, channels, options.
"""

import importlib
import os
import sys

__version__ = "0.1.0"
__all__ = ["Detector", "FirstCrack", "RoastwatchError", "__version__"]

# Before numpy is imported: our matrix products are small and run beside other work, where the
# threads of OpenBLAS wait for one another in busy loops (three times the processor time on two
# busy cores). A value that is already set is kept.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# Nothing is sent that the settings did not name. These libraries report to their makers unless
# that is switched off before they are imported; every process of ours imports this file first.
# The values are forced: a variable that was left at "0" must not switch reports on again.
os.environ.update(
    {
        # ONNX Runtime from 1.29 on: an uploader, and a device id under ~/.cache/Microsoft.
        "ORT_DISABLE_TELEMETRY": "1",
        # The Hugging Face hub client and transformers: versions and platform in the User-Agent.
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "DO_NOT_TRACK": "1",
        # transformers: asks a server to convert weights that are not safetensors.
        "DISABLE_SAFETENSORS_CONVERSION": "1",
    }
)
# `import openvino` alone reports to Google Analytics. No variable switches that off, but openvino
# does without this package if it can't be imported.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

# The public API, imported at its first use so that `import roastwatch` stays quick: the guardian
# process imports this file too. __init__.pyi declares it to type checkers.
_LAZY = {
    "Detector": "roastwatch.offline.detector",
    "FirstCrack": "roastwatch.offline.detector",
    "RoastwatchError": "roastwatch.errors",
}


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_LAZY[name]), name)
