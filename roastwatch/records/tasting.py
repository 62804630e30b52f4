"""Tastings of a roast, and the lots of green beans that roasts are taken from."""

from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, date, datetime
from typing import Any

ATTRIBUTES = ("acidity", "sweetness", "body", "bitterness", "aroma", "aftertaste", "balance")
"""What is usually rated; any other name is kept as well."""
DEFECTS = ("baked", "underdeveloped", "scorched", "tipped", "quaker", "smoky", "grassy", "musty")


@dataclass(frozen=True, slots=True)
class Tasting:
    """One tasting of a roast. Unknown is None or empty."""

    tasting_id: str
    tasted_on: date | None = None
    score: float | None = None
    """0 to 100."""
    brew_method: str = ""
    attributes: dict[str, float] = field(default_factory=dict)
    """0 to 10 each, by name."""
    defects: tuple[str, ...] = ()
    notes: str = ""
    by: str = ""
    changed_at: datetime | None = None
    """UTC."""

    def as_json(self) -> dict[str, Any]:
        """Its fields as JSON's own types."""
        return _plain(asdict(self)) | {"defects": list(self.defects)}

    @classmethod
    def from_json(cls, tree: dict[str, Any]) -> "Tasting":
        """From `as_json`; keys of a newer version are ignored.

        Raises:
            KeyError: there is no id.
            TypeError, ValueError: a value is of another type.
        """
        known = {key: tree[key] for key in (f.name for f in fields(cls)) if key in tree}
        score, tasted_on, changed_at = (
            known.get(key) for key in ("score", "tasted_on", "changed_at")
        )
        return cls(
            tasting_id=str(tree["tasting_id"]),
            tasted_on=date.fromisoformat(tasted_on) if tasted_on else None,
            score=None if score is None else float(score),
            brew_method=str(known.get("brew_method") or ""),
            attributes={str(k): float(v) for k, v in dict(known.get("attributes") or {}).items()},
            defects=tuple(str(one) for one in known.get("defects") or ()),
            notes=str(known.get("notes") or ""),
            by=str(known.get("by") or ""),
            changed_at=_aware(datetime.fromisoformat(changed_at)) if changed_at else None,
        )


@dataclass(frozen=True, slots=True)
class Lot:
    """Some green beans in stock."""

    lot_id: str
    name: str
    origin: str = ""
    process: str = ""
    supplier: str = ""
    bought_on: date | None = None
    bought_g: float | None = None
    corrected_g: float = 0.0
    """Added to what is left: spilt, sold, weighed again."""
    notes: str = ""
    finished: bool = False

    def as_json(self) -> dict[str, Any]:
        """Its fields as JSON's own types."""
        return _plain(asdict(self))


@dataclass(frozen=True, slots=True)
class Stock:
    """A lot, and what the roasts took from it."""

    lot: Lot
    roasts: int
    unweighed: int
    """Roasts without a green weight."""
    used_g: float
    weight_loss_percent: float | None
    """Mean of the roasts with both weights."""

    @property
    def left_g(self) -> float | None:
        """What is left; None: it is unknown how much there was."""
        bought_g = self.lot.bought_g
        return None if bought_g is None else bought_g + self.lot.corrected_g - self.used_g

    def as_json(self) -> dict[str, Any]:
        """Its fields as JSON's own types."""
        loss = self.weight_loss_percent
        return self.lot.as_json() | {
            "roasts": self.roasts,
            "unweighed": self.unweighed,
            "used_g": round(self.used_g, 1),
            "left_g": None if self.left_g is None else round(self.left_g, 1),
            "weight_loss_percent": None if loss is None else round(loss, 2),
        }


def _plain(tree: dict[str, Any]) -> dict[str, Any]:
    return {
        key: value.isoformat() if isinstance(value, date) else value for key, value in tree.items()
    }


def _aware(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at
