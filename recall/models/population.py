r"""The population loss of the one-layer transformer, at a fraction of the reads.

The last token is always the end token and there are no positions, so that attention
logits a_h(v) are a table over the vocabulary, made once. Summed over the noise tokens
and the end token of context c, M_c = sum e^a V x and Z_c = sum e^a, and for the facts
that are read in it

    head_h(s, r, c) = (M_c + e^{a(s)} V_h x_s + e^{a(r)} V_h x_r)
                    / (Z_c + e^{a(s)} + e^{a(r)}),

which is what softmax attention gives, position by position. C contexts of F facts each
estimate the same loss as C F sequences, for C T + C F reads instead of C F T.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from recall import facts, readout
from recall.data import recall_task, sequences
from recall.models import prompts, transformer


def recalled(
    params: transformer.Params,
    frozen: transformer.Embeddings,
    draw: sequences.Draw,
    architecture: transformer.Architecture,
    head_dim: Any,
) -> Float[Array, "CF d"]:
    """Computes the recalled vectors F of all facts of a draw, context by context."""
    mixed = attended(params, frozen, draw, head_dim)
    return transformer.add_mlp(params, mixed, architecture)


def attended(
    params: transformer.Params,
    frozen: transformer.Embeddings,
    draw: sequences.Draw,
    head_dim: Any,
) -> Float[Array, "CF d"]:
    """Computes MHSA(X), the sum of all heads, for all facts, context by context.

    `head_dim` scales logits by its square root: heads may be padded beyond it.
    """
    tables = transformer.used(params, frozen)
    score = lambda X: transformer.key_scores(params, X, tables.end, head_dim)  # noqa: E731
    high, mass, value = _contexts(params, tables, draw, score)
    kinds = (tables.subjects, draw.subjects), (tables.relations, draw.relations)
    weights = _attention(high, mass, *(score(table)[ids] for table, ids in kinds))
    values = [value[:, None], *(_values(params, table)[ids] for table, ids in kinds)]
    parts = [_mix(w, v, params.O) for w, v in zip(weights, values, strict=True)]
    mixed = parts[0] + parts[1] + parts[2]
    return mixed.reshape(-1, mixed.shape[-1])


def loss(
    params: transformer.Params,
    frozen: transformer.Embeddings,
    world: recall_task.World,
    draw: sequences.Draw,
    architecture: transformer.Architecture,
    head_dim: Any,
) -> readout.Loss:
    """Computes the mean cross-entropy over the facts of a draw, in nats."""
    F = recalled(params, frozen, draw, architecture, head_dim)
    return readout.loss(F, as_facts(F, params, frozen, world, draw))


def correct(
    params: transformer.Params,
    frozen: transformer.Embeddings,
    world: recall_task.World,
    draw: sequences.Draw,
    architecture: transformer.Architecture,
    head_dim: Any,
) -> Bool[Array, "C F"]:
    """Marks the facts of a draw whose right answer scores above all others."""
    F = recalled(params, frozen, draw, architecture, head_dim)
    margins = readout.margins(F, as_facts(F, params, frozen, world, draw))
    return (margins > 0).reshape(draw.subjects.shape[0], draw.relations.shape[1])


def _values(params: transformer.Params, X: Array) -> Float[Array, "V H d_h"]:
    return jnp.einsum("vd,hkd->vhk", X, params.V)


def _contexts(
    params: transformer.Params,
    tables: transformer.Embeddings,
    draw: sequences.Draw,
    score: Any,
) -> tuple[Array, Array, Array]:
    """Sums the noise and end tokens of each context, from counts of noise tokens.

    Returns `[C, H]` the largest logit, `[C, H]` the sum of e^(a - largest), and
    `[C, H, d_h]` the sum of e^(a - largest) V x.
    """
    counts = prompts.noise_counts(draw.noise, tables.noise.shape[0])
    of_noise, of_end = score(tables.noise), score(tables.end[None])
    present = jnp.where(counts[:, :, None] > 0, of_noise[None], -jnp.inf)
    # Over the tokens of each sequence: a maximum over the vocabulary underflows.
    high = jax.lax.stop_gradient(jnp.maximum(jnp.max(present, axis=1), of_end))
    weights = counts[:, :, None] * jnp.exp(present - high[:, None, :])
    end = jnp.exp(of_end - high)
    values = jnp.einsum("cnh,nhk->chk", weights, _values(params, tables.noise))
    values += end[:, :, None] * _values(params, tables.end[None])
    return high, jnp.sum(weights, axis=1) + end, values


def _attention(high: Array, mass: Array, *tokens: Array) -> list[Array]:
    """Computes attention `[C, F, H]` to a context as a whole, subject and relation."""
    logits = high[:, None, :], *tokens
    most = jnp.maximum(jnp.maximum(*tokens), logits[0])
    most = jax.lax.stop_gradient(most)  # it cancels
    parts = [jnp.exp(x - most) for x in logits]
    total = parts[0] * mass[:, None, :] + parts[1] + parts[2]
    return [part / total for part in parts]


def _mix(weights: Array, values: Array, O: Array) -> Float[Array, "C F d"]:  # noqa: E741
    """Sums w O^T v over heads; where an axis of the values is shared, O comes first."""
    C, F = weights.shape[:2]
    if values.shape[0] == 1 < C:  # C times fewer products with O
        pushed = jnp.einsum("fhk,hkd->fhd", values[0], O)
        return jnp.einsum("cfh,fhd->cfd", weights, pushed)
    if values.shape[1] == 1 < F:
        pushed = jnp.einsum("chk,hkd->chd", values[:, 0], O)
        return jnp.einsum("cfh,chd->cfd", weights, pushed)
    return jnp.einsum("cfhk,hkd->cfd", weights[..., None] * values, O)


def as_facts(
    vectors: Float[Array, "F d"],
    params: transformer.Params,
    frozen: transformer.Embeddings,
    world: recall_task.World,
    draw: sequences.Draw,
) -> facts.Facts:
    """Returns the facts of a draw, one row each, to be scored by `readout`."""
    targets = recall_task.answers(world)[draw.subjects, draw.relations].reshape(-1)
    return facts.Facts(
        inputs=vectors,
        outputs=transformer.used(params, frozen).answers,
        targets=targets,
        n=jnp.asarray(targets.shape[0], jnp.int32),
        num_outputs=recall_task.num_outputs(world),  # padded answers never win
    )
