"""Facts on a ring of devices are the same facts: see also `many_devices`."""

import os
import pathlib
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec

from recall import embeddings, facts, readout
from recall.experiments.large_memory import programs as large_programs
from recall.experiments.large_memory import ring

HERE = pathlib.Path(__file__).parents[2]
FAST = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"


def test_one_two_three_and_eight_devices_find_what_none_of_this_does():
    """In one process: weights, losses, counts, gradients, lanes, what a step sends."""
    path = os.pathsep.join([str(HERE), str(HERE.parent)])
    environment = {**os.environ, "PYTHONPATH": path, "XLA_FLAGS": FAST}
    command = [sys.executable, str(HERE / "many_devices.py")]
    subprocess.run(command, env=environment, check=True, timeout=300)


def on_two_devices(program, *given):
    """Runs a program on the shares of two devices, and stacks what each returns."""
    over, spread = large_programs.mesh(jax.devices()[:2]), PartitionSpec(ring.AXIS)
    how = {"in_specs": spread, "out_specs": spread, "check_vma": False}
    return jax.jit(jax.shard_map(program, mesh=over, **how))(*given)


@pytest.mark.parametrize(
    ("n", "parts", "chunk", "chunks", "size"),
    [
        (80_000, 1, 4096, 20, 4000),
        (80_000, 8, 4096, 3, 3334),
        (80_000, 3, 4096, 7, 3810),
        (43, 8, 4, 2, 3),
        (5, 8, 4096, 1, 1),
        (10, 1, 10, 1, 10),
    ],
)
def test_a_layout_has_room_for_all_facts_and_little_more(n, parts, chunk, chunks, size):
    layout = ring.Layout(n=n, parts=parts, chunk=chunk)
    assert (layout.chunks, layout.size) == (chunks, size)
    assert n <= layout.rows * parts < n + parts * chunks + parts


@pytest.mark.parametrize("field", ["n", "parts", "chunk"])
def test_an_empty_layout_is_refused(field):
    with pytest.raises(ValueError, match=f"Expected {field} >= 1; got {field}=0"):
        ring.Layout(**{"n": 3, "parts": 2, "chunk": 4} | {field: 0})


def test_a_tie_is_an_error_wherever_its_outputs_lie():
    """Outputs 0 and 5 are one point, on two devices; so are 1 and 2, on one."""
    outputs = jnp.eye(6)[jnp.array([0, 1, 1, 3, 4, 0])]
    layout = ring.Layout(n=6, parts=2, chunk=2)
    outputs = jnp.pad(outputs, ((0, 2 * layout.rows - 6), (0, 0)))

    def counts(outputs):
        points = ring.Points(outputs, outputs)
        own = ring.facts_of(points, layout)
        return ring.num_correct(outputs, own, layout)[None]

    assert on_two_devices(counts, outputs).tolist() == [2, 2]
    whole = facts.injective(outputs[:6], outputs[:6])
    assert int(readout.num_correct(outputs[:6], whole)) == 2


def test_large_scores_overflow_nowhere_and_bad_ones_are_errors():
    layout = ring.Layout(n=5, parts=2, chunk=2)
    outputs = jnp.pad(jnp.eye(5), ((0, 2 * layout.rows - 5), (0, 0)))

    def found(outputs, scale):
        own = ring.facts_of(ring.Points(outputs, outputs), layout)
        recalled = outputs * scale[0]
        loss = ring.add_up(ring.loss(recalled, own, layout))
        return jnp.stack([loss.value, ring.num_correct(recalled, own, layout)])[None]

    for scale, loss, correct in ((1e6, 0.0, 5), (-1e6, 1e6 + np.log(4), 0)):
        values = on_two_devices(found, outputs, jnp.full(2, scale))[0]
        np.testing.assert_allclose(values, [loss, correct], rtol=1e-6)
    values = on_two_devices(found, outputs, jnp.full(2, jnp.nan))[0]
    assert np.isnan(values[0])
    assert values[1] == 0


def test_points_do_not_depend_on_how_many_there_are_nor_on_their_device():
    key = jax.random.key(0)

    def draw(n, chunk):
        layout = ring.Layout(n=n, parts=2, chunk=chunk)
        some = lambda _: ring.draw(key, layout, 3, embeddings.sphere)  # noqa: E731
        return on_two_devices(some, jnp.zeros(2))

    few, many = draw(7, 2), draw(20, 5)
    np.testing.assert_array_equal(few.inputs[:7], many.inputs[:7])
    np.testing.assert_array_equal(few.outputs[:7], many.outputs[:7])
    assert np.unique(np.concatenate(many), axis=0).shape[0] == 40


def test_bytes_sent_by_hand():
    layout = ring.Layout(n=1000, parts=4)
    assert ring.ring_bytes(layout, 16) == 3 * 250 * 16 * 4
    assert ring.ring_bytes(ring.Layout(n=1000, parts=1), 16) == 0
    assert ring.sum_bytes(256) == 258 * 4
