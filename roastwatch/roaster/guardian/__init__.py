"""All that runs in the safety process besides drivers. Safety-critical: see CONTRIBUTING.md."""
