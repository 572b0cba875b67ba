"""Times of whole launches: more devices, and Dask workers against one process.

Parts of `python -m benchmarks.scaling`. Every measurement has processes of its own,
since JAX makes its devices and their threads once.
"""

import io
import multiprocessing
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
from rich.console import Console

from configs import linear_capacity
from recall.runs import launching, planning, setup
from recall.store.row import Row

SEEDS = tuple(range(100))  # for a sweep of about a minute
REPEATS = 3
LAUNCHERS = ("local", "dask")


def alone(devices: int, measure: Callable[..., Any], *arguments: Any) -> Any:
    """Calls `measure` in a process of so many CPU devices, as `--devices` makes it.

    Accelerators belong to one process, which is this one.
    """
    if jax.default_backend() != "cpu":
        return measure(*arguments)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_measure, (devices, measure, *arguments))


def _measure(devices: int, measure: Callable[..., Any], *arguments: Any) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        setup.configure(compile_cache=True, cpu_devices=devices)
        jax.config.update("jax_compilation_cache_dir", folder)
        return measure(*arguments)


def sweep(tiny: bool) -> Iterator[Row]:
    """Times the whole quick sweep of linear memories, first cold, then warm."""
    for count in (1, 2):
        for repeat, spent in enumerate(alone(count, _sweeps, count, tiny)):
            same = {"devices": count, "repeat": repeat, "warm": repeat > 0}
            yield same | {"seconds": spent}


def _sweeps(count: int, tiny: bool) -> list[float]:
    """Returns the seconds of one sweep after the other in this process."""
    config = linear_capacity.get_config("quick")
    if tiny:
        config.d, config.seeds, config.constructed_seeds = (4,), (0,), (0,)
    plan, devices, spent = planning.plan_of(config), jax.devices()[:count], []
    for _ in range(2 if tiny else 6):
        with tempfile.TemporaryDirectory() as folder:
            start, console = time.perf_counter(), Console(file=io.StringIO())
            launching.run(config, plan, Path(folder), devices, console)
            spent.append(time.perf_counter() - start)
    return spent


def launchers(tiny: bool) -> Iterator[Row]:
    """Times commands of about a minute: one process, or a Dask worker a core.

    Start, compile cache and figure included; programs were compiled before.
    """
    repeats = 1 if tiny else REPEATS
    for repeat in range(-1, repeats):
        for launcher in LAUNCHERS:
            spent = _command(launcher, (0,) if tiny or repeat < 0 else SEEDS)
            if repeat >= 0:
                yield {"launcher": launcher, "repeat": repeat, "seconds": spent}


def _command(launcher: str, seeds: tuple[int, ...]) -> float:
    """Returns the seconds of a command from its start to its end."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "recall.main", f"--workdir={folder}/run"]
        command += ["--config=configs/linear_capacity.py:quick"]
        command += [f"--config.seeds={seeds}", f"--config.constructed_seeds={seeds}"]
        command += [f"--launcher={launcher}"]
        start, root = time.perf_counter(), Path(__file__).parents[1]
        subprocess.run(command, cwd=root, check=True, capture_output=True)
        return time.perf_counter() - start
