"""`roastwatch mcp`: the running service as tools for an agent, over MCP."""

import asyncio
import contextlib
from pathlib import Path

import click

from roastwatch.errors import MissingExtraError, SettingsError
from roastwatch.files.untrusted import read_text
from roastwatch.mcp.api import Credentials


@click.command("mcp")
@click.option(
    "--url",
    default="http://127.0.0.1:8099",
    show_default=True,
    envvar="ROASTWATCH_URL",
    help="Address of the running service's HTTP API.",
)
@click.option(
    "--token-file",
    type=click.Path(path_type=Path),
    envvar="ROASTWATCH_TOKEN_FILE",
    help="File with the token of the API, usually its agent_token.",
)
@click.option(
    "--password-file",
    type=click.Path(path_type=Path),
    envvar="ROASTWATCH_PASSWORD_FILE",
    help="File with a password of the API, instead of a token.",
)
def command(url: str, token_file: Path | None, password_file: Path | None) -> None:
    """Offer the running service to an agent, over MCP on standard input and output.

    An MCP client starts this command. It is a client of the HTTP API: the service must run with
    the sink `rest`. Whatever the token or password allows, the service treats its requests as an
    agent's: it can't arm, and raises heat or drops only if roaster_limits say so.

    Example: roastwatch mcp --token-file agent.token
    """
    if token_file is not None and password_file is not None:
        raise SettingsError("Give --token-file or --password-file, not both.")
    if not url.startswith(("http://", "https://")):
        raise SettingsError(f"--url: {url} must begin with http:// or https://.")
    try:
        from roastwatch.mcp.server import made
    except ImportError as error:
        raise MissingExtraError("`roastwatch mcp`", "mcp") from error
    credentials = Credentials(
        _secret(token_file, "--token-file"), _secret(password_file, "--password-file")
    )
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(made(url, credentials).run_stdio_async())


def _secret(path: Path | None, option: str) -> str | None:
    """The one line in a file.

    Raises:
        SettingsError: it can't be read, or has another number of lines.
    """
    if path is None:
        return None
    try:
        lines = [line.strip() for line in read_text(path).split("\n") if line.strip()]
    except OSError as error:
        raise SettingsError(f"{option}: {path} can't be read: {error.strerror}.") from error
    if len(lines) != 1:
        raise SettingsError(f"{option}: {path} must contain one line, the secret.")
    return lines[0]
