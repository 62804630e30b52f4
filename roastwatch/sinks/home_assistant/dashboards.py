"""Dashboards for Home Assistant, made of built-in cards, with one view for each station. Pure."""

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

from roastwatch.sinks.home_assistant.cards import Card, Condition, StationCards, heading, section

Layout: TypeAlias = Literal["phone", "wall"]

_SEGMENTS = [
    {"from": 0, "color": "#8d6e63"},
    {"from": 50, "color": "#ffb300"},
    {"from": 90, "color": "#43a047"},
]


def dashboard(stations: Sequence[tuple[str, StationCards]], layout: Layout) -> dict[str, Any]:
    """A dashboard as Home Assistant stores it.

    Args:
        stations: title and cards of each.
        layout: for a phone (one column) or a tablet on a wall (landscape).
    """
    cards = stations[0][1]
    return {
        "title": cards.word(layout),
        "views": [_view(title, cards, layout) for title, cards in stations],
    }


def _view(title: str, cards: StationCards, layout: Layout) -> dict[str, Any]:
    phone = layout == "phone"
    parts = [
        section(*_trouble(cards), *_clock(cards, large=not phone), *_press(cards)),
        section(*_charts(cards)),
        section(*_roaster(cards)),
        section(*_sound(cards), _log(cards)),
    ]
    if not phone:
        roaster, charts = _roaster(cards), _charts(cards)
        side = [*roaster, charts[0]] if roaster else [*charts, *_sound(cards)]
        rest = [*charts[1:], *_sound(cards), _log(cards)] if roaster else [_log(cards)]
        parts = [parts[0], section(*side), section(*rest)]
    return {
        "title": title,
        "path": cards.station,
        "icon": "mdi:coffee-maker",
        "type": "sections",
        "max_columns": 1 if phone else 3,
        "sections": [part for part in parts if part["cards"]],
    }


def _trouble(cards: StationCards) -> list[Card]:
    """What a person must read, in sentences; nothing if all is well."""
    quiet: Condition = {"condition": "state", "entity": cards.id("last_refusal")}
    none = [cards.state("last_refusal", "none"), "keine", "none", "unknown", "unavailable"]
    found = [
        cards.alert(
            "error",
            cards.word("offline"),
            {"condition": "state", "entity": cards.id("phase"), "state": "unavailable"},
        ),
        cards.alert(
            "error",
            f"{{{{ {cards.states('status')} }}}}",
            {"condition": "state", "entity": cards.id("problem"), "state": "on"},
            title=cards.word("trouble"),
        ),
    ]
    found.append(_event(cards))
    if cards.has("last_refusal"):
        said = f"{{{{ {cards.states('last_refusal')} }}}}"
        shown = [quiet | {"state_not": list(dict.fromkeys(none))}]
        if cards.has("confirm_arming"):
            waits: Condition = {"condition": "state", "entity": cards.id("confirm_arming")}
            found.append(cards.alert("info", said, waits | {"state_not": "unavailable"}))
            found.append(cards.press("confirm_arming", 12, color="red"))
            shown.append(waits | {"state": "unavailable"})
        found.append(cards.alert("warning", said, *shown, title=cards.word("refused")))
    if cards.has("door"):
        is_open = {"condition": "state", "entity": cards.id("door"), "state": "open"}
        open_now = [is_open, cards.not_roasting]
        found.append(cards.alert("warning", cards.word("close_door"), *open_now))
        found.append(_door(cards, 12) | {"visibility": open_now})
    found.append(
        cards.alert(
            "info",
            f"{{{{ state_attr('{cards.id('hearing')}', 'reason') }}}}",
            {
                "condition": "state",
                "entity": cards.id("hearing"),
                "state": [cards.state("hearing", "limited"), cards.state("hearing", "blocked")],
            },
            {"condition": "state", "entity": cards.id("problem"), "state_not": "on"},
            title=cards.word("hard_to_hear"),
        )
    )
    return found


def _event(cards: StationCards) -> Card:
    """The latest event, while it is new and needs somebody: an interlock that acted, a loss."""
    event = cards.id("event")
    text = (
        f"{{% set event = '{event}' %}}{{% set urgency = state_attr(event, 'urgency') %}}"
        "{% set at = states(event) | as_datetime(none) %}"
        "{% if urgency in ['needs_you', 'danger'] and state_attr(event, 'message') "
        "and at and now() - at < timedelta(minutes=10) %}"
        "<ha-alert alert-type=\"{{ 'error' if urgency == 'danger' else 'warning' }}\" "
        "title=\"{{ state_attr(event, 'event_type') }}\">"
        "{{ state_attr(event, 'message') }}</ha-alert>{% endif %}"
    )
    return {
        "type": "markdown",
        "text_only": True,
        "show_empty": False,
        "content": text,
        "grid_options": {"columns": "full", "rows": "auto"},
        "visibility": [cards.there("event")],
    }


def _clock(cards: StationCards, *, large: bool) -> list[Card]:
    """Time and temperature, to be read across the room."""
    begin, end = '<font size="7">', "</font>"
    if large:
        begin, end = f"{begin}<big>", f"</big>{end}"
    time = (
        f"{{% set elapsed = {cards.states('elapsed')} | int(-1) %}}"
        f"{{% set developed = {cards.states('development_time')} | int(-1) %}}"
        f"{{% set ratio = {cards.states('development_ratio')} | float(-1) %}}"
        f"{begin}**{{{{ '%d:%02d' | format(elapsed // 60, elapsed % 60) "
        f"if elapsed >= 0 else '–:––' }}}}**{end}\n\n"
        "{% if developed >= 0 %}"
        "**{{ '%d:%02d' | format(developed // 60, developed % 60) }}** "
        f"{cards.word('after_first_crack')}"
        "{% if ratio >= 0 %} · {{ ratio | round(1) }} %{% endif %}{% endif %}"
    )
    beans, rise = cards.id("bean_temperature"), cards.id("rate_of_rise")
    temperature = (
        f"{begin}**{{{{ states('{beans}') | float(0) | round }}}}°**{end}\n\n"
        f"{{{{ states('{beans}', rounded=True, with_unit=True) }}}}"
        f"{{% if has_value('{rise}') %}} · "
        f"{{{{ states('{rise}', rounded=True, with_unit=True) }}}}{{% endif %}}"
    )
    shown = {"type": "markdown", "text_only": True, "grid_options": {"columns": 6, "rows": "auto"}}
    found: list[Card] = [shown | {"content": time}]
    if not cards.has("bean_temperature"):
        found[0]["grid_options"] = {"columns": "full", "rows": "auto"}
    else:
        there = [cards.there("bean_temperature")]
        found.append(shown | {"content": temperature, "visibility": there})
    return [
        *found,
        cards.tile("phase", color="brown", visibility=[]),
        cards.tile("first_crack", color="amber", visibility=[]),
        cards.tile(
            "expected_first_crack",
            12,
            visibility=[
                cards.there("expected_first_crack"),
                cards.phase("charged", "drying", "maillard", "roasting"),
            ],
        ),
        cards.tile("expected_drop", 12, visibility=[cards.there("expected_drop"), cards.roasting]),
    ]


def _press(cards: StationCards) -> list[Card]:
    """What a person can do now."""
    sure = {"confirmation": {"text": cards.word("stop_sure")}}
    tap = {"action": "toggle", **sure}
    stop = cards.press("stop", 6, cards.roasting)
    found = [
        cards.press("start", 6, cards.not_roasting, color="green"),
        cards.press("under_way", 6, cards.not_roasting),
        cards.press("first_crack_now", 6, cards.roasting, color="amber"),
        stop | {"tap_action": tap, "icon_tap_action": tap},
        cards.press(
            "not_a_crack",
            12,
            {
                "condition": "state",
                "entity": cards.id("first_crack_level"),
                "state_not": [
                    cards.state("first_crack_level", "none"),
                    "unavailable",
                    "unknown",
                ],
            },
            cards.roasting,
        ),
        cards.press("drop", 12, cards.roasting, color="deep-orange"),
    ]
    if cards.has("emergency_stop"):
        stops = cards.press("emergency_stop", 12, color="red")
        found.append(stops | {"grid_options": {"columns": "full", "rows": 2}, "vertical": True})
    return found


def _charts(cards: StationCards) -> list[Card]:
    found = []
    if cards.has("bean_temperature", "environment_temperature"):
        found.append(cards.graph("temperature", ("bean_temperature", "environment_temperature")))
    found.append(cards.graph("sound", ("pops_per_minute",), rows=4))
    if cards.has("image"):
        found.append(
            {
                "type": "picture-entity",
                "entity": cards.id("image"),
                "show_name": False,
                "show_state": False,
                "visibility": [cards.there("image")],
                "grid_options": {"columns": "full", "rows": "auto"},
            }
        )
    return found


def _roaster(cards: StationCards) -> list[Card]:
    """Controls of the machine; arming takes two steps."""
    if not cards.has("arm", "heater_reading", "fan_reading", "drum_reading"):
        return []
    found = [heading(cards.word("roaster"), "fire", cards.available("roaster_problem"))]
    if cards.has("arm"):
        sure = {"confirmation": {"text": cards.word("arm_sure")}}
        tap = {"action": "toggle", **sure}
        found += [
            cards.tile("arm", color="red", tap_action=tap, icon_tap_action=tap),
            cards.press("present"),
        ]
    for key in ("heater", "fan", "drum"):
        if cards.has(key):
            slider = [{"type": "numeric-input", "style": "slider"}]
            found.append(cards.tile(key, 12, features=slider, features_position="inline"))
        if cards.has(f"{key}_reading"):
            found.append(cards.tile(f"{key}_reading"))
    if cards.has("cooling"):
        found.append(cards.tile("cooling", color="blue"))
    if cards.has("door"):
        found.append(_door(cards))
    if cards.has("profile"):
        shown = [cards.there("profile"), cards.not_roasting]
        options = [{"type": "select-options"}]
        found.append(cards.tile("profile", 12, features=options, visibility=shown))
    return found


def _door(cards: StationCards, columns: int = 6) -> Card:
    tap = {"action": "toggle", "confirmation": {"text": cards.word("door_sure")}}
    return cards.tile("door", columns, tap_action=tap, icon_tap_action=tap)


def _sound(cards: StationCards) -> list[Card]:
    gauge = {
        "type": "gauge",
        "entity": cards.id("decision"),
        "name": cards.tile("decision")["name"],
        "min": 0,
        "max": 100,
        "needle": True,
        "segments": _SEGMENTS,
        "grid_options": {"columns": 6, "rows": 3},
        "visibility": [cards.there("decision"), cards.roasting],
    }
    pops = gauge | {"entity": cards.id("pops_per_minute"), "name": cards.word("pops_per_minute")}
    pops |= {"max": 60, "visibility": [cards.there("pops_per_minute"), cards.roasting]}
    return [
        heading(cards.word("sound"), "ear-hearing"),
        cards.tile("hearing", color="teal"),
        cards.tile("listening"),
        gauge,
        {key: value for key, value in pops.items() if key not in ("segments", "needle")},
        cards.press("acknowledge"),
        cards.tile(
            "sensitivity",
            12,
            features=[{"type": "numeric-input", "style": "slider"}],
            features_position="inline",
        ),
    ]


def _log(cards: StationCards) -> Card:
    return {
        "type": "logbook",
        "title": cards.word("what_happened"),
        "hours_to_show": 2,
        "grid_options": {"columns": "full", "rows": 5},
        "target": {"entity_id": [cards.id("event"), cards.id("phase")]},
    }
