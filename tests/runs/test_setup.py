import subprocess
import sys

import pytest

from recall.runs import setup

WORK = """
import time
import jax
from recall.runs import setup
setup.configure(compile_cache=False, cpu_devices=1)
x = jax.numpy.ones((1500, 1500))
step = jax.jit(lambda y: x @ y / 1500)
jax.block_until_ready(step(x))
wall, cpu = time.perf_counter(), time.process_time()
for _ in range(10):
    x = step(x)
jax.block_until_ready(x)
print(len(jax.devices()), (time.process_time() - cpu) / (time.perf_counter() - wall))
"""


@pytest.mark.skipif(setup.num_cores() < 2, reason="there is but one core")
def test_a_lone_device_keeps_to_one_core():
    command = [sys.executable, "-c", WORK]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    devices, cores = done.stdout.split()
    assert devices == "1"
    assert float(cores) < 1.3  # about 2 by threads of two cores
