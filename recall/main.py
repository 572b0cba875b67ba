"""The entry point: `python -m recall.main --config=configs/<name>.py[:preset]`."""

from recall.cli import main

run = main.run

if __name__ == "__main__":
    run()
