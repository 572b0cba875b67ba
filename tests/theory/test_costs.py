"""Costs: counts by hand, and rates that a fit gives back."""

from typing import Any

import jax
import numpy as np
import pytest
from numpy.testing import assert_allclose

from recall import facts, readout
from recall.memories import linear
from recall.theory import costs


def test_a_step_by_hand():
    work = costs.memory_step(n=10, outputs=10, d=4, weights=16)
    assert work.flops == 4 * 10 * 10 * 4 + 6 * 10 * 16
    assert work.bytes == 4 * (5 * 100 + 6 * 20 * 4 + 9 * 16)
    assert work.sent == 0
    shared = costs.memory_step(n=10, outputs=10, d=4, weights=16, parts=5)
    assert_allclose(shared.flops, work.flops / 5)
    assert shared.sent == 4 * (4 * 2 * 4 + 16)


def test_flops_are_what_the_compiler_counts():
    n, d = 256, 32
    points = jax.random.normal(jax.random.key(0), (2, n, d))
    known = facts.injective(points[0], points[1])

    def loss(W):
        return readout.cross_entropy(
            linear.apply(linear.Params(W), known.inputs), known
        )

    compiled = jax.jit(jax.grad(loss)).lower(np.eye(d, dtype=np.float32)).compile()
    analysis: Any = compiled.cost_analysis()
    counted = analysis["flops"]
    closed = costs.memory_step(n, n, d, d**2)
    # Less the product that no gradient with respect to inputs needs.
    assert counted == pytest.approx(closed.flops - 2 * n * d**2, rel=0.15)


def test_a_fit_gives_rates_back():
    machine = costs.Machine(step=2e-5, flops=3e10, bytes=5e9)
    generator = np.random.default_rng(0)
    works = [costs.Work(1, *10 ** generator.uniform(4, 9, 2)) for _ in range(20)]
    found = costs.fit(works, [costs.seconds(work, machine) for work in works])
    assert_allclose(found[:3], machine[:3], rtol=1e-6)
    with pytest.raises(ValueError, match="three measured steps"):
        costs.fit(works[:2], [1.0, 1.0])


def test_the_largest_part_limits():
    machine = costs.Machine(step=1.0, flops=10.0, bytes=10.0, sent=1.0)
    assert costs.limit(costs.Work(1, 5, 5), machine) == "launches"
    assert costs.limit(costs.Work(1, 50, 5), machine) == "compute"
    assert costs.limit(costs.Work(1, 5, 50), machine) == "memory traffic"
    assert costs.limit(costs.Work(1, 5, 5, 9), machine) == "collectives"
    assert costs.seconds(costs.Work(1, 50, 5, 9), machine) == 1 + 5 + 0.5 + 9
    assert costs.seconds(costs.Work(0, 50, 0), costs.attained(machine, 0.5)) == 10


def test_a_run_at_capacity_divides_by_devices_but_for_what_is_sent():
    alone, many = (costs.linear_run(1024, 2048, parts) for parts in (1, 256))
    assert_allclose(alone.flops, 256 * many.flops)
    assert alone.sent == 0 < many.sent
    assert costs.held(80_000, 1024, 1024**2, 8) < costs.held(80_000, 1024, 1024**2, 1)
