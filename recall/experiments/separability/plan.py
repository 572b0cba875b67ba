"""Exact capacities of memories that are linear in their weights, with both proofs."""

import dataclasses
import functools
import itertools
from typing import Any

from recall.experiments.memory_capacity import linear as linear_capacity
from recall.experiments.separability import features, measure
from recall.solvers import separation
from recall.sweeps import fields, packing
from recall.sweeps.batch import Plan


def plan_of(config: Any) -> Plan:
    """Plans the searches that a config names.

    Raises:
        ValueError: naming a field that is wrong, its value, and what is allowed.
    """
    return packing.plan(work(config))


def work(config: Any) -> list[measure.SeparableBatch]:
    """Lists a search for each memory, size and seed."""
    sizes, seeds = _sizes(config), fields.seeds("seeds", config.seeds)
    lane = functools.partial(
        measure.SeparableLane,
        embedding=fields.embedding(config),
        limit=fields.n_max(config),
        resolution=fields.number("resolution", config.resolution, "[0, 1)"),
        solver=_solver(config),
    )
    return [
        measure.SeparableBatch(lanes=(lane(memory=memory, seed=seed, **size),))
        for memory in fields.each("memories", config.memories, features.MEMORIES)
        for size in sizes[memory]
        for seed in seeds
    ]


def _sizes(config: Any) -> dict[str, list[dict[str, Any]]]:
    """Reads the sizes of each memory, with the capacity that is expected of each."""
    widths = fields.integers("d", config.d, 2)
    # Memories with more features than coordinates, and attention.
    feature_d = fields.integers("feature_d", config.feature_d, 2)
    gates = fields.integers("gates", config.gates, 1)
    ratios = fields.integers("ratios", config.ratios, 1)
    separable = linear_capacity.separable
    feature_sizes = [
        {"d": d, "m": ratio * d, "expected": separable(ratio * d * d)}
        for d, ratio in itertools.product(feature_d, ratios)
    ]
    return {
        "linear": [{"d": d, "expected": separable(d * d)} for d in widths],
        "sign_gates": [
            {"d": d, "m": count * (d + 1), "expected": separable(count * d * d)}
            for d, count in itertools.product(feature_d, gates)
        ],
        "relu_features": feature_sizes,
        "bilinear_features": feature_sizes,
        "attention": _attention(config, feature_d),
    }


def _attention(config: Any, widths: tuple[int, ...]) -> list[dict[str, Any]]:
    """Reads the sizes of attention, H d_h being a multiple of d."""
    heads = fields.integer("heads", config.heads, 2)
    if heads % 2:
        raise ValueError(
            f"Expected heads to be even, half of them for subjects; got heads={heads}."
        )
    sizes = []
    ratios = fields.integers("head_ratios", config.head_ratios, 1)
    for d, ratio in itertools.product(widths, ratios):
        head_dim = max(1, ratio * d // heads)
        # Where d is short more heads do not help: S = R near .55 d in early runs.
        facts = min((0.55 * d) ** 2, 0.25 * d * heads * head_dim)
        size = {"d": d, "heads": heads, "head_dim": head_dim}
        sizes.append(size | {"expected": max(2, int(facts**0.5))})
    return sizes


def _solver(config: Any) -> separation.Solver:
    """Reads the budget of the solver at each size."""
    values = config.solver.to_dict()
    names = [field.name for field in dataclasses.fields(separation.Solver)]
    for name in values:
        fields.pick("solver.<field>", name, names)
    for name in ("cycles", "steps", "check_every"):
        fields.integer(f"solver.{name}", values[name], 1)
    fields.integer("solver.corrections", values["corrections"], 0)
    for name in ("rate", "share"):
        fields.number(f"solver.{name}", values[name], "(0, inf)")
    if values["steps"] % values["check_every"]:
        raise ValueError(
            "Expected solver.check_every to divide "
            f"solver.steps={values['steps']}; got "
            f"solver.check_every={values['check_every']}."
        )
    return separation.Solver(**values)
