"""Names that the integration's files share."""

import logging
from datetime import timedelta

from homeassistant.const import Platform

DOMAIN = "roastwatch"
LOGGER = logging.getLogger(__package__)
DOCUMENTATION = "https://github.com/roastwatch/roastwatch/blob/main/docs/how-to/home-assistant.md"

PLATFORMS = [
    Platform.BINARY_SENSOR,
    Platform.BUTTON,
    Platform.EVENT,
    Platform.IMAGE,
    Platform.NUMBER,
    Platform.SELECT,
    Platform.SENSOR,
    Platform.SWITCH,
    Platform.TEXT,
    Platform.VALVE,
]

CONF_INSTANCE = "instance"
CONF_SERVICE_ID = "service_id"
"""The id of the service's installation, where discovery reported it."""
DEFAULT_PORT = 8099
CONF_PANEL = "panel"
"""Option: whether the service's page is in the sidebar."""

OLDEST_VERSION = "0.1.0"
"""Of the service; older ones lack what this integration asks."""

SILENT_AFTER = timedelta(seconds=60)
"""A microphone without sound for this long is a repair issue."""
FIRST_VALUES_WITHIN_S = 10.0
LONGEST_WAIT_S = 30.0
"""Between two attempts to connect."""
