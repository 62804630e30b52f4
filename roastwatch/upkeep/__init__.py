"""Care of an installation: checks, the support bundle, and changes of the settings file."""
