"""Checks that need more devices than two: run as a program, by `test_ring`.

Large memories and lanes on 1, 2, 3 and 8 virtual devices find what one device finds
without any of this.
"""

import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import tiny
from jax.sharding import PartitionSpec
from numpy.testing import assert_allclose

from recall import facts as facts_lib
from recall import readout, training
from recall.experiments.large_memory import measure as large_memories
from recall.experiments.large_memory import programs as large_programs
from recall.experiments.large_memory import ring
from recall.memories import kinds

SEED, STEPS = np.int32(3), 5
RECIPE = training.Recipe(num_steps=8, check_every=1, cosine=True)
MEMORIES = {
    kind: large_programs.Memory(
        kind=kind,
        design=kinds.Design(d=6, m=5 if kind == "mlp" else 0, activation="relu"),
        n=43,  # which 2, 3 and 8 do not divide, nor do chunks of 4
        embedding="sphere",
        chunk=4,
        recipe=RECIPE,
        learning_rate=0.3,
    )
    for kind in ("outer_product", "linear", "mlp")
}

KINDS = {
    1: ["linear"],
    2: ["linear"],
    3: ["linear", "outer_product"],
    8: ["linear", "mlp"],
}


def drawn(memory, parts):
    """The points of a memory on so many devices, gathered and cut to the live ones."""
    over = large_programs.mesh(jax.devices()[:parts])
    points = large_programs.programs(memory, over).draw(SEED)
    return over, points, jax.tree.map(lambda x: np.asarray(x)[: memory.n], points)


@functools.cache
def plain(kind):
    """Facts, and a fit after a few steps, by the unsharded code."""
    memory = MEMORIES[kind]
    points = drawn(memory, 1)[2]
    facts = facts_lib.injective(*map(jnp.asarray, points))
    apply = kinds.KINDS[kind].apply(memory.design)
    problem = training.Problem(
        facts, memory.initial(SEED), jnp.ones(1), (), jnp.ones(())
    )
    construct = kinds.KINDS[kind].construct

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

    fit = training.start(memory.initial(SEED))
    for _ in range(STEPS):
        fit = step(fit)
    return facts, apply, fit


def check_training(kind, parts):
    """Weights, loss and count after a few steps, on so many devices and on none."""
    memory, (facts, _, wanted) = MEMORIES[kind], plain(kind)
    over, points, live = drawn(memory, parts)
    assert_allclose(live.inputs, facts.inputs, atol=1e-6)
    made = large_programs.programs(memory, over)
    fit = made.begin(SEED)
    for _ in range(STEPS):
        fit = made.advance(points, fit)
    jax.tree.map(
        lambda x, y: assert_allclose(x, y, atol=1e-5), fit.params, wanted.params
    )
    assert_allclose(fit.loss, wanted.loss, atol=1e-5)
    assert int(fit.correct) == int(wanted.correct)
    assert 0 < int(fit.correct) < memory.n, fit.correct
    assert int(fit.asked) == memory.n
    if kind != "outer_product" and parts > 2:  # a loop of one hop is none
        check_sent(made.advance.as_text(), large_memories.cost(memory, parts))


def check_gradient(parts):
    """Loss, wrong probability and gradient with respect to the recalled vectors."""
    memory, (facts, apply, fit) = MEMORIES["linear"], plain("linear")
    over, points, _ = drawn(memory, parts)
    layout = memory.layout(parts)
    recalled = 5 * np.asarray(apply(fit.params, facts.inputs))

    def sharded(recalled, points):
        own = ring.facts_of(points, layout)
        loss = lambda z: ring.loss(z, own, layout)  # noqa: E731
        grad = jax.grad(lambda z: loss(z).value)(recalled)
        return ring.add_up(loss(recalled)), grad

    padded = np.pad(recalled, ((0, layout.rows * parts - memory.n), (0, 0)))
    spread, same = PartitionSpec(ring.AXIS), PartitionSpec()
    how = {"in_specs": spread, "out_specs": (same, spread), "check_vma": False}
    found, grad = jax.jit(jax.shard_map(sharded, mesh=over, **how))(padded, points)
    wanted = jax.jit(readout.loss)(recalled, facts)
    gradient = jax.jit(jax.grad(readout.cross_entropy))(recalled, facts)
    assert_allclose(found, wanted, atol=1e-5)
    assert_allclose(grad[: memory.n], gradient, atol=1e-6)
    assert not np.any(grad[memory.n :])


def check_lanes():
    """Five lanes, which no number of devices but one divides."""
    some = tiny.batch([tiny.linear(seed=seed) for seed in range(5)])
    alone = tiny.finish(some)
    for num_devices in (2, 3, 8):
        sharded = tiny.finish(some, num_devices, num_checks=2)
        tiny.assert_same_lanes(sharded, alone)


def check_sent(text, cost):
    """A step sends what the formulas say: the ring's blocks, one sum, no more."""
    found = collectives(text)
    sent = sorted((kind, size * trips) for kind, size, trips in found)
    of_step = [("all-reduce", cost.summed), ("collective-permute", cost.ring)]
    of_count = [("all-reduce", 4), ("collective-permute", cost.ring)]
    assert sent == sorted(of_step + of_count), sent


def collectives(text):
    """Each collective of a compiled program: kind, bytes of its result, trips."""
    trips, found = {}, []
    for body, count in re.findall(r"body=%?([\w.-]+).*?\"n\":\"(\d+)\"", text):
        trips[body] = int(count)
    body = ""
    for line in text.splitlines():
        if line and not line.startswith(" "):
            body = re.sub(r"^(ENTRY )?%?([\w.-]+).*", r"\2", line)
        name = r"= (\w+)\[([\d,]*)\]\S* (all-[\w-]+|collective-[\w-]+|reduce-scatter)"
        if found_here := re.search(name, line):
            dtype, shape, kind = found_here.groups()
            size = int(np.prod([int(n) for n in shape.split(",") if n]))
            width = int(re.sub(r"\D", "", dtype)) // 8
            found.append((kind, size * width, trips.get(body, 1)))
    return found


def main():
    jax.config.update("jax_num_cpu_devices", 8)
    jax.config.update("jax_default_matmul_precision", "highest")
    jax.config.update("jax_numpy_rank_promotion", "raise")
    check_lanes()
    for parts in (1, 2, 3, 8):
        for kind in KINDS[parts]:
            check_training(kind, parts)
    check_gradient(3)


if __name__ == "__main__":
    main()
