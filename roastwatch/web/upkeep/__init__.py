"""The pages for set-up and health."""
