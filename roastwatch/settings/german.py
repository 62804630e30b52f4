"""German texts of settings: titles by key, descriptions by their English text."""

TITLES: dict[str, str] = {}
DESCRIPTIONS: dict[str, str] = {}
