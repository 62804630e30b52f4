"""What type checkers see of the package: the public API, which is imported at its first use."""

from roastwatch.errors import RoastwatchError as RoastwatchError
from roastwatch.offline.detector import Detector as Detector
from roastwatch.offline.detector import FirstCrack as FirstCrack

__version__: str
