"""The topics that people's automations depend on. They never change."""

from dataclasses import dataclass

DISCOVERY_PREFIX = "homeassistant"
ONLINE, OFFLINE = "online", "offline"


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one instance on its broker."""

    instance: str
    discovery_prefix: str = DISCOVERY_PREFIX

    @property
    def available(self) -> str:
        """Whether this instance is online or offline, retained."""
        return f"roastwatch/{self.instance}/available"

    @property
    def session(self) -> str:
        """Where two instances of one name detect each other."""
        return f"roastwatch/{self.instance}/session"

    @property
    def birth(self) -> str:
        """Where Home Assistant publishes its start and end."""
        return f"{self.discovery_prefix}/status"

    def part(self, station: str, part: str) -> str:
        """Whether a part of a station is online or offline, retained."""
        return f"roastwatch/{self.instance}/{station}/available/{part}"

    def state(self, station: str, key: str) -> str:
        """The state of one entity, retained."""
        return f"roastwatch/{self.instance}/{station}/state/{key}"

    def attributes(self, station: str, key: str) -> str:
        """The attributes of one entity, retained."""
        return self.state(station, f"{key}_attributes")

    def event(self, station: str) -> str:
        """Where events are published, never retained."""
        return f"roastwatch/{self.instance}/{station}/event"

    def artisan(self, station: str) -> str:
        """Where the values of a station are published for Artisan, never retained."""
        return f"roastwatch/{self.instance}/{station}/artisan"

    def set(self, station: str, key: str) -> str:
        """Where requests of people arrive."""
        return f"roastwatch/{self.instance}/{station}/set/{key}"

    def unique_id(self, station: str, key: str) -> str:
        """The name of an entity in Home Assistant's registry."""
        return f"{self.instance}_{station}_{key}"

    def device_id(self, station: str) -> str:
        """The name of a station's device."""
        return f"roastwatch_{self.instance}_{station}"

    def discovery(self, station: str, part: int = 0) -> str:
        """Where a station's device is announced, retained; in parts if a broker limits messages."""
        node = f"{self.discovery_prefix}/device/{self.device_id(station)}"
        return f"{node}/part{part + 1}/config" if part else f"{node}/config"

    def discovery_parts(self, station: str) -> str:
        """The filter for every part but the first."""
        return f"{self.discovery_prefix}/device/{self.device_id(station)}/+/config"

    def discovery_part_of(self, station: str, topic: str) -> int | None:
        """The part of a station's discovery that a topic is; None: it is none."""
        if topic == self.discovery(station):
            return 0
        node = f"{self.discovery_prefix}/device/{self.device_id(station)}/part"
        number = topic.removeprefix(node).removesuffix("/config")
        if not number.isascii() or not number.isdecimal() or len(number) > 4:
            return None
        part = int(number) - 1
        return part if part > 0 and topic == self.discovery(station, part) else None

    def parts_of(self, topic: str) -> tuple[str, str, str] | None:
        """Station, branch and key of a topic of ours, such as kitchen, set, drop."""
        words = topic.split("/")
        if len(words) == 5 and words[:2] == ["roastwatch", self.instance]:
            return words[2], words[3], words[4]
        return None
