"""One of several processes of a run of large memories: `test_distributed` starts it.

python tests/many_processes.py <port> <processes> <index> <workdir>
"""

import io
import pathlib
import sys

import jax
from rich.console import Console

from configs import large_memory
from recall import distributed, launching, planning


def config():
    made = large_memory.get_config("quick")
    made.memories = (("outer_product", 8, 0, 21), ("linear", 8, 0, 33))
    made.parts, made.chunk, made.num_steps.linear = (0,), 4, 64
    return made


def run(workdir):
    """Runs this process' share on its devices; returns all rows of the workdir."""
    devices = jax.local_devices()[:1]
    plan = distributed.fitting(planning.plan_of(config()), devices)
    part, console = distributed.share(plan), Console(file=io.StringIO())
    return launching.run(config(), part, workdir, devices, console)


if __name__ == "__main__":
    jax.config.update("jax_num_cpu_devices", 1)
    jax.config.update("jax_default_matmul_precision", "highest")
    port, processes, index = map(int, sys.argv[1:4])
    distributed.join(f"127.0.0.1:{port}", processes, index)
    run(pathlib.Path(sys.argv[4]))
    distributed.wait("end")
