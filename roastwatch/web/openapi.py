"""The OpenAPI document of the API, made from the table of routes."""

import json
import re
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from roastwatch import __version__
from roastwatch.entities import ENTITIES
from roastwatch.vocabulary import Actuator, InstructionKind, Outcome, Snapshot
from roastwatch.web.accounts import LONGEST, LONGEST_NAME, SHORTEST, Role
from roastwatch.web.curve import Curves
from roastwatch.web.entity_list import entity_schemas
from roastwatch.web.guards import LARGEST_BODY
from roastwatch.web.plans.schemas import schemas as plan_schemas
from roastwatch.web.roasts.schemas import schemas as roast_schemas
from roastwatch.web.routes import ROUTES, Route
from roastwatch.web.station_requests import CODES
from roastwatch.web.upkeep.schemas import schemas as upkeep_schemas

LIVE_SCHEMA = Path(__file__).with_name("live.schema.json")
"""The messages of the WebSocket."""
_TEXT = {"type": "string"}
_REFUSALS = {
    400: "The request is malformed or a value is wrong; the sentence says which.",
    401: "The caller is unknown: sign in or send a token.",
    403: "The caller may not do this, or came by a wrong name or from another site.",
    404: "There is no such station, roast or other thing.",
    408: "The body did not arrive in time.",
    409: "It can't be done now.",
    412: "It has changed meanwhile: read it again.",
    413: f"The body has more than {LARGEST_BODY} bytes.",
    415: "The body is of another type, or comes from a web page of another site.",
    416: "There are no such bytes.",
    426: "This path takes a WebSocket only.",
    428: "`If-Match` is missing: send the ETag of what this replaces.",
    429: "Too many wrong passwords; `Retry-After` says when to try again.",
    501: "A library for it is not installed.",
    503: "Too much at once: try again.",
}


@cache
def document() -> dict[str, Any]:
    """The whole document; relative, so that it holds under any path prefix."""
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "roastwatch",
            "version": __version__,
            "description": "States, events, instructions and commands of roastwatch. Without a "
            "token and without sign-in, the API is open to all programs of its own machine.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "../v1", "description": "Relative to this document."}],
        "security": [{"token": []}, {"session": []}],
        "paths": paths,
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "roastwatch_<instance>",
                    "description": "Set by `sign-in`.",
                },
            },
        },
    }


@cache
def live_schema() -> dict[str, Any]:
    """The JSON schema of the messages of the WebSocket."""
    found: dict[str, Any] = json.loads(LIVE_SCHEMA.read_text(encoding="utf-8"))
    return found


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "responses": {str(status): one for status, one in _answers(route).items()},
    }
    if route.needs is None:
        operation["security"] = []
    else:
        operation["description"] = f"For {route.needs.value}s." + (
            " Operators may do it too." if route.needs is Role.VIEWER else ""
        )
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": _TEXT}
        for name in re.findall(r"{(\w+)}", route.path)
    ]
    parameters += [_parameter("query", name, dict(of)) for name, of in route.query.items()]
    parameters += [_parameter("header", name, dict(of)) for name, of in route.headers.items()]
    if parameters:
        operation["parameters"] = parameters
    if route.body is not None:
        content = _json(route.body, route.body_media)
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _parameter(place: str, name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter after the `?`, or a header."""
    required, said = schema.pop("required", False), schema.pop("description")
    return {
        "name": name, "in": place, "required": required, "description": said, "schema": schema,
    }  # fmt: skip


def _answers(route: Route) -> dict[int, dict[str, Any]]:
    answers: dict[int, dict[str, Any]] = {}
    for status, schema in route.answers.items():
        if not schema:
            answers[status] = {"description": "The WebSocket is open; see live.schema.json."}
        else:
            answers[status] = {
                "description": route.summary,
                "content": _json(schema, route.media),
            }
    refusals = {400, 403, *route.refusals}
    if route.needs is not None:
        refusals.add(401)
    if route.body is not None:
        refusals |= {408, 413, 415}
    for status in sorted(refusals - answers.keys()):
        answers[status] = {"description": _REFUSALS[status], "content": _json("Error")}
    if route.ranges:
        answers[206] = answers[200] | {"description": "The range of bytes that was requested."}
    if 200 in answers and route.method == "GET" and route.media != "text/plain":
        answers[304] = {"description": "Unchanged since the ETag that was sent."}
    return answers


def _json(schema: str, media: str = "application/json") -> dict[str, Any]:
    return {media: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}


def _object(required: str = "", **properties: Any) -> dict[str, Any]:
    """An object's schema; `required` names its required keys, all if it is `*`."""
    names = list(properties) if required == "*" else required.split()
    return {"type": "object", "properties": properties, "required": names}


def _one_of(words: type[Any]) -> dict[str, Any]:
    return {"type": "string", "enum": [word.value for word in words]}


def _schemas() -> dict[str, Any]:
    percent = {"type": "number", "minimum": 0, "maximum": 100}
    password = {"type": "string", "minLength": 1, "maxLength": LONGEST}
    return {
        "Error": _object("*", error={"type": "string", "description": "One sentence."}),
        "Health": _object(
            "*",
            problems={"anyOf": [{"type": "integer"}, {"type": "array", "items": _TEXT}]},
        ),
        "Metrics": _TEXT,
        "State": _state(),
        "Stations": {
            "type": "object",
            "additionalProperties": {"$ref": "#/components/schemas/State"},
        },
        "LiveCurve": _object(
            "*",
            roast_id={"type": ["string", "null"]},
            **{name: {"$ref": "#/components/schemas/CurveColumn"} for name in Curves.COLUMNS},
        ),
        "CurveColumn": {"type": "array", "items": {"type": ["number", "null"]}},
        "Event": live_schema()["$defs"]["event"],
        "Events": {"type": "array", "items": {"$ref": "#/components/schemas/Event"}},
        "Instruction": _object(
            "kind",
            kind=_one_of(InstructionKind),
            value={"type": ["string", "number", "null"], "description": "See the contract."},
        ),
        "Accepted": _object("accepted", **_outcome()),
        "Outcome": _object("*", **_outcome()),
        "Refusal": _object("*", error=_TEXT, code={"type": "string", "enum": list(CODES)}),
        "NewValue": _object(
            value={
                "type": ["string", "number", "boolean", "null"],
                "description": "Of a number, select or text its value; of a switch or valve (true "
                "is open) whether it is on; of a button nothing.",
            }
        ),
        **entity_schemas(),
        "Command": _object("*", actuator=_one_of(Actuator), percent=percent),
        "CommandResult": _object(
            "*",
            command_id=_TEXT,
            outcome=_one_of(Outcome),
            applied={"type": ["number", "null"]},
            interlock={"type": ["string", "null"]},
            reason=_TEXT,
        ),
        "SignIn": _object("*", password=password),
        "SignedIn": _object("*", role=_one_of(Role)),
        "SignedOut": _object("*", signed_out={"type": "boolean"}),
        "NewPassword": _object(
            "*",
            role=_one_of(Role),
            password=password | {"minLength": SHORTEST},
            current=password | {"description": "The operator's password."},
        ),
        "Changed": _object("*", changed=_one_of(Role)),
        "Pairing": _object(
            "name",
            name={"type": "string", "minLength": 1, "maxLength": LONGEST_NAME},
            password=password | {"description": "Whose role the program gets."},
            code=password | {"description": "A pairing code instead, for an operator's role."},
        ),
        "Paired": _object("*", token=_TEXT, instance=_TEXT, id=_TEXT, role=_one_of(Role)),
        "PairingCode": _object("*", code=_TEXT, valid_s={"type": "number"}),
        "Programs": _object(
            "*",
            programs={"type": "array", "items": {"$ref": "#/components/schemas/Program"}},
        ),
        "Program": _object(
            "*",
            id=_TEXT,
            name=_TEXT,
            role=_one_of(Role),
            paired_at={"type": "string", "format": "date-time"},
        ),
        "Revoked": _object("*", revoked=_TEXT),
        "Me": _object(
            "role session",
            role=_one_of(Role),
            session={"type": "boolean"},
            setting_up={
                "type": "boolean",
                "description": "True: there are no settings yet, and only the wizard runs.",
            },
        ),
        "Nothing": {"type": "object"},
        "Document": {"type": "object"},
        **roast_schemas(),
        **plan_schemas(),
        **upkeep_schemas(),
    }


def _outcome() -> dict[str, Any]:
    codes = {"enum": [*CODES, None], "description": "The reason, for programs and translations."}
    return {
        "accepted": {"type": "string", "description": "The instruction, or the entity."},
        "outcome": {
            "enum": ["applied", "limited", "pending", "unconfirmed"],
            "description": "`limited`: an interlock allowed less. `pending`: not known in time. "
            "`unconfirmed`: it waits for `confirm_arming`.",
        },
        "reason": _TEXT | {"description": "A sentence, if there is more to know; else empty."},
        "code": codes,
        "applied": {"type": ["number", "null"], "description": "Of an actuator, in percent."},
        "confirm_within_s": {"type": ["number", "null"]},
    }


_NOTHING = Snapshot("", datetime(1970, 1, 1, tzinfo=UTC))


def _state() -> dict[str, Any]:
    """The values of a station; a key is absent if the station has nothing of the kind."""
    properties = {}
    for entity in ENTITIES:
        if entity.value_of is not None:
            unit = f" Unit: {entity.unit}." if entity.unit else ""
            properties[entity.key] = {
                "type": ["string", "number", "boolean", "null"],
                "description": f"{entity.help[0]}{unit}",
            }
            for name in entity.attributes_of(_NOTHING) if entity.attributes_of else ():
                properties[f"{entity.key}_{name}"] = {
                    "type": "string",
                    "description": f"Of `{entity.key}`: its {name}.",
                }
    return {"type": "object", "properties": properties, "additionalProperties": False}
