"""Help of every command: complete, and readable on a terminal of 80 columns."""

from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from roastwatch.cli import COMMANDS, cli


def commands(
    group: click.Group, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


EVERY = dict(commands(cli))


def help_of(path: tuple[str, ...]) -> str:
    result = CliRunner().invoke(cli, [*path, "--help"], terminal_width=80)
    assert result.exit_code == 0, result.output
    return result.output


def test_main_help_lists_every_command_with_its_summary() -> None:
    shown = help_of(())
    for name, (_, summary) in COMMANDS.items():
        assert f"  {name} " in shown
        assert summary in shown
        assert summary.endswith(".")


@pytest.mark.parametrize("path", [(), *EVERY], ids=" ".join)
def test_help_fits_80_columns_and_truncates_nothing(path: tuple[str, ...]) -> None:
    for line in help_of(path).splitlines():
        assert len(line) <= 80, line
        assert line.startswith("Usage: ") or not line.endswith("..."), line


@pytest.mark.parametrize("path", EVERY, ids=" ".join)
def test_every_command_and_option_has_a_description(path: tuple[str, ...]) -> None:
    command = EVERY[path]
    assert command.help
    undescribed = [
        parameter.opts[0]
        for parameter in command.params
        if isinstance(parameter, click.Option) and not parameter.help and not parameter.hidden
    ]
    assert not undescribed
