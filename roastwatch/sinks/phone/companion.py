"""Messages for Home Assistant's companion app (companion.home-assistant.io/docs/notifications)."""

from typing import Any

from roastwatch.entities import BY_KEY
from roastwatch.printing.times import spoken
from roastwatch.sinks.phone.alerts import WORDS, Alert
from roastwatch.vocabulary import Phase, Snapshot

_STEPS = (
    Phase.CHARGED,
    Phase.DRYING,
    Phase.MAILLARD,
    Phase.ROASTING,
    Phase.FIRST_CRACK,
    Phase.DEVELOPMENT,
    Phase.DROPPED,
    Phase.COOLING,
)


def message(said: Alert, picture_entity: str | None) -> dict[str, Any]:
    """The service data of `notify.mobile_app_*`: Android and iOS each use their own keys."""
    data: dict[str, Any] = {
        "tag": said.tag,
        "ttl": 0,
        "priority": "high",
        "channel": _channel(said),
        "importance": _importance(said),
        "actions": [{"action": action, "title": words} for action, words in said.actions],
        "push": _push(said),
    }
    if said.silent:
        data["alert_once"] = True
    if picture_entity:
        data["image"] = f"/api/image_proxy/{picture_entity}"
    return {"title": said.title, "message": said.text, "data": data}


def _push(said: Alert) -> dict[str, Any]:
    """How it sounds on iOS."""
    if said.critical:
        return {"sound": {"name": "default", "critical": 1, "volume": 1.0}}
    if said.silent:
        return {"sound": "none", "interruption-level": "passive"}
    return {"interruption-level": "time-sensitive" if said.calls else "active"}


def _importance(said: Alert) -> str:
    """How it sounds on Android, until the person changes the channel."""
    if said.silent and not said.critical:
        return "low"
    return "high" if said.calls or said.critical else "default"


def _channel(said: Alert) -> str:
    """Android's channel, where a person chooses how each class sounds."""
    if said.critical:
        return "alarm_stream"
    if said.silent:
        return "roastwatch_silent"
    return "roastwatch" if said.calls else "roastwatch_information"


def progress(snapshot: Snapshot, title: str, tag: str, language: str = "en") -> dict[str, Any]:
    """A live notification of the roast, updated at each phase and removed at its end."""
    if snapshot.phase is Phase.IDLE:
        return cleared(tag)
    step = _STEPS.index(snapshot.phase) if snapshot.phase in _STEPS else 0
    phase = BY_KEY["phase"].word(snapshot.phase.value, language)
    data: dict[str, Any] = {
        "tag": tag,
        "live_update": True,
        "alert_once": True,
        "progress": step + 1,
        "progress_max": len(_STEPS),
        "importance": "low",
        "channel": "roast in progress",
    }
    if snapshot.started_at is not None:
        data |= {"chronometer": True, "when": int(snapshot.started_at.timestamp())}
    return {"title": title, "message": phase, "data": data}


def cleared(tag: str) -> dict[str, Any]:
    """Remove a notification."""
    return {"message": "clear_notification", "data": {"tag": tag}}


def late(text: str, by_s: float, language: str) -> str:
    """The text, with how late it is delivered."""
    words = WORDS.get(language, WORDS["en"])
    return f"{text}, {words['late'].format(late=spoken(by_s))}"
