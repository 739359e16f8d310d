"""A process that the tests kill: `python -m tests.features.interrupted_extract FOLDER`."""

import sys
import time
from pathlib import Path

from tests.features.scripts import QUICK
from wholescript.features.extract import extract_records

N_FILMS, N_BEFORE_KILL = 6, 4


def texts(pause):
    for number in range(N_FILMS):
        if number == N_BEFORE_KILL:
            time.sleep(pause)
        yield f"film{number}", f"INT. PIER - DAY\nTake {number}. " + "The ferry is late. " * 40


def run(folder, pause=0):
    return extract_records(texts(pause), folder, QUICK, total=N_FILMS, workers=1)


if __name__ == "__main__":
    run(Path(sys.argv[1]), pause=600)
