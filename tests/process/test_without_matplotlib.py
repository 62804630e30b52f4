"""The error where matplotlib is missing."""

import subprocess
import sys


def test_without_matplotlib_it_is_said_what_to_install() -> None:
    code = (
        "import sys; sys.modules['matplotlib.figure'] = None\n"
        "from roastwatch.errors import MissingExtraError\n"
        "from roastwatch.plots.style import figure\n"
        "try:\n    figure('light', 'paper')\n"
        "except MissingExtraError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'roastwatch[plots]'" in done.stdout
