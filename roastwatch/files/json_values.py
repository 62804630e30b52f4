"""One way from our values to those that JSON can hold."""

import math
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from datetime import datetime
from typing import Any


def json_safe(value: object) -> Any:
    """The same with JSON's own types: UTC as ISO 8601, unknown (NaN, infinity) as null.

    Dataclasses become objects, tuples become lists, an Enum of strings is its string already.
    """
    if is_dataclass(value) and not isinstance(value, type):
        return json_safe(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): json_safe(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_safe(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
