"""The failures that are reported to a user or retried. Any other exception is a defect.

RoastwatchError            a user can fix it; its text is one sentence
├── SettingsError          a setting is wrong
├── BadInputError          a file, stream or message can't be used
├── MissingExtraError      an optional Python library is not installed
├── MissingLibraryError    a shared library of the system is not installed
├── RefusedError           a caller may not do what it requests
├── LostError              something outside went away; retried with back-off
└── EndedError             live sound has ended; the process exits with 1
"""


class RoastwatchError(Exception):
    """A failure that a user can fix. Its text is one sentence: what is wrong, where, and the fix.

    The command line prints it without a traceback and exits with 2.
    """


class SettingsError(RoastwatchError):
    """A setting is wrong, unknown or missing; the text names its key."""


class BadInputError(RoastwatchError):
    """A file, a stream or a message is invalid, or can't be used."""


class RefusedError(RoastwatchError):
    """A caller may not do what it requests, or not now; the text says why."""


class MissingExtraError(RoastwatchError):
    """A feature needs a library that only an extra installs."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(
            f"{feature} needs the extra '{extra}': install it with "
            f"`pip install 'roastwatch[{extra}]'` and try again."
        )


class LostError(RoastwatchError):
    """Something outside (microphone, roaster, broker) went away. It is retried with back-off."""


class EndedError(RoastwatchError):
    """Live sound has ended and this process can't reopen it.

    The command line exits with 1, so that a supervisor restarts the service.
    """


class MissingLibraryError(RoastwatchError):
    """A shared library of the system is missing; the text names the command that installs it."""
