"""Lanes of memories of named facts: their facts and embeddings.

Names are embedded at random, or by the mean of their word pieces in a language model,
carried to d coordinates by one random projection and scaled to length one. Noise and
end tokens have no names: they are random.
"""

import dataclasses
import functools
import hashlib
import json
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float
from typing_extensions import override

from recall import embeddings
from recall import facts as facts_lib
from recall.constructions import codes
from recall.data import fact_tables, names, recall_task
from recall.models import transformer
from recall.sweeps.batch import Lane, Row

FACTS = ("real", "copies", "synthetic")
NAMED = ("names", "names_centred")
KEYS = ("sum", "concatenated")


@dataclasses.dataclass(frozen=True, kw_only=True)
class FactLane(Lane):
    """A search for the smallest memory of one kind that stores a table.

    Attributes:
        method: one of `memories.METHODS`.
        facts: one of FACTS: as they are, with a copy of each answer for each relation,
            or random ones at the same size.
        source: name of the table.
        table: its digest.
        embedding: one of `embeddings.SAMPLERS`, or of NAMED.
        keys: of an associative memory, one of KEYS; "" of a transformer.
        d: width of the embeddings; 0 where it is what is searched.
        sizes: in rising order: widths, hidden units or gates, by the method.
        claim: one of them, which is tried first.
        budget: steps of training, sweeps or cycles of descent.
        noise: noise tokens of a transformer.
        seed: of embeddings, synthetic facts, initial weights, gates and noise.
    """

    method: str
    facts: str
    source: str
    table: str
    embedding: str
    keys: str
    d: int
    sizes: tuple[int, ...]
    claim: int
    budget: int
    noise: int
    seed: int

    @override
    def columns(self) -> Row:
        ends = f"{self.sizes[0]} to {self.sizes[-1]}"
        return super().columns() | {"sizes": ends}


class Stock(NamedTuple):
    """The facts of a lane at a width.

    Attributes:
        table: with names.
        world: the facts as ids, padded.
        tokens: the embeddings of their tokens.
    """

    table: fact_tables.FactTable
    world: recall_task.World
    tokens: transformer.Embeddings


def digest(table: fact_tables.FactTable) -> str:
    """Returns a name for a table that any change of a fact changes."""
    return hashlib.sha256(json.dumps(table).encode()).hexdigest()[:16]


@functools.lru_cache(maxsize=32)
def table_of(table: fact_tables.FactTable, facts: str, seed: int) -> Any:
    """Returns the table that is stored, by one of FACTS; cached for all sizes."""
    if facts == "synthetic":
        return fact_tables.synthetic(table, seed)
    return fact_tables.copies(table) if facts == "copies" else table


def draw(
    lane: FactLane, base: fact_tables.FactTable, vectors: names.Vectors | None, d: int
) -> Stock:
    """Draws the embeddings of a lane at width d, beside its facts."""
    table = table_of(base, lane.facts, lane.seed)
    world = recall_task.world_of_ids(table.ids, len(table.answers), lane.noise)
    key_tokens, key_names = jax.random.split(jax.random.key(lane.seed))
    S, R = len(table.subjects), len(table.relations)
    sizes = recall_task.Sizes(S, R, -(-len(table.answers) // R), lane.noise)
    kind = "sphere" if lane.embedding in NAMED else lane.embedding
    sampler = embeddings.SAMPLERS[kind]
    tokens = transformer.draw_embeddings(key_tokens, sampler, sizes, d)
    # R D embeddings are drawn, D rounded up: the last ones belong to no answer.
    tokens = tokens._replace(answers=tokens.answers[: len(table.answers)])
    if lane.embedding in NAMED:
        assert vectors is not None  # the plan refuses names without a model
        centred = lane.embedding == "names_centred"
        named = project(key_names, vectors, d, centred=centred)
        tokens = tokens._replace(**named._asdict())
    return Stock(table, world, tokens)


def project(
    key: Array, vectors: names.Vectors, d: int, *, centred: bool
) -> names.Vectors:
    """Projects names to the sphere in d dimensions; similarities nearly stay."""
    # Johnson-Lindenstrauss: one Gaussian matrix for all, or cosines between kinds go.
    P = jax.random.normal(key, (vectors.subjects.shape[1], d))
    # A kind with one name would be centred to zero, which has no direction.
    shifts = [x.mean(axis=0) if centred and len(x) > 1 else 0.0 for x in vectors]
    points = [
        jnp.asarray(x - mean) @ P for x, mean in zip(vectors, shifts, strict=True)
    ]
    return names.Vectors(
        *(x / jnp.linalg.norm(x, axis=1, keepdims=True) for x in points)
    )


def keyed(stock: Stock, keys: str) -> facts_lib.Facts:
    """Returns the facts of an associative memory, of one key for s and r."""
    facts = codes.pair_facts(stock.world, stock.tokens)
    if keys == "sum":  # x = phi(s) + phi(r); else x = [phi(s), phi(r)]
        return facts
    s, r = recall_task.pairs(stock.world).T
    parts: list[Float[Array, "P d"]] = [
        stock.tokens.subjects[s],
        stock.tokens.relations[r],
    ]
    return facts._replace(inputs=jnp.concatenate(parts, axis=1))
