"""The few failures that are reported to a person or retried. Everything else is a defect."""


class RoastwatchError(Exception):
    """A failure that a person can mend. Its text is one sentence: what is wrong, and the fix.

    The command line prints it without a traceback and exits with 2.
    """


class SettingsError(RoastwatchError):
    """A setting is wrong, unknown or missing; the text names its key."""


class BadInputError(RoastwatchError):
    """A file, a stream or a message is not what it says it is, or can't be used."""


class MissingExtraError(RoastwatchError):
    """A feature needs a library that the core does not install."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(
            f"{feature} needs the extra '{extra}': install it with "
            f"`pip install 'roastwatch[{extra}]'` and try again."
        )


class LostError(RoastwatchError):
    """Something outside (microphone, roaster, broker) went away; retried with back-off."""


class EndedError(RoastwatchError):
    """Live sound has ended and can't be opened again from here.

    The command line exits with 1, so that a supervisor starts the service again.
    """


class MissingLibraryError(RoastwatchError):
    """The system lacks a shared library; the text has the command that installs it."""
