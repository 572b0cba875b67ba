"""What is asked of trained transformers: who holds their facts; what if a part changes.

Columns of rows, each a number, of one unbatched model.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int

from recall import facts as facts_lib
from recall import readout
from recall.data import recall_task
from recall.experiments.storage_location import lanes
from recall.models import fit, population, probing, transformer

Columns = dict[str, Array]
QUANTILES = {"low": 0.1, "median": 0.5, "high": 0.9}  # over facts


class Found(NamedTuple):
    """What was found out about a model.

    Attributes:
        told: numbers of the whole model.
        left: by ablation, shares of the facts.
        by_fact: `[S R]` each, scores of each part, means over noise contexts.
    """

    told: Columns
    left: dict[str, Columns]
    by_fact: Columns


def read(
    problem: fit.Problem,
    params: transformer.Params,
    sampling: fit.Sampling,
    head_dim: Any,
) -> tuple[Array, facts_lib.Facts]:
    """What attention writes for every fact in every noise context, and the facts."""
    key = jax.random.fold_in(jax.random.key(problem.seed), 0)
    draw = probing.ask_every_fact(key, problem.world, sampling.length, sampling.checks)
    x = population.attended(params, problem.embeddings, draw, head_dim)
    facts = population.as_facts(x, params, problem.embeddings, problem.world, draw)
    return x, facts


def model(
    problem: fit.Problem,
    params: transformer.Params,
    sampling: fit.Sampling,
    architecture: transformer.Architecture,
) -> Found:
    """Asks a model who holds its facts, and what it recalls under each ablation."""
    x, facts = read(problem, params, sampling, problem.head_dim)
    added = probing.reader(params, architecture)
    found = {name: f(x, added) for name, f in probing.ABLATIONS.items()}
    all_right = _each(lambda F: right_of(F, facts), found)
    right = dict(zip(found, all_right, strict=True))
    told = {"conservation": probing.conservation(x, added(x), facts)}
    for how in ("zero", "mean"):
        parts = right["none"], right[f"mlp_{how}"], right[f"direct_{how}"]
        held = probing.holders(*parts)._asdict()
        told |= {f"held_{part}_{how}": share for part, share in held.items()}
    by_fact: Columns = {}
    for against in probing.AGAINST:
        parts = probing.attribute(x, added(x), facts, against)._asdict()
        mean = {
            n: p.reshape(sampling.checks, -1).mean(axis=0) for n, p in parts.items()
        }
        told |= _attributed(mean, against)
        by_fact |= {f"{part}_{against}": scores for part, scores in mean.items()}
    intact = right["none"]
    left = outcomes(found, facts, facts.targets, problem.world, intact)
    return Found(told=told, left=left, by_fact=by_fact)


def swaps(
    problem: fit.Problem,
    models: Mapping[str, transformer.Params],
    other: recall_task.World,
    sampling: fit.Sampling,
    architecture: transformer.Architecture,
) -> dict[str, Columns]:
    """What a model recalls with a part of another one, of `lanes.SWAPS`.

    "mlp_swap" and "mlp_refit" have the MLPs of the trainings "other" and "refit" of the
    other table. "ov_codes" and "ov_copy" have constructed heads for attention, of
    Theorem 3 and copying ones, whose writing is scaled to the norm of what it
    replaces; "ov_codes_alone" has no MLP besides.

    Args:
        problem: of the model.
        models: "free", "other" and "refit", and the heads "codes" and "copies".
        other: the other table of facts.
        sampling: how facts are asked.
        architecture: of all.
    """
    x, facts = read(problem, models["free"], sampling, problem.head_dim)
    own, swapped, refitted = (
        probing.reader(models[name], architecture)
        for name in ("free", "other", "refit")
    )
    codes, copies = (
        _scaled_to(x, read(problem, models[name], sampling, size)[0])
        for name in ("codes", "copies")
        for size in [models[name].K.shape[1]]
    )
    whole = probing.ABLATIONS["none"]
    made = [whole(x, swapped), whole(x, refitted), whole(copies, own)]
    made += [whole(codes, own), codes]
    found: dict[str, Array] = dict(zip(lanes.SWAPS, made, strict=True))
    answers = recall_task.answers(other).reshape(-1)
    theirs = jnp.tile(answers, sampling.checks)
    intact = right_of(whole(x, own), facts)
    return outcomes(found, facts, theirs, problem.world, intact)


def right_of(found: Array, facts: facts_lib.Facts) -> Array:
    """Whether each right answer scores above all others."""
    return readout.margins(found, facts) > 0


def outcomes(
    found: Mapping[str, Array],
    facts: facts_lib.Facts,
    theirs: Int[Array, " N"],
    world: recall_task.World,
    intact: Array,
) -> dict[str, Columns]:
    """Shares of the facts recalled: of all, of relations, of the intact model's."""

    def told(F: Array) -> Columns:
        right = right_of(F, facts)
        relation = probing.right_relation(F, facts, world.live.answers)
        return {
            "accuracy": jnp.mean(right),
            "relation_accuracy": jnp.mean(relation),
            "kept": jnp.sum(right & intact) / jnp.sum(intact),
            "other_accuracy": jnp.mean(right_of(F, facts._replace(targets=theirs))),
        }

    shares = _each(told, found)
    return {
        name: {column: share[i] for column, share in shares.items()}
        for i, name in enumerate(found)
    }


def _each(of: Callable[[Array], Any], found: Mapping[str, Array]) -> Any:
    """A function of each of several recalled vectors, compiled once."""
    return jax.lax.map(of, jnp.stack(list(found.values())))


def _attributed(by_fact: Columns, against: str) -> Columns:
    """Scores by part: quantiles over facts."""
    told = {
        f"{part}_{against}_{name}": jnp.quantile(scores, level)
        for part, scores in by_fact.items()
        for name, level in QUANTILES.items()
    }
    attention, mlp = by_fact["attention"], by_fact["mlp"]
    told[f"mlp_share_{against}"] = jnp.sum(mlp) / jnp.sum(attention + mlp)
    told[f"mlp_leads_{against}"] = jnp.mean(mlp > attention)
    return told


def ranks(params: transformer.Params, heads: int) -> dict[str, float]:
    """Effective ranks of O^T V: the mean over the heads there are, and of the sum."""
    maps = probing.ov(params)[:heads]
    each, whole = probing.ranks(maps), probing.ranks(maps.sum(axis=0))
    told = {f"head_{name}": float(r.mean()) for name, r in each._asdict().items()}
    return told | {f"sum_{name}": float(r) for name, r in whole._asdict().items()}


def _scaled_to(x: Array, written: Array) -> Array:
    return written * (jnp.linalg.norm(x) / jnp.linalg.norm(written))
