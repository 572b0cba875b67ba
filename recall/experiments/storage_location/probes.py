"""Probes of trained transformers: the part that holds a fact; swaps of whole parts.

They return columns of rows, each a number, of one unbatched model.
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


class Probed(NamedTuple):
    """Measurements of a model.

    Attributes:
        columns: numbers of the whole model.
        ablated: by ablation, fractions of the facts.
        by_fact: `[S R]` each, scores of each part, means over noise contexts.
    """

    columns: Columns
    ablated: dict[str, Columns]
    by_fact: Columns


def read(
    problem: fit.Problem,
    params: transformer.Params,
    sampling: fit.Sampling,
    head_dim: Any,
) -> tuple[Array, facts_lib.Facts]:
    """Returns what attention writes for all facts in all noise contexts, and them."""
    # One key for all models of a lane: they are compared in the same contexts.
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
) -> Probed:
    """Asks a model which part holds its facts, and what each ablation leaves."""
    x, facts = read(problem, params, sampling, problem.head_dim)
    added = probing.reader(params, architecture)
    recalled = {name: f(x, added) for name, f in probing.ABLATIONS.items()}
    all_right = _each(lambda F: right_of(F, facts), recalled)
    right = dict(zip(recalled, all_right, strict=True))
    columns = {"conservation": probing.conservation(x, added(x), facts)}
    for how in ("zero", "mean"):
        parts = right["none"], right[f"mlp_{how}"], right[f"direct_{how}"]
        held = probing.holders(*parts)._asdict()
        columns |= {f"held_{part}_{how}": held[part] for part in held}
    by_fact: Columns = {}
    for against in probing.AGAINST:
        parts = probing.attribute(x, added(x), facts, against)._asdict()
        mean = {
            n: p.reshape(sampling.checks, -1).mean(axis=0) for n, p in parts.items()
        }
        columns |= _attributed(mean, against)
        by_fact |= {f"{part}_{against}": scores for part, scores in mean.items()}
    ablated = outcomes(recalled, facts, facts.targets, problem.world, right["none"])
    return Probed(columns=columns, ablated=ablated, by_fact=by_fact)


def swaps(
    problem: fit.Problem,
    models: Mapping[str, transformer.Params],
    other: recall_task.World,
    sampling: fit.Sampling,
    architecture: transformer.Architecture,
) -> dict[str, Columns]:
    """Measures a model with a part of another one, for each of `lanes.SWAPS`.

    "mlp_swap" and "mlp_refit" have the MLPs of the trainings "other" and "refit" of the
    other table. "ov_codes" and "ov_copy" have constructed heads for attention, of
    Theorem 3 and copying ones; "ov_codes_alone" has no MLP besides.

    Args:
        problem: of the model.
        models: "free", "other" and "refit", and the heads "codes" and "copies".
        other: the other table of facts.
        sampling: how facts are asked.
        architecture: of all.
    """
    x, facts = read(problem, models["free"], sampling, problem.head_dim)
    mlp, swapped, refitted = (
        probing.reader(models[name], architecture)
        for name in ("free", "other", "refit")
    )
    written = (  # constructed heads have a d_h that no padding changes
        read(problem, models[name], sampling, models[name].K.shape[1])[0]
        for name in ("codes", "copies")
    )
    # To the norm of what they replace: the MLP was trained on inputs of that size.
    codes, copies = (y * (jnp.linalg.norm(x) / jnp.linalg.norm(y)) for y in written)
    whole = probing.ABLATIONS["none"]
    vectors = [whole(x, swapped), whole(x, refitted), whole(copies, mlp)]
    vectors += [whole(codes, mlp), codes]
    recalled: dict[str, Array] = dict(zip(lanes.SWAPS, vectors, strict=True))
    answers = recall_task.answers(other).reshape(-1)
    others = jnp.tile(answers, sampling.checks)
    intact = right_of(whole(x, mlp), facts)
    return outcomes(recalled, facts, others, problem.world, intact)


def right_of(recalled: Array, facts: facts_lib.Facts) -> Array:
    """Tells for each fact if its right answer scores above all others."""
    return readout.margins(recalled, facts) > 0  # a tie is an error


def outcomes(
    recalled: Mapping[str, Array],
    facts: facts_lib.Facts,
    others: Int[Array, " N"],
    world: recall_task.World,
    intact: Array,
) -> dict[str, Columns]:
    """Returns the fraction of facts, relations and other answers that are recalled.

    Args:
        recalled: `[N, d]` by ablation or swap.
        facts: in all noise contexts.
        others: the answers of the other table.
        world: of the facts.
        intact: `[N]` the facts that the whole model recalls; "kept" is a part of them.
    """

    def fractions(F: Array) -> Columns:
        right = right_of(F, facts)
        relation = probing.right_relation(F, facts, world.live.answers)
        return {
            "accuracy": jnp.mean(right),
            "relation_accuracy": jnp.mean(relation),
            "kept": jnp.sum(right & intact) / jnp.sum(intact),
            "other_accuracy": jnp.mean(right_of(F, facts._replace(targets=others))),
        }

    columns = _each(fractions, recalled)
    return {
        name: {column: values[i] for column, values in columns.items()}
        for i, name in enumerate(recalled)
    }


def _each(of: Callable[[Array], Any], recalled: Mapping[str, Array]) -> Any:
    # A loop: compiled once, and the scores of one ablation at a time.
    return jax.lax.map(of, jnp.stack(list(recalled.values())))


def _attributed(by_fact: Columns, against: str) -> Columns:
    """Returns quantiles over facts of the scores by part, and the MLP's part."""
    columns = {
        f"{part}_{against}_{name}": jnp.quantile(scores, level)
        for part, scores in by_fact.items()
        for name, level in QUANTILES.items()
    }
    attention, mlp = by_fact["attention"], by_fact["mlp"]
    columns[f"mlp_share_{against}"] = jnp.sum(mlp) / jnp.sum(attention + mlp)
    columns[f"mlp_leads_{against}"] = jnp.mean(mlp > attention)
    return columns


def ranks(params: transformer.Params, heads: int) -> dict[str, float]:
    """Returns effective ranks of O^T V: the mean over live heads, and of the sum."""
    maps = probing.ov(params)[:heads]  # padded heads are zero, and have no rank
    each, whole = probing.ranks(maps), probing.ranks(maps.sum(axis=0))
    columns = {f"head_{name}": float(r.mean()) for name, r in each._asdict().items()}
    return columns | {f"sum_{name}": float(r) for name, r in whole._asdict().items()}
