import subprocess
import sys

import pytest

COUNT = """
import os
import jax
from recall import setup
setup.configure(compile_cache=False, cpu_devices={count})
x = jax.numpy.ones((500, 500))
jax.block_until_ready(x @ x)
tasks = "/proc/self/task"
names = [open(f"{{tasks}}/{{task}}/comm").read() for task in os.listdir(tasks)]
print(len(jax.devices()), sum("XLAEigen" in name for name in names))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted in /proc")
@pytest.mark.parametrize("count", [1, 3])
def test_each_device_of_a_few_has_one_thread(count):
    code = COUNT.format(count=count)
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(count), str(count)]
