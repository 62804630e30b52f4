"""What `import roastwatch` loads."""

import subprocess
import sys


def test_import_of_the_package_imports_no_library() -> None:
    code = (
        "import roastwatch, sys; heavy = {'numpy', 'onnxruntime', 'pydantic'} & set(sys.modules);"
        "assert not heavy, heavy; from roastwatch import Detector; assert 'numpy' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
