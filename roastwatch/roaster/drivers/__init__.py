"""One roaster's wire protocol per file."""
