"""Cold-start times of Figure 1's sweeps, beside the reference loop in the same run.

Each command is a fresh process with an empty compile cache. The reference runs one
seed; five seeds of it take five times as long, one after the other.

On 2 CPU cores with jax 0.10.2, five seeds: 10.9 s for the left sweep (2.0 s of it
compiling), 26.5 s for the right one (3.7 s). One seed of the reference takes 31.5 s and
stores 175 facts at d = 32, where the default recipe stores 190; on the right 88.1 s,
with 35, 171, 160 and 167 facts, where the medians of growth are 43, 163, 150 and 154.

    python -m benchmarks.figure1 [--repeats 3] [--noreference]
"""

import argparse
import csv
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

LINEAR = [
    "--config=configs/linear_capacity.py:quick",
    "--config.memories=('linear',)",
    "--config.thresholds=(0.99,)",
]
MLP = [
    "--config=configs/mlp_capacity.py:quick",
    "--config.sizes=((8,8),(8,32),(11,22),(16,16))",
    "--config.num_outputs=(0,)",
    "--config.thresholds=(0.99,)",
]
SWEEPS = {
    "Figure 1 left, d = 8..32": (LINEAR, ["linear", *["8", "11", "16", "22", "32"]]),
    "Figure 1 right, 4 sizes": (MLP, ["mlp", *["8x8", "8x32", "11x22", "16x16"]]),
}


def seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", *command], check=True, capture_output=True)
    return time.perf_counter() - start


def ours(flags: list[str]) -> tuple[float, float]:
    """Returns the seconds of a whole process, and those that went into compiling."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["recall.main", *flags, f"--workdir={folder}", "--nocompile_cache"]
        spent = seconds(command)
        with (Path(folder) / "capacities.csv").open() as file:
            compiling = {row["compile_seconds"] for row in csv.DictReader(file)}
    return spent, sum(map(float, compiling))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--noreference", action="store_true")
    args = parser.parse_args()
    for name, (flags, reference) in SWEEPS.items():
        runs = [ours(flags) for _ in range(args.repeats)]
        whole, compiling = (median(column) for column in zip(*runs, strict=True))
        print(
            f"{name}, 5 seeds, cold: {whole:.1f} s, {compiling:.1f} s of it compiling"
        )
        if not args.noreference:
            one = seconds(["benchmarks.reference", *reference])
            ratio = 5 * one / whole
            print(f"  reference, 1 seed: {one:.1f} s; 5 seeds would take {ratio:.0f} x")


if __name__ == "__main__":
    main()
