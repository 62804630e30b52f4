"""`roastwatch run` without settings: only the page runs, and its wizard creates them."""

import asyncio
import contextlib
import logging
from pathlib import Path

from roastwatch import plugins
from roastwatch.channel import Events, Latest
from roastwatch.cli.live import Restart, begin_again, port_before, until_stopped
from roastwatch.cli.page import Page, with_page
from roastwatch.printing.recent_log import RecentLog
from roastwatch.settings import model as settings
from roastwatch.sinks.sink import HostProcess, Sink, SinkContext
from roastwatch.supervise import ComponentHealth
from roastwatch.upkeep.checks import Nobody
from roastwatch.upkeep.trials import WizardTrials
from roastwatch.vocabulary import RoastEvent, Snapshot

_log = logging.getLogger(__name__)


def set_up(path: Path, page: Page) -> None:
    """Serve the page's wizard until it has created the settings, then start the service.

    Nothing else runs: no microphone is opened before a person tries it, and no roaster at all.

    Args:
        path: the settings file to create.
        page: whether the page is open to the network; people sign in then.
    """
    path = path.absolute()
    log = RecentLog(())
    log.listen()
    restart = Restart()
    _log.info("There are no settings yet: open the page to set up roastwatch (%s)", path)
    process = HostProcess(log, path, restart.request, WizardTrials(), port_before())
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(process, page, restart))
    if restart.requested:
        begin_again(process.page_port)


async def _serve(process: HostProcess, page: Page, restart: Restart) -> None:
    wanted = settings.parse({})
    (chosen,) = with_page(wanted, (), page)[1]
    context = SinkContext(
        wanted.instance,
        [],
        wanted.language,
        Nobody("There are no settings yet."),
        ComponentHealth(chosen.type),
        folder=wanted.folder,
        process=process,
    )
    sink: Sink = plugins.load("sinks", chosen.type)(chosen.options, context)
    events: Events[RoastEvent] = Events()
    latest: Latest[dict[str, Snapshot]] = Latest({})
    await until_stopped(sink.run(events, latest), restart)
