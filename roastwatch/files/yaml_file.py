"""Read YAML with the core schema of YAML 1.2, within bounds.

PyYAML reads YAML 1.1, where a bare `on`, `off`, `yes` or `no` is a boolean (even as a key), 0123 is
83 and 22:30 is 1350. Here they are what they look like; boolean options still accept the words
`yes`, `no`, `on` and `off`.
"""

import re
from typing import Any

import yaml
from yaml.events import AliasEvent, CollectionStartEvent
from yaml.nodes import Node, ScalarNode

DEEPEST = 50
MOST_NODES = 100_000
"""Counting aliases as the values they stand for."""


class _Loader(yaml.SafeLoader):
    """Safe, bounded, and with the core schema of YAML 1.2."""

    yaml_implicit_resolvers: dict[str, list[Any]] = {}  # noqa: RUF012 - PyYAML's own way

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0
        self._nodes = 0
        self._weights: dict[str, int] = {}

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        """Compose a node; refuse one that exceeds the bounds."""
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        before = self._nodes
        if isinstance(event, AliasEvent):
            if event.anchor in self.anchors and event.anchor not in self._weights:
                self._refuse(f"*{event.anchor} contains itself", event)
            self._nodes += self._weights.get(str(event.anchor), 0)
        self._nodes += 1
        if self._nodes > MOST_NODES:
            self._refuse(
                f"it has more than {MOST_NODES} values with aliases written out",
                event,
            )
        self._depth += isinstance(event, CollectionStartEvent)
        if self._depth > DEEPEST:
            self._refuse(f"it is nested deeper than {DEEPEST} levels", event)
        node = super().compose_node(parent, index)
        self._depth -= isinstance(event, CollectionStartEvent)
        if not isinstance(event, AliasEvent) and getattr(event, "anchor", None):
            self._weights[event.anchor] = self._nodes - before
        found: Node | None = node
        return found

    def _refuse(self, why: str, event: Any) -> None:
        raise yaml.composer.ComposerError(None, None, why, event.start_mark)

    def core_int(self, node: ScalarNode) -> int:
        """12, 0o14 or 0xc; 012 is twelve."""
        text = node.value
        base = {"0o": 8, "0x": 16}.get(text[:2], 10)
        return int(text, base)

    def core_float(self, node: ScalarNode) -> float:
        """1.5, 1e3, .inf or .nan."""
        return float(re.sub(r"\.(inf|nan)$", r"\1", node.value.lower()))


def _resolve(kind: str, pattern: str, first: str) -> None:
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{kind}", re.compile(f"^(?:{pattern})$"), list(first)
    )


_resolve("bool", "true|True|TRUE|false|False|FALSE", "tTfF")
_resolve("int", "[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789")
_resolve(
    "float",
    r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
    "-+.0123456789",
)
_resolve("null", "~|null|Null|NULL|", "~nN\0")
_resolve("merge", "<<", "<")
_Loader.yaml_implicit_resolvers[""] = _Loader.yaml_implicit_resolvers.pop("\0")
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.core_int)
_Loader.add_constructor("tag:yaml.org,2002:float", _Loader.core_float)


def parse_yaml(text: str) -> Any:
    """Parse a YAML document into dicts, lists, strings, numbers, booleans and None.

    Raises:
        yaml.YAMLError: it is not YAML, is nested too deeply, or is too large when expanded.
    """
    loader = _Loader(text)
    try:
        return loader.get_single_data()
    except yaml.YAMLError:
        raise
    except (ValueError, ArithmeticError, LookupError, AttributeError, TypeError) as error:
        # PyYAML's constructors for explicit tags, such as `!!bool perhaps`, check nothing.
        raise yaml.YAMLError("a value does not fit its tag") from error
    finally:
        loader.dispose()


def problem_of(error: yaml.YAMLError) -> str:
    """The problem on one line, such as ` in line 3: mapping values are not allowed here`."""
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    # Neither an alias nor a tag is shown: it may be a password that begins with * or !.
    hidden = r"\1 (put text that begins with * or ! in quotes)"
    problem = re.sub(r"(alias|tag) ['\"].*", hidden, problem)
    line = f" in line {mark.line + 1}" if mark else ""
    return f"{line}: {' '.join(str(problem).split())}"
