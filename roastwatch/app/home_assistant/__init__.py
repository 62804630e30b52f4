"""The service as an app of Home Assistant: settings from its Supervisor, and its start."""
