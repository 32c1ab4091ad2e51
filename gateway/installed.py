"""The version of Kilowise that runs.

`importlib.metadata` would tell it too, but takes 1.6 MB of a small machine's memory.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

DISTRIBUTION = "kilowise"
FROM_SOURCE = "source"
"""Said where nothing is installed."""


def software_version(folders: Sequence[str] | None = None) -> str:
    """The version of the first installation on the path of imports.

    A wheel's folder of metadata is named `<distribution>-<version>.dist-info` (PyPA, Recording
    installed projects).
    """
    for folder in sys.path if folders is None else folders:
        for found in Path(folder or ".").glob(f"{DISTRIBUTION}-*.dist-info"):
            return found.name.removeprefix(f"{DISTRIBUTION}-").removesuffix(".dist-info")
    return FROM_SOURCE
