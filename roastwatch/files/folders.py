"""The default folder of a user's data."""

from pathlib import Path

from platformdirs import user_data_path

from roastwatch.errors import SettingsError


def data_folder() -> Path:
    """The folder of the roast log and recordings.

    Raises:
        SettingsError: this user has no home folder.
    """
    try:
        folder = user_data_path("roastwatch")
    except RuntimeError:
        folder = Path("~")
    if not folder.is_absolute():  # older platformdirs leave `~`: a folder of that name would appear
        raise SettingsError(
            "This user has no home folder to keep data in. Set `data_dir` in the settings, or the "
            "environment variable HOME or XDG_DATA_HOME, to an absolute path."
        )
    return folder
