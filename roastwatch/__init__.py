"""Listens to a coffee roast, hears first crack within seconds, and tells."""

import os

__version__ = "0.1.0"

# Before numpy is imported: our products are small and run beside other work, where OpenBLAS's
# threads wait for one another in busy loops (on two busy cores: three times the processor time).
# Whoever sets it, keeps it.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
