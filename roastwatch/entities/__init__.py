"""One row for each value, switch or button: MQTT, the HTTP API and metrics are made from it.

Device classes, state classes, categories and icons are Home Assistant's, because they are the
most widely understood. To add an entity, add one row to roast.py, roaster.py or service.py, and
renew the table of integrations/contract.md (its test says how).
"""

from roastwatch.entities.actions import Action, Reason, actions
from roastwatch.entities.entity import Entity, Needs, Pace, Platform, Value
from roastwatch.entities.events import (
    EVENT_TYPES,
    EVENT_WORDS,
    answers,
    asks,
    drives,
    event_type,
    urgency,
)
from roastwatch.entities.offered import OfferedEntities, offered
from roastwatch.entities.roast import ROAST
from roastwatch.entities.roaster import ROASTER
from roastwatch.entities.service import LATE_MODEL_S, SERVICE
from roastwatch.entities.values import problems

ENTITIES = (*ROAST, *ROASTER, *SERVICE)
"""In the order in which people want to see them."""

BY_KEY = {entity.key: entity for entity in ENTITIES}

__all__ = [
    "BY_KEY",
    "ENTITIES",
    "EVENT_TYPES",
    "EVENT_WORDS",
    "LATE_MODEL_S",
    "Action",
    "Entity",
    "Needs",
    "OfferedEntities",
    "Pace",
    "Platform",
    "Reason",
    "Value",
    "actions",
    "answers",
    "asks",
    "drives",
    "event_type",
    "offered",
    "problems",
    "urgency",
]
