"""Each interlock is needed, and each rule within it: mutations, every one of which is found.

A mutant is the interlock with one of its `yield`s taken out (or the whole interlock). With all
interlocks no scenario's danger happens; with a mutant that of at least one does.
`pytest -m verify -s tests/unit/test_interlock_mutations.py` lists them.
"""

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from roastwatch.roaster.guardian.interlocks import INTERLOCKS, Interlock
from roastwatch.vocabulary import Origin
from tests.support.interlock_scenarios import DOOR, SCENARIOS, Bench


def mutants(name: str) -> Iterator[tuple[str, Interlock | None]]:
    """What is taken out, and what is left; None: nothing of it."""
    yield "all of it", None
    rule = INTERLOCKS[name]
    source = textwrap.dedent(inspect.getsource(rule))
    yields = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Yield)
    ]
    for at in yields if len(yields) > 1 else []:
        tree = ast.parse(source)
        tree.body[0].body.append(ast.parse("yield from ()").body[0])  # type: ignore[attr-defined]
        mutant = _Without(at.lineno).visit(tree)
        place: dict[str, Interlock] = {}
        code = compile(ast.fix_missing_locations(mutant), f"mutant of {name}", "exec")
        exec(code, rule.__globals__, place)
        reason = ast.unparse(at.value).split("Bound(", 1)[1]
        yield f"its bound “{reason[:48]}…”", place[name]


class _Without(ast.NodeTransformer):
    """Takes out the yield that begins at a line."""

    def __init__(self, line: int) -> None:
        self._line = line

    def visit_Expr(self, node: ast.Expr) -> ast.stmt:
        gone = isinstance(node.value, ast.Yield) and node.lineno == self._line
        return ast.copy_location(ast.Pass(), node) if gone else node


def found_by(name: str, mutant: Interlock | None) -> list[str]:
    """The dangers that happen with this mutant."""
    rules = dict(INTERLOCKS)
    if mutant is None:
        del rules[name]
    else:
        rules[name] = mutant
    return [
        danger.__name__
        for interlock, danger, how in SCENARIOS
        if interlock == name and danger(Bench(rules=rules.copy(), **how))
    ]


MUTANTS = [(name, what, mutant) for name in INTERLOCKS for what, mutant in mutants(name)]


@pytest.mark.parametrize(
    ("name", "danger", "how"), SCENARIOS, ids=lambda v: getattr(v, "__name__", None)
)
def test_with_all_interlocks_the_danger_does_not_happen(
    name: str, danger: Callable[[Bench], bool], how: dict[str, Any]
) -> None:
    assert not danger(Bench(**how)), f"{name} did not prevent it"


@pytest.mark.parametrize(
    ("name", "what", "mutant"), MUTANTS, ids=lambda v: v if isinstance(v, str) else ""
)
def test_each_mutation_is_found(name: str, what: str, mutant: Interlock | None) -> None:
    found = found_by(name, mutant)
    assert found, f"nothing changes without {what} of {name}: it is untested"
    if mutant is None:
        assert found == [danger.__name__ for other, danger, _ in SCENARIOS if other == name]


@pytest.mark.verify
def test_list_of_mutations(capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print(f"\n\n{len(MUTANTS)} mutations, each found by:\n")
        for name, what, mutant in MUTANTS:
            print(f"  {name}, without {what}: {', '.join(found_by(name, mutant))}")


@pytest.mark.parametrize("name", INTERLOCKS)
def test_each_interlock_names_its_source(name: str) -> None:
    assert "Source:" in (INTERLOCKS[name].__doc__ or "")


@pytest.mark.parametrize(("bean_c", "air_c"), [(200.0, 240.0), (229.0, 299.0)])
def test_hot_air_over_cooler_beans_does_not_keep_a_plan_from_dropping(
    bean_c: float, air_c: float
) -> None:
    """The air of a roast's last minutes is hotter than beans that may be dropped."""
    bench = Bench(bean_c=bean_c, air_c=air_c)
    bench.run(3.0)
    bench.ask(DOOR, 100, Origin.PLAN)
    assert bench.guard.machine.setpoints.door == 100


def test_person_may_open_the_door_on_beans_that_may_burn() -> None:
    bench = Bench(bean_c=240.0)
    bench.run(3.0)
    bench.ask(DOOR, 100, Origin.PERSON)
    assert bench.guard.machine.setpoints.door == 100
