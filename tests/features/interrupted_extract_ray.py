"""A process that the tests kill: `python -m tests.features.interrupted_extract_ray FOLDER`."""

import sys
from pathlib import Path

from tests.features.scripts import QUICK, script

TEXTS = {f"film{number}": script(number, 2_000) for number in range(12)}

if __name__ == "__main__":
    from wholescript.features.extract_ray import extract_records_on_ray

    extract_records_on_ray(TEXTS.items(), Path(sys.argv[1]), QUICK, workers=2, progress=False)
