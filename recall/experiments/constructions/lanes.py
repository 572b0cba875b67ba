"""What a constructed transformer is built from: its lane, and the model itself."""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax

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
        claim: one of them, which is asked first.
        head_size: tokens of a head.
        keys: of the heads.
        sharpness: beta in the search.
        ladder: lower values that are asked at the smallest size.
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

    def columns(self) -> Row:
        """Its settings; lists are written with blanks between their members."""
        listed = {
            name: " ".join(map(str, value)) if isinstance(value, tuple) else value
            for name, value in super().columns().items()
        }
        return listed | {"n": self.subjects * self.relations}

    @property
    def world(self) -> recall_task.Sizes:
        """The sizes of the world; as many noise tokens as subjects and relations."""
        S, R = self.subjects, self.relations
        return recall_task.Sizes(S, R, self.answers, noise=S + R)

    def parameters(self, size: int) -> int:
        """Weights at a size: 4 H d_h d + 2 m d."""
        d, m = widths_of(self, size)
        H = heads.count(self.subjects, self.relations, self.head_size)
        return transformer.num_parameters(d, H, self.head_size, m)


class Model(NamedTuple):
    """A constructed transformer, and where it lives.

    Attributes:
        world: its facts.
        tokens: its embeddings.
        params: its weights.
        architecture: what weights do not say.
        fit: "stored", "impossible" or "undecided" where it was fitted, else None.
    """

    world: recall_task.World
    tokens: transformer.Embeddings
    params: transformer.Params
    architecture: transformer.Architecture
    fit: str | None


def build(lane: Lane, size: int) -> Model:
    """Builds the construction of a lane at a size."""
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
            code = functools.partial(codes.fitted, width=max(lane.sizes))
        params = transformers.attention_only(world, tokens, design, code)
        return Model(world, tokens, params, transformer.Architecture(), None)
    memory, activation, fit = _MEMORIES[lane.construction](key_mlp, world, tokens, size)
    params = transformers.attention_mlp(world, tokens, design, memory, activation)
    architecture = transformer.Architecture(activation=activation)
    return Model(world, tokens, params, architecture, fit)


def _product_duals(key: Any, world: Any, tokens: Any, size: int) -> tuple:
    design = product_duals.Design(m=size)
    memory = transformers.with_product_duals(key, world, tokens, design)
    return memory, design.activation, None


def _fitted_gates(key: Any, world: Any, tokens: Any, size: int) -> tuple:
    memory, found = transformers.with_fitted_gates(key, world, tokens, size)
    return memory, "abs", found.verdict


_MEMORIES: Mapping[str, Callable[..., tuple]] = {
    "product_duals": _product_duals,
    "fitted_gates": _fitted_gates,
}


def widths_of(lane: Lane, size: int) -> tuple[int, int]:
    """Width d and hidden units m at a size."""
    if lane.width is None:
        return size, 0
    gates = lane.construction == "fitted_gates"
    return lane.width, size * (lane.width + 1) if gates else size
