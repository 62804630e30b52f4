"""Python literals and JSON as data: nothing in a file is ever run."""

import ast
import json
import re
import warnings
from typing import Any

from roastwatch.errors import BadInputError

_NUMBERS = {"nan": float("nan"), "inf": float("inf"), "NaN": float("nan"), "Infinity": float("inf")}
_WORDS: dict[str, Any] = {"true": True, "false": False, "null": None, **_NUMBERS}
# numpy prints its scalars as calls, and some versions of Artisan saved them so.
_CASTS = {"float64": float, "float32": float, "int64": int, "int32": int, "float": float}


def parse(text: str, name: str) -> Any:
    """The value in a text that is JSON or a Python literal.

    Args:
        text: the whole file.
        name: what to call the file in a failure.

    Raises:
        BadInputError: it is neither.
    """
    try:
        return json.loads(text)
    except ValueError:
        pass
    except RecursionError as error:
        raise BadInputError(f"{name} is nested too deeply to be a roast.") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            tree = ast.parse(text.strip(), mode="eval")
        return _value(tree.body)
    except SyntaxError as error:
        where = f" (line {error.lineno})" if error.lineno else ""
        raise BadInputError(
            f"{name} is damaged or cut short: it is neither JSON nor a Python literal{where}; "
            "save it again in the program that made it."
        ) from error
    except (ValueError, OverflowError) as error:
        raise BadInputError(f"{name} holds what is not plain values ({error}).") from error
    except (RecursionError, MemoryError) as error:
        raise BadInputError(f"{name} is nested too deeply to be a roast.") from error


def _value(node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=value) if isinstance(value, str | int | float | bool | None):
            return value
        case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
            return [_value(item) for item in items]
        case ast.Dict(keys=keys, values=values):
            return {
                str(_value(key)): _value(value)
                for key, value in zip(keys, values, strict=True)
                if key is not None
            }
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_number(operand)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _number(operand)
        case ast.Name(id=word) if word in _WORDS:
            return _WORDS[word]
        case ast.Call(func=ast.Attribute(attr=cast) | ast.Name(id=cast), args=[arg], keywords=[]):
            if cast in _CASTS:
                return _CASTS[cast](_number(arg))
    raise ValueError(f"a {type(node).__name__} stands on line {getattr(node, 'lineno', 1)}")


def _number(node: ast.expr) -> Any:
    value = _value(node)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("a sign stands before what is not a number")
    return value


_ESCAPE = re.compile(
    r"\\(?:x(?P<x>[0-9a-fA-F]{2})|u(?P<u>[0-9a-fA-F]{4})|U(?P<U>[0-9a-fA-F]{8})"
    r"|(?P<one>[ntrabfv\\'\"0]))"
)
_ONE = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v", "0": "\0"}


def unescape(text: str) -> str:
    """Undo the backslash escapes that Artisan writes inside its strings.

    Letters beyond Latin-1 that a third party wrote without an escape stay as they are.
    """

    def letter(match: re.Match[str]) -> str:
        code = match["x"] or match["u"] or match["U"]
        if code:
            number = int(code, 16)
            return chr(number) if number < 0x110000 else match[0]
        return _ONE.get(match["one"], match["one"])

    joined = _ESCAPE.sub(letter, text)
    # Two \u escapes may be the halves of one character outside the basic plane.
    return joined.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def escape(text: str) -> str:
    """The other way: ASCII with backslash escapes, as Artisan reads them back."""
    return text.encode("unicode_escape").decode("ascii")
