"""Listens to a coffee roast, hears first crack within seconds, and tells."""

import os
import sys

__version__ = "0.1.0"

# Before numpy is imported: our products are small and run beside other work, where OpenBLAS's
# threads wait for one another in busy loops (on two busy cores: three times the processor time).
# Whoever sets it, keeps it.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# Nothing goes out that the settings did not name. These libraries report to their makers unless
# that is switched off before they are imported; every process of ours imports this file first.
# Set, not only by default: a variable that was left at "0" must not switch it on again.
os.environ.update(
    {
        # ONNX Runtime from 1.29 on: an uploader, and a device id under ~/.cache/Microsoft.
        "ORT_DISABLE_TELEMETRY": "1",
        # The Hugging Face hub's client and transformers: what runs here, in the User-Agent.
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "DO_NOT_TRACK": "1",
        # transformers: asks a server to convert weights that are not safetensors.
        "DISABLE_SAFETENSORS_CONVERSION": "1",
    }
)
# `import openvino` alone reports to Google Analytics. It has no variable that switches that off,
# but does without this package where it can't be imported.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
