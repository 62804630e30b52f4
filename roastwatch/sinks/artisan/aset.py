"""Artisan's settings files (`.aset`), one for its WebSocket and one for its MQTT.

The format is Qt's INI: a list is separated by commas, and text with a comma, a quote or a semicolon
is in quotes. Artisan's lists have fixed lengths: four sliders, eight buttons of marks.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from roastwatch.sinks.artisan.channels import CHANNELS, REFUSED
from roastwatch.sinks.artisan.refusals import SENTENCES
from roastwatch.vocabulary import InstructionKind

Value: TypeAlias = str | int | bool | float | Sequence[str | int | bool | float]
Groups: TypeAlias = dict[str, dict[str, Value]]

_SLIDERS = ("fan", "drum", "", "heater")
"""What Artisan's four sliders set; it calls them Air, Drum, Damper and Burner."""
_BUTTONS = (
    ("ARM", InstructionKind.ARM, "#b8860b"),
    ("HERE", InstructionKind.PRESENT, "#4a7a4a"),
    ("FC NOW", InstructionKind.FIRST_CRACK_NOW, "#8c4a1a"),
    ("NOT FC", InstructionKind.NOT_A_CRACK, "#606060"),
    ("E-STOP", InstructionKind.EMERGENCY_STOP, "#b6181a"),
)
_MARKS = {0: InstructionKind.START, 2: InstructionKind.FIRST_CRACK_NOW, 6: InstructionKind.DROP}
"""Place among Artisan's buttons CHARGE, DRY, FCs, FCe, SCs, SCe, DROP, COOL → what it asks for."""
_EVENT_COLOURS = ("#ad0427", "#49b260", "#ff5d00", "#001c8c")
_OTHER_COLOURS = ("#0099c9", "#45a6cf", "#404040", "#000000")
# Artisan numbers one action differently in each of its dialogs.
_WEBSOCKET = {"slider": 18, "mark": 21, "button": 22}
_MQTT = {"slider": 11, "mark": 5, "button": 6}
_POP_UP, _FIRST_CRACK_START, _FIRST_CRACK_END = 0, 9, 10
_ABOVE, _EQUAL = 1, 2
_FROM_ON, _FROM_CHARGE = 9, 0
_TELL = 'button(self.sendmessageSignal.emit(_["data"]["message"],True,None))'
"""Shows the answer in Artisan's message line: `_` is what `read` got."""


def websocket_settings(host: str, port: int, path: str) -> str:
    """The settings for Artisan's WebSocket device, as text of an `.aset` file."""
    groups = _common("WebSocket", 111, (112, 113, 118, 119), _WEBSOCKET)
    groups["DefaultButtons"] |= _marks([_sent(kind) for kind in _places()], _WEBSOCKET["mark"])
    groups["ExtraEventButtons"]["extraeventsactionstrings"] = [
        _braced(f"read({_word(kind)});") + _TELL for _, kind, _ in _BUTTONS
    ]
    groups["Sliders"]["slidercommands"] = [
        f'read({{{{"command":"set","params":{{{{"{name}":{{}} }}}}}}}});{_TELL}' if name else ""
        for name in _SLIDERS
    ]
    groups["WebSocket"] = {
        "compression": False,
        "host": host,
        "port": port,
        "path": path,
        "machineID": 0,
        "connect_timeout": 4,
        "request_timeout": 0.5,
        "id_node": "id",
        "machine_node": "roasterID",
        "command_node": "command",
        "data_node": "data",
        "pushMessage_node": "pushMessage",
        "request_data_command": "getData",
        "charge_message": "startRoasting",
        "drop_message": "endRoasting",
        "addEvent_message": "addEvent",
        "event_node": "event",
        "DRY_node": "colorChangeEvent",
        "FCs_node": "firstCrackBeginningEvent",
        "FCe_node": "firstCrackEndEvent",
        "SCs_node": "secondCrackBeginningEvent",
        "SCe_node": "secondCrackEndEvent",
        "STARTonCHARGE": False,
        "OFFonDROP": False,
        "channel_requests": [""] * len(CHANNELS),
        "channel_nodes": [channel.node for channel in CHANNELS],
        "channel_modes": [int(channel.temperature) for channel in CHANNELS],
    }
    return _text(groups)


def mqtt_settings(host: str, port: int, instance: str, station: str) -> str:
    """The settings for Artisan's MQTT device, as text of an `.aset` file.

    The names of the instance and the station must not contain `_`: Artisan replaces it.
    """
    node = f"roastwatch/{instance}/{station}"
    groups = _common("MQTT", 201, (202, 203, 204, 205), _MQTT)
    # An alarm that marks FCs runs the action of FCs: it would confirm what roastwatch reported.
    asked = [
        "" if kind is InstructionKind.FIRST_CRACK_NOW else _pressed(node, kind)
        for kind in _places()
    ]
    groups["DefaultButtons"] |= _marks(asked, _MQTT["mark"])
    groups["ExtraEventButtons"]["extraeventsactionstrings"] = [
        _pressed(node, kind) for _, kind, _ in _BUTTONS
    ]
    groups["Sliders"]["slidercommands"] = [
        f"publish({node}/set/{name},{{}})" if name else "" for name in _SLIDERS
    ]
    groups["MQTT"] = {
        "host": host,
        "port": port,
        "protocol_version": 1,
        "transport": 0,
        "tls": False,
        "keepalive": 15,
        "connect_timeout": 3,
        "topic": f"{node}/artisan",
        "channel_topics": [""] * len(CHANNELS),
        "channel_nodes": [channel.node for channel in CHANNELS],
        "channel_modes": ["C" if channel.temperature else "" for channel in CHANNELS],
    }
    crack = _source("firstCrack")
    _alarm(groups, _FIRST_CRACK_START, _FROM_CHARGE, crack, _ABOVE, 1.5, "# FCs")
    _alarm(groups, _FIRST_CRACK_END, _FROM_CHARGE, crack, _EQUAL, 4, "# FCe")
    return _text(groups)


def _common(way: str, device: int, more: Sequence[int], actions: Mapping[str, int]) -> Groups:
    """What both ways have in common: devices, curves, buttons, sliders and alarms."""
    extra = CHANNELS[2:]
    first, second = extra[0::2], extra[1::2]
    count = len(_BUTTONS)
    slider = [actions["slider"] if name else 0 for name in _SLIDERS]
    used = [int(bool(name)) for name in _SLIDERS]
    quantified = [_source(name) if name else 0 for name in _SLIDERS]
    groups: Groups = {
        "General": {"Delay": 1000, "roastertype_setup": f"roastwatch {way}"},
        "Device": {"id": device},
        "ExtraComm": {
            "extrabaudrate": [9600] * 4,
            "extrabytesize": [8] * 4,
            "extracomport": ["COM1"] * 4,
            "extraparity": ["N"] * 4,
            "extrastopbits": [1] * 4,
            "extratimeout": [1] * 4,
        },
        "ExtraDev": {
            "extradevices": list(more),
            "extraname1": [channel.label for channel in first],
            "extraname2": [channel.label for channel in second],
            "extradevicecolor1": list(_EVENT_COLOURS),
            "extradevicecolor2": list(_OTHER_COLOURS),
            "extramathexpression1": [""] * 4,
            "extramathexpression2": [""] * 4,
            "extraCurveVisibility1": _shown("drum", "decision", "sinceFirstCrack", of=first),
            "extraCurveVisibility2": _shown("firstCrack", "refused", of=second),
            "extraLCDvisibility1": _shown(of=first),
            "extraLCDvisibility2": _shown("refused", of=second),
            "extraDelta1": [False] * 10,
            "extraDelta2": [False] * 10,
            "extraFill1": [0] * 10,
            "extraFill2": [0] * 10,
        },
        "DefaultButtons": {},
        "ExtraEventButtons": {
            "buttonlistmaxlen": 14,
            "extraeventsbuttonsflags": [1, 1, 1],
            "extraeventsactions": [actions["button"]] * count,
            "extraeventslabels": [label for label, _, _ in _BUTTONS],
            "extraeventsdescriptions": [""] * count,
            "extraeventstypes": [4] * count,
            "extraeventsvalues": [0] * count,
            "extraeventsvisibility": [1] * count,
            "extraeventbuttoncolor": [colour for _, _, colour in _BUTTONS],
            "extraeventbuttontextcolor": ["#ffffff"] * count,
        },
        "Sliders": {
            "slideractions": slider,
            "slidervisibilities": used,
            "eventslidersflags": [1, 1, 1],
            "slidermin": [0] * 4,
            "slidermax": [100] * 4,
            "slideroffsets": [0] * 4,
            "sliderfactors": [1] * 4,
            "eventsliderBernoulli": [0] * 4,
            "eventslidercoarse": [0] * 4,
            "eventslidertemp": [0] * 4,
            "eventsliderunits": ["%" if name else "" for name in _SLIDERS],
        },
        "Quantifiers": {
            "clusterEventsFlag": False,
            "quantifieractive": used,
            "quantifiercoarse": [0] * 4,
            "quantifiermin": [0] * 4,
            "quantifiermax": [100] * 4,
            "quantifiersource": quantified,
            "eventquantifieraction": [0] * 4,
            "eventquantifierSV": [0] * 4,
        },
        "Alarms": {},
    }
    _alarm(groups, _POP_UP, _FROM_CHARGE, _source("firstCrack"), _EQUAL, 1, "First crack may begin")
    for number, sentence in SENTENCES.items():
        _alarm(groups, _POP_UP, _FROM_ON, _source(REFUSED), _EQUAL, int(number), sentence)
    return groups


def _alarm(
    groups: Groups, action: int, since: int, source: int, condition: int, value: float, text: str
) -> None:
    columns: dict[str, float | str] = {
        "alarmflag": 1, "alarmguard": -1, "alarmnegguard": -1, "alarmtime": since,
        "alarmoffset": 0, "alarmcond": condition, "alarmsource": source,
        "alarmtemperature": value, "alarmaction": action, "alarmbeep": 0, "alarmstrings": text,
    }  # fmt: skip
    for column, cell in columns.items():
        before = groups["Alarms"].setdefault(column, [])
        assert isinstance(before, list)
        before.append(cell)


def _source(node: str) -> int:
    """A channel's number as a source of alarms and events: ET is 0, BT 1, then channel 3 is 2."""
    return next(place for place, channel in enumerate(CHANNELS) if channel.node == node)


def _shown(*hidden: str, of: Iterable[object]) -> list[bool]:
    shown = [getattr(channel, "node", "") not in hidden for channel in of]
    return shown + [False] * (10 - len(shown))


def _places() -> list[InstructionKind | None]:
    return [_MARKS.get(place) for place in range(8)]


def _marks(commands: Sequence[str], action: int) -> dict[str, Value]:
    return {
        "buttonvisibility": [True] * 8,
        "buttonactions": [action if command else 0 for command in commands],
        "buttonactionstrings": list(commands),
    }


def _word(kind: InstructionKind) -> str:
    return f'{{"command":"{kind.value.replace("_", "-")}"}}'


def _sent(kind: InstructionKind | None) -> str:
    return f"send({_word(kind)})" if kind is not None else ""


def _pressed(node: str, kind: InstructionKind | None) -> str:
    """A message to the topic of a button or a switch."""
    if kind is None:
        return ""
    payload = "ON" if kind is InstructionKind.ARM else "PRESS"
    return f'publish({node}/set/{kind.value.replace("_", "-")},"{payload}")'


def _braced(text: str) -> str:
    """As Artisan's buttons and sliders need it, which fill `{}` by their value."""
    return text.replace("{", "{{").replace("}", "}}")


def _text(groups: Groups) -> str:
    """The groups as Qt's INI."""
    lines: list[str] = []
    for group, values in groups.items():
        lines.append(f"[{group}]")
        for key, value in values.items():
            cells = [value] if isinstance(value, str | int | float) else list(value)
            lines.append(f"{key}={', '.join(map(_cell, cells))}")
        lines.append("")
    return "\n".join(lines)


def _cell(value: str | float | bool) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str):
        return f"{value:g}"
    if not set(value) & set(',;"\\=#?@') and value == value.strip():
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
