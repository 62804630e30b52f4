"""The handlers of the routes of set-up and health."""

from collections.abc import Callable, Mapping

from roastwatch.sinks.sink import SinkContext
from roastwatch.vocabulary import Snapshot
from roastwatch.web import guards
from roastwatch.web.access import Access
from roastwatch.web.roasts.door import answering
from roastwatch.web.upkeep.health import Health
from roastwatch.web.upkeep.settings import SettingsPages
from roastwatch.web.upkeep.wizard import WizardPages

Snapshots = Callable[[], Mapping[str, Snapshot]]


class UpkeepPages:
    """Answers the requests about set-up and health."""

    def __init__(self, context: SinkContext, snapshots: Snapshots, access: Access) -> None:
        """Open nothing yet.

        Args:
            context: the settings file and the log lines of the process.
            snapshots: gives the present state of every station.
            access: who may see the path of the settings file.
        """
        self._health = Health(context, snapshots, access)
        self._settings = SettingsPages(context, snapshots)
        self._wizard = WizardPages(context)

    def handlers(self) -> dict[str, guards.Handler]:
        """The handlers by the names of their routes."""
        health, settings, wizard = self._health, self._settings, self._wizard
        found: dict[str, guards.Handler] = {
            "diagnostics": health.diagnostics,
            "log": health.log,
            "support": health.support,
            "settings": settings.show,
            "settings_schema": settings.schema,
            "check_settings": settings.check,
            "save_settings": settings.save,
            "restart": settings.restart,
            "setup_microphones": wizard.microphones,
            "setup_listen": wizard.listen,
            "setup_heard": wizard.heard,
            "setup_try": wizard.try_sink,
        }
        return {name: answering(handler) for name, handler in found.items()}
