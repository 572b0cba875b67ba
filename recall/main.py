"""The entry point: `python -m recall.main --config=configs/<name>.py[:preset]`."""

import sys
from pathlib import Path

if not __package__:  # run as a file, whose folder would hide modules of other names
    sys.path[0] = str(Path(__file__).parents[1])

from recall.cli import main

run = main.run

if __name__ == "__main__":
    run()
