"""The build hook: the wheel, the source archive and an editable install hold the built page."""

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PageHook(BuildHookInterface[Any]):
    """Builds the page from web/ unless it is current; Node comes as a Python package if needed."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """What the build needs besides hatchling."""
        page = self._page()
        if page is None or page.is_current() or page.node() is not None:
            return []
        return [page.NODE_PACKAGE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the page."""
        page = self._page()
        if page is None or page.is_current():
            return
        try:
            page.build()
        except page.PageError as error:
            sys.exit(f"roastwatch: {error}")

    def _page(self) -> ModuleType | None:
        """web/build.py; None: the page is not wanted."""
        if os.environ.get("ROASTWATCH_WITHOUT_PAGE"):
            return None
        spec = importlib.util.spec_from_file_location(
            "roastwatch_page_build", Path(self.root) / "web" / "build.py"
        )
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
