"""Read Python literals and JSON as data: nothing in a file is run, and the cost is bounded.

Python's own parser builds a tree of half a kilobyte for each number: a file of 8 MB took 3.9 GB.
So literals are read token by token here, lists of numbers at once.
"""

import ast
import json
import re
from typing import Any

from roastwatch.errors import BadInputError

MOST_VALUES = 1_500_000
"""An hour at 10 readings a second with 20 curves has 1.2 million."""
MOST_CONTAINERS = 300_000
"""HiBean has five lists and dictionaries a sample: 16 hours at one a second."""
DEEPEST = 60

_NUMBERS = {"nan": float("nan"), "inf": float("inf"), "NaN": float("nan"), "Infinity": float("inf")}
_WORDS: dict[str, Any] = {
    "True": True, "False": False, "None": None,
    "true": True, "false": False, "null": None, **_NUMBERS,
}  # fmt: skip
# numpy prints its scalars as calls, and some versions of Artisan saved them so.
_CASTS = {"float64": float, "float32": float, "int64": int, "int32": int, "float": float}

_TOKEN = re.compile(
    r"""(?:\s|\#[^\n]*+)*+(?:
      (?P<text>[uUrR]?(?:'[^'\\\n]*+(?:\\.[^'\\\n]*+)*+'|"[^"\\\n]*+(?:\\.[^"\\\n]*+)*+"))
    | (?P<number>[+-]?\s*+(?:\d[\d_]*+\.?[\d_]*+|\.\d[\d_]*+)(?:[eE][+-]?\d++)?(?!\w))
    | (?P<word>[+-]?[A-Za-z_][\w.]*+)
    | (?P<mark>[][{}(),:])
    | (?P<end>\Z)
    )""",
    re.VERBOSE | re.DOTALL,
)
# A list or a tuple of numbers and constants only, which JSON's parser reads forty times as fast.
_PLAIN = re.compile(r"[\[(]((?:[\d.eE+\-,\s]|None|True|False|nan|inf)*+)[\])]")
_AS_JSON = {"None": "null", "True": "true", "False": "false", "nan": "NaN", "inf": "Infinity"}


def parse(text: str, name: str) -> Any:
    """The value in a text that is JSON or a Python literal.

    Args:
        text: the whole file.
        name: the file's name for errors.

    Raises:
        BadInputError: it is neither, or too large.
    """
    containers = text.count("[") + text.count("{") + text.count("(")
    if text.count(",") > MOST_VALUES or containers > MOST_CONTAINERS:
        raise BadInputError(f"{name} contains more values than a roast can have.")
    try:
        return json.loads(text)
    except ValueError:
        pass
    except (RecursionError, MemoryError) as error:
        raise BadInputError(f"{name} is nested too deeply to be a roast.") from error
    reader = _Reader(text)
    try:
        return reader.whole()
    except SyntaxError as error:
        raise BadInputError(
            f"{name} is damaged or cut short: it is neither JSON nor a Python literal (line "
            f"{reader.line()}); save it again in the program that made it."
        ) from error
    except (ValueError, OverflowError, TypeError) as error:
        raise BadInputError(
            f"{name} contains more than plain values ({error}, line {reader.line()})."
        ) from error
    except RecursionError as error:
        raise BadInputError(f"{name} is nested too deeply to be a roast.") from error


class _Reader:
    """One pass over a Python literal.

    `SyntaxError` means that it is not one (or cut short), `ValueError` that it is more than one.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._kind = ""
        self._token = ""

    def line(self) -> int:
        """The present line, from 1."""
        return self._text.count("\n", 0, self._at) + 1

    def whole(self) -> Any:
        """The single value of the text."""
        self._next()
        value = self._value(0)
        if self._kind != "end":
            raise SyntaxError
        return value

    def _next(self) -> None:
        match = _TOKEN.match(self._text, self._at)
        if match is None or match.lastgroup is None:
            raise SyntaxError
        self._at, self._kind, self._token = match.end(), match.lastgroup, match[match.lastgroup]

    def _value(self, depth: int) -> Any:
        """The value that begins with the present token; the token after it is read."""
        if depth > DEEPEST:
            raise RecursionError
        token, kind = self._token, self._kind
        if kind == "mark" and token in "[({":
            return self._container(token, depth)
        if kind == "text":
            value: Any = token[1:-1] if token[0] in "'\"" and "\\" not in token else _string(token)
        elif kind == "number":
            value = _number(token)
        elif kind == "word":
            return self._word(token, depth)
        else:
            raise SyntaxError
        self._next()
        return value

    def _container(self, opening: str, depth: int) -> Any:
        if opening != "{":
            plain = self._plain(opening)
            if plain is not None:
                return plain
        closing = {"[": "]", "(": ")", "{": "}"}[opening]
        self._next()
        items: list[Any] = []
        pairs: dict[str, Any] | None = {} if opening == "{" else None
        commas = 0
        while self._token != closing or self._kind != "mark":
            item = self._value(depth + 1)
            if self._kind == "mark" and self._token == ":" and pairs is not None and not items:
                self._next()
                pairs[str(item)] = self._value(depth + 1)
            elif pairs:
                raise SyntaxError
            else:
                items.append(item)
            if self._kind == "mark" and self._token == ",":
                commas += 1
                self._next()
            elif self._token != closing or self._kind != "mark":
                raise SyntaxError
        self._next()
        if opening == "(" and len(items) == 1 and not commas:
            return items[0]
        return pairs if pairs is not None and not items else items

    def _plain(self, opening: str) -> list[Any] | None:
        """A list of plain values at once, if JSON would write them identically."""
        match = _PLAIN.match(self._text, self._at - 1)
        if match is None:
            return None
        inside = match[1].rstrip()
        if opening == "(" and "," not in inside:
            return None
        for ours, theirs in _AS_JSON.items():
            inside = inside.replace(ours, theirs)
        try:
            values: list[Any] = json.loads(f"[{inside.removesuffix(',')}]")
        except ValueError:
            return None
        self._at = match.end()
        self._next()
        return values

    def _word(self, token: str, depth: int) -> Any:
        self._next()
        sign, bare = (token[0], token[1:]) if token[0] in "+-" else ("", token)
        if bare in _WORDS and (not sign or bare in _NUMBERS):
            return -_WORDS[bare] if sign == "-" else _WORDS[bare]
        cast = _CASTS.get(bare.rpartition(".")[2])
        if cast is None or self._kind != "mark" or self._token != "(":
            raise ValueError(f"'{bare[:40]}'")
        self._next()
        value = cast(self._value(depth + 1))
        if self._kind != "mark" or self._token != ")":
            raise ValueError(f"'{bare[:40]}'")
        self._next()
        return -value if sign == "-" else value


def _number(token: str) -> int | float:
    bare = "".join(token.split())
    return float(bare) if any(letter in ".eE" for letter in bare) else int(bare)


def _string(token: str) -> str:
    try:
        return str(ast.literal_eval(token))
    except SyntaxError:
        # An escape of an unknown character.
        return token.strip("uUrR")[1:-1]


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
