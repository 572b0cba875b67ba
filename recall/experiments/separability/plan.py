"""Exact capacities of memories that are linear in their weights, with both proofs."""

import dataclasses
import itertools
from collections.abc import Iterator
from typing import Any

from recall.experiments.memory_capacity import linear as linear_capacity
from recall.experiments.separability import features, measure
from recall.solvers import separation
from recall.sweeps import fields, packing
from recall.sweeps.batch import Plan


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """The axes of the sweep.

    Attributes:
        memories: any of `features.MEMORIES`.
        d: widths of the embeddings of the linear memory.
        feature_d: of memories with more features than coordinates, and of attention.
        gates: sign gates G, of d features each.
        ratios: ReLU and bilinear features, as multiples of d.
        heads: of attention.
        head_ratios: H d_h, as multiples of d.
        seeds: of embeddings and features.
        embedding: kind of the embeddings.
        n_max: ceiling on the number of facts.
        resolution: by which both ends of a bracket close in, as a fraction.
        solver: how hard each size is tried.
    """

    memories: tuple[str, ...]
    d: tuple[int, ...]
    feature_d: tuple[int, ...]
    gates: tuple[int, ...]
    ratios: tuple[int, ...]
    heads: int
    head_ratios: tuple[int, ...]
    seeds: tuple[int, ...]
    embedding: str
    n_max: int
    resolution: float
    solver: separation.Solver


def settings(config: Any) -> Settings:
    """Reads and checks a config; a bad field is named in a ValueError."""
    heads = fields.integer("heads", config.heads, 2)
    if heads % 2:
        raise ValueError(
            f"Expected heads to be even, half of them for subjects; got heads={heads}."
        )
    return Settings(
        memories=fields.each("memories", config.memories, features.MEMORIES),
        d=fields.integers("d", config.d, 2),
        feature_d=fields.integers("feature_d", config.feature_d, 2),
        gates=fields.integers("gates", config.gates, 1),
        ratios=fields.integers("ratios", config.ratios, 1),
        heads=heads,
        head_ratios=fields.integers("head_ratios", config.head_ratios, 1),
        seeds=fields.seeds("seeds", config.seeds),
        embedding=fields.embedding(config),
        n_max=fields.n_max(config),
        resolution=fields.number("resolution", config.resolution, "[0, 1)"),
        solver=solver(config),
    )


def solver(config: Any) -> separation.Solver:
    """Reads how hard each size is tried.

    Raises:
        ValueError: naming a field that is wrong, and what is allowed.
    """
    given = config.solver.to_dict()
    names = [field.name for field in dataclasses.fields(separation.Solver)]
    for name in given:
        fields.pick("solver.<field>", name, names)
    for name in ("cycles", "steps", "check_every"):
        fields.integer(f"solver.{name}", given[name], 1)
    fields.integer("solver.corrections", given["corrections"], 0)
    for name in ("rate", "share"):
        fields.number(f"solver.{name}", given[name], "(0, inf)")
    if given["steps"] % given["check_every"]:
        raise ValueError(
            f"Expected solver.check_every to divide solver.steps={given['steps']}; got "
            f"solver.check_every={given['check_every']}."
        )
    return separation.Solver(**given)


def plan_of(config: Any) -> Plan:
    """Plans what a config asks for.

    Raises:
        ValueError: naming a field that is wrong, its value, and what is allowed.
    """
    chosen = settings(config)
    return packing.plan(plan(chosen))


def work(config: Any) -> list[measure.SeparableBatch]:
    """Returns the searches and batches that a config names."""
    return plan(settings(config))


def plan(chosen: Settings) -> list[measure.SeparableBatch]:
    """Lists the searches, one for each memory, size and seed."""
    same = {
        "embedding": chosen.embedding,
        "limit": chosen.n_max,
        "resolution": chosen.resolution,
        "solver": chosen.solver,
    }
    return [
        measure.SeparableBatch(
            lanes=(measure.SeparableLane(memory=memory, seed=seed, **sizes, **same),)
        )
        for memory in chosen.memories
        for sizes in _sizes(chosen, memory)
        for seed in chosen.seeds
    ]


def _sizes(chosen: Settings, memory: str) -> Iterator[dict[str, int]]:
    """The sizes of a memory, and the capacity that is expected of each."""
    if memory == "linear":
        for d in chosen.d:
            yield {"d": d, "expected": linear_capacity.expected("linear", d, None, 1.0)}
    elif memory == "attention":
        for d, ratio in itertools.product(chosen.feature_d, chosen.head_ratios):
            head_dim = max(1, ratio * d // chosen.heads)
            size = {"d": d, "heads": chosen.heads, "head_dim": head_dim}
            # Where d is short more heads do not help: S = R near .55 d in early runs.
            facts = min((0.55 * d) ** 2, 0.25 * d * chosen.heads * head_dim)
            yield size | {"expected": max(2, int(facts**0.5))}
    else:
        for d, count in itertools.product(chosen.feature_d, _counts(chosen, memory)):
            m = count * (d + 1) if memory == "sign_gates" else count * d
            expected = linear_capacity.separable(count * d * d)
            yield {"d": d, "m": m, "expected": expected}


def _counts(chosen: Settings, memory: str) -> tuple[int, ...]:
    return chosen.gates if memory == "sign_gates" else chosen.ratios
