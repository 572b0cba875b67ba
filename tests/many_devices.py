"""Checks that need more devices than two: run as a program, by `test_ring`.

Large memories and lanes on 1, 2, 3 and 8 virtual devices find what one device finds
without any of this.
"""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import tiny
from jax.sharding import PartitionSpec
from numpy.testing import assert_allclose

from recall import facts as facts_lib
from recall import memory_kinds, readout, ring, training
from recall.studies import large_programs

RECIPE = training.Recipe(num_steps=12, check_every=4, cosine=True)
MEMORIES = {
    kind: large_programs.Memory(
        kind=kind,
        design=memory_kinds.Design(d=6, m=5 if kind == "mlp" else 0, activation="relu"),
        n=43,  # which 2, 3 and 8 do not divide, nor do chunks of 4
        seed=3,
        embedding="sphere",
        chunk=4,
        recipe=RECIPE,
        learning_rate=0.3,
    )
    for kind in ("outer_product", "linear", "mlp")
}


def drawn(memory, parts):
    """The points of a memory on so many devices, gathered and cut to the live ones."""
    over = large_programs.mesh(jax.devices()[:parts])
    points = large_programs.programs(memory, over).draw()
    return over, points, jax.tree.map(lambda x: np.asarray(x)[: memory.n], points)


@functools.cache
def plain(kind):
    """Facts, and fits after no, one and two checks, by the unsharded code."""
    memory = MEMORIES[kind]
    points = drawn(memory, 1)[2]
    facts = facts_lib.injective(*map(jnp.asarray, points))
    apply = memory_kinds.KINDS[kind].apply(memory.design)
    problem = training.Problem(facts, memory.initial(), jnp.ones(1), (), jnp.ones(()))
    construct = memory_kinds.KINDS[kind].construct

    @jax.jit
    def step(fit):
        n, rate = facts.n, jnp.float32(memory.learning_rate)
        if construct is None:
            return training.advance(problem, fit, n, rate, apply=apply, recipe=RECIPE)
        built = construct(memory.design)(facts, ())
        return fit._replace(
            params=built,
            correct=readout.num_correct(apply(built, facts.inputs), facts),
            loss=readout.cross_entropy(apply(built, facts.inputs), facts),
        )

    fits = [training.start(memory.initial())]
    return facts, apply, [*fits, step(fits[0]), step(step(fits[0]))]


def check_training(kind, parts):
    """Weights, loss and count after two checks, on so many devices and on none."""
    memory, (facts, _, fits) = MEMORIES[kind], plain(kind)
    over, points, live = drawn(memory, parts)
    assert_allclose(live.inputs, facts.inputs, atol=1e-6)
    made = large_programs.programs(memory, over)
    fit = made.advance(points, made.advance(points, made.begin()))
    for ours, theirs in zip(*map(jax.tree.leaves, (fit.params, fits[2].params))):
        assert_allclose(ours, theirs, atol=1e-5)
    assert_allclose(fit.loss, fits[2].loss, atol=1e-5)
    assert int(fit.correct) == int(fits[2].correct)
    assert 0 < int(fit.correct) < memory.n, fit.correct
    assert int(fit.asked) == memory.n


def check_gradient(parts):
    """Loss, wrong probability and gradient with respect to the recalled vectors."""
    memory, (facts, apply, fits) = MEMORIES["linear"], plain("linear")
    over, points, _ = drawn(memory, parts)
    layout = memory.layout(parts)
    recalled = 5 * np.asarray(apply(fits[1].params, facts.inputs))

    def sharded(recalled, points):
        own = ring.facts_of(points, layout)
        loss = lambda z: ring.loss(z, own, layout)  # noqa: E731
        grad = jax.grad(lambda z: loss(z).value)(recalled)
        return ring.add_up(loss(recalled)), grad

    padded = np.pad(recalled, ((0, layout.rows * parts - memory.n), (0, 0)))
    spread, same = PartitionSpec(ring.AXIS), PartitionSpec()
    how = {"in_specs": spread, "out_specs": (same, spread), "check_vma": False}
    found, grad = jax.jit(jax.shard_map(sharded, mesh=over, **how))(padded, points)
    wanted = readout.loss(jnp.asarray(recalled), facts)
    gradient = jax.grad(readout.cross_entropy)(jnp.asarray(recalled), facts)
    assert_allclose(found, wanted, atol=1e-5)
    assert_allclose(grad[: memory.n], gradient, atol=1e-6)
    assert not np.any(grad[memory.n :])


def check_lanes():
    """Five lanes, which no number of devices but one divides."""
    some = tiny.cell([tiny.linear(seed=seed) for seed in range(5)])
    alone = tiny.finish(some)
    for num_devices in (2, 3, 8):
        sharded = tiny.finish(some, num_devices, num_checks=2)
        tiny.assert_same_lanes(sharded, alone)


def check_all(parts):
    for kind in MEMORIES:
        check_training(kind, parts)
    check_gradient(parts)


def main():
    jax.config.update("jax_num_cpu_devices", 8)
    jax.config.update("jax_default_matmul_precision", "highest")
    jax.config.update("jax_numpy_rank_promotion", "raise")
    check_lanes()
    for parts in (1, 2, 3, 8):
        check_all(parts)


if __name__ == "__main__":
    main()
