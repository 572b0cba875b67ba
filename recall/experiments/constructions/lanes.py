"""Lanes of constructed transformers, and the models built from them."""

import dataclasses
import functools
from typing import NamedTuple

import jax
from typing_extensions import override

from recall.constructions import codes, heads, product_duals, transformers
from recall.data import geometries, recall_task
from recall.models import transformer
from recall.sweeps import batch
from recall.sweeps.batch import Row

ATTENTION = tuple(codes.CODES)
MLP = ("product_duals", "fitted_gates")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Lane(batch.Lane):
    """One construction, one world, one seed.

    Attributes:
        construction: of `ATTENTION` or `MLP`.
        subjects: S.
        relations: R.
        answers: D of each relation.
        width: d; None where d is what is searched.
        sizes: in rising order: d, hidden units m of product duals, or gates.
        claim: one of them, which is built first.
        head_size: tokens of a head.
        keys: of the heads.
        sharpness: inverse temperature beta of the softmax, in the search.
        ladder: lower values that are tried at the smallest size.
        lengths: T of the sequences.
        contexts: of noise, for each length and subject.
        embedding: kind of all embeddings.
        seed: of world, embeddings, gates and noise.
    """

    construction: str
    subjects: int
    relations: int
    answers: int
    width: int | None
    sizes: tuple[int, ...]
    claim: int
    head_size: int
    keys: str
    sharpness: float
    ladder: tuple[float, ...]
    lengths: tuple[int, ...]
    contexts: int
    embedding: str
    seed: int

    @override
    def columns(self) -> Row:
        row = {
            # A cell of a table holds no list.
            name: " ".join(map(str, value)) if isinstance(value, tuple) else value
            for name, value in super().columns().items()
        }
        return row | {"n": self.subjects * self.relations}

    @property
    def world(self) -> recall_task.Sizes:
        """The sizes of the world; its noise tokens are as many as S + R."""
        S, R = self.subjects, self.relations
        return recall_task.Sizes(S, R, self.answers, noise=S + R)

    def parameters(self, size: int) -> int:
        """Counts the weights at a size: 4 H d_h d + 2 m d."""
        d, m = widths_of(self, size)
        H = heads.count(self.subjects, self.relations, self.head_size)
        return transformer.num_parameters(d, H, self.head_size, m)


class Model(NamedTuple):
    """A constructed transformer, its facts and its embeddings.

    Attributes:
        world: the facts.
        tokens: embeddings of all tokens.
        params: the weights.
        architecture: hyperparameters that the weights do not determine.
        fit: "stored", "impossible" or "undecided" where it was fitted, else None.
    """

    world: recall_task.World
    tokens: transformer.Embeddings
    params: transformer.Params
    architecture: transformer.Architecture
    fit: str | None


def build(lane: Lane, size: int) -> Model:
    """Builds the construction of a lane at a size.

    World and embeddings of a seed share their key over sizes.
    """
    key_world, key_tokens, key_mlp = jax.random.split(jax.random.key(lane.seed), 3)
    world = recall_task.sample_world(key_world, lane.world)
    d = widths_of(lane, size)[0]
    sampler = geometries.sampler(lane.embedding)
    tokens = transformer.draw_embeddings(key_tokens, sampler, lane.world, d)
    design = heads.Heads(
        size=lane.head_size, keys=lane.keys, inverse_temperature=lane.sharpness
    )
    if lane.construction in ATTENTION:
        code = codes.CODES[lane.construction]
        if lane.construction == "fitted":
            # Padded to the largest size, fits of all sizes share a program.
            code = functools.partial(codes.fitted, width=max(lane.sizes))
        params = transformers.attention_only(world, tokens, design, code)
        return Model(world, tokens, params, transformer.Architecture(), None)
    inputs = key_mlp, world, tokens
    if lane.construction == "product_duals":
        duals = product_duals.Design(m=size)
        memory = transformers.with_product_duals(*inputs, duals)
        activation, fit = duals.activation, None
    else:
        memory, separation = transformers.with_fitted_gates(*inputs, size)
        activation, fit = "abs", separation.verdict  # a gate's slope is a sign
    params = transformers.attention_mlp(world, tokens, design, memory, activation)
    architecture = transformer.Architecture(activation=activation)
    return Model(world, tokens, params, architecture, fit)


def widths_of(lane: Lane, size: int) -> tuple[int, int]:
    """Returns the width d and the number of hidden units m at a size."""
    if lane.width is None:
        return size, 0
    if lane.construction == "fitted_gates":
        return lane.width, size * (lane.width + 1)  # a gate is d + 1 units
    return lane.width, size
