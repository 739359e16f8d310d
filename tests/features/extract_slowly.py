"""A child process that waits to be killed: `python -m tests.features.extract_slowly FOLDER`."""

import sys
import time
from pathlib import Path

from tests.features.invented import QUICK
from wholescript.features.extract import extract_records

FILMS, READ_BEFORE_THE_KILL = 6, 4


def texts(pause):
    for number in range(FILMS):
        if number == READ_BEFORE_THE_KILL:
            time.sleep(pause)
        yield f"film{number}", f"INT. PIER - DAY\nTake {number}. " + "The ferry is late. " * 40


def run(folder, pause=0):
    return extract_records(texts(pause), folder, QUICK, total=FILMS, workers=1)


if __name__ == "__main__":
    run(Path(sys.argv[1]), pause=600)
