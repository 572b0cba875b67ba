"""Constructed transformers, built at several sizes and asked about every fact.

A lane is one construction for one world and one seed. It is built at the size that is
claimed to be enough, then at others until the smallest one of a list is known at which
all facts are recalled in every noise context, at every length. At that size sharpness
is lowered until they are not. Every model that was asked is a row.
"""

import dataclasses
import functools
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from recall import embeddings, factual, jobs, transformer
from recall.constructions import codes, heads, product_duals
from recall.constructions import transformers as constructed
from recall.theory import widths

ATTENTION = tuple(codes.CODES)
MLP = ("product_duals", "fitted_gates")
SECONDS = {  # of one core for a lane with 256 facts, measured, compiling included
    "plain": 6.0,
    "decorrelated": 2.0,
    "fitted": 7.0,
    "product_duals": 13.0,
    "fitted_gates": 9.0,
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Lane(jobs.Lane):
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

    def columns(self) -> jobs.Row:
        """Its settings; lists are written with blanks between their members."""
        listed = {
            name: " ".join(map(str, value)) if isinstance(value, tuple) else value
            for name, value in super().columns().items()
        }
        return listed | {"n": self.subjects * self.relations}

    @property
    def world(self) -> factual.Sizes:
        """The sizes of the world; as many noise tokens as subjects and relations."""
        S, R = self.subjects, self.relations
        return factual.Sizes(S, R, self.answers, noise=S + R)

    def parameters(self, size: int) -> int:
        """Weights at a size: 4 H d_h d + 2 m d."""
        d, m = _widths(self, size)
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

    world: factual.World
    tokens: transformer.Embeddings
    params: transformer.Params
    architecture: transformer.Architecture
    fit: str | None


def build(lane: Lane, size: int) -> Model:
    """Builds the construction of a lane at a size."""
    key_world, key_tokens, key_mlp = jax.random.split(jax.random.key(lane.seed), 3)
    world = factual.sample_world(key_world, lane.world)
    d = _widths(lane, size)[0]
    sampler = embeddings.SAMPLERS[lane.embedding]
    tokens = transformer.draw_embeddings(key_tokens, sampler, lane.world, d)
    design = heads.Heads(size=lane.head_size, keys=lane.keys, sharpness=lane.sharpness)
    if lane.construction in ATTENTION:
        code = codes.CODES[lane.construction]
        if lane.construction == "fitted":
            code = functools.partial(codes.fitted, width=max(lane.sizes))
        params = constructed.attention_only(world, tokens, design, code)
        return Model(world, tokens, params, transformer.Architecture(), None)
    memory, activation, fit = _MEMORIES[lane.construction](key_mlp, world, tokens, size)
    params = constructed.attention_mlp(world, tokens, design, memory, activation)
    architecture = transformer.Architecture(activation=activation)
    return Model(world, tokens, params, architecture, fit)


def _product_duals(key: Any, world: Any, tokens: Any, size: int) -> tuple:
    design = product_duals.Design(m=size)
    memory = constructed.with_product_duals(key, world, tokens, design)
    return memory, design.activation, None


def _fitted_gates(key: Any, world: Any, tokens: Any, size: int) -> tuple:
    memory, found = constructed.with_fitted_gates(key, world, tokens, size)
    return memory, "abs", found.verdict


_MEMORIES: Mapping[str, Callable[..., tuple]] = {
    "product_duals": _product_duals,
    "fitted_gates": _fitted_gates,
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConstructionJob(jobs.Job):
    """The seeds of one construction for one world: their models share programs.

    Attributes:
        seeds: a lane each.
    """

    seeds: tuple[Lane, ...]

    @property
    def lanes(self) -> Sequence[Lane]:
        """What is measured."""
        return self.seeds

    @property
    def title(self) -> str:
        """The construction."""
        return self.seeds[0].construction.replace("_", " ")

    @property
    def shape(self) -> str:
        """The world, and the sizes."""
        one = self.seeds[0]
        return (
            f"S={one.subjects} R={one.relations} D={one.answers} "
            f"{one.sizes[0]} to {one.sizes[-1]}"
        )

    @property
    def parameters(self) -> Sequence[int]:
        """Weights at the claimed size."""
        return [lane.parameters(lane.claim) for lane in self.seeds]

    @property
    def core_seconds(self) -> float:
        """Estimates from measurements; facts and widths beyond theirs add up."""
        one = self.seeds[0]
        facts = one.subjects * one.relations
        return len(self.seeds) * SECONDS[one.construction] * (facts / 256) ** 0.5

    @property
    def memory_bytes(self) -> int:
        """Estimates hidden units or head outputs of all facts, and the weights."""
        one = self.seeds[0]
        d, m = _widths(one, max(one.sizes))
        facts = one.subjects * one.relations
        return 16 * (facts * (m + d) + max(self.parameters))

    def run(self, done: Collection[str]) -> Iterator[list[jobs.Row]]:
        """Yields the rows of each model that is asked, and an end row for each lane."""
        for lane in self.left(done):
            yield from _search(lane)


def _search(lane: Lane) -> Iterator[list[jobs.Row]]:
    """Halves the list of sizes, from the claimed one on, then lowers sharpness."""
    sizes, low, high = lane.sizes, -1, len(lane.sizes)
    at = sizes.index(lane.claim)
    best: Model | None = None
    while high - low > 1:
        begun = time.perf_counter()
        model = build(lane, sizes[at])
        rows = _ask(lane, sizes[at], model, lane.sharpness)
        for row in rows:
            row["seconds"] = round(time.perf_counter() - begun, 3)
        yield rows
        if all(row["stored"] for row in rows):
            high, best = at, model
        else:
            low = at
        at = (low + high) // 2
    if best is None:
        yield [lane.row("run", size=None, stored=False)]
        return
    sharp, rows = dict.fromkeys(lane.lengths, lane.sharpness), []
    for beta in sorted(lane.ladder, reverse=True):
        told = _ask(lane, sizes[high], best, beta)
        sharp |= {row["length"]: beta for row in told if row["stored"]}
        rows += told
    yield [*rows, _end(lane, sizes[high], best, sharp)]


def _ask(lane: Lane, size: int, model: Model, beta: float) -> list[jobs.Row]:
    """Asks a model about every fact, at every length, with a sharpness of beta.

    Models of all sizes are padded to the largest: they share a program.
    """
    softer = model.params._replace(Q=model.params.Q * (beta / lane.sharpness))
    d, m = _widths(lane, max(lane.sizes))
    H, head_dim = softer.K.shape[:2]
    params = transformer.pad(softer, d, H, head_dim, m)
    tokens = transformer.pad_embeddings(model.tokens, lane.world, d)
    key = jax.random.fold_in(jax.random.key(lane.seed), 1)
    rows = []
    for length in lane.lengths:
        found = constructed.ask(
            params,
            model.world,
            tokens,
            key,
            length=length,
            contexts=lane.contexts,
            architecture=model.architecture,
        )
        mean, worst = float(found.mean), float(found.worst)
        told = _sizes(lane, size, model) | {
            "length": length,
            "beta": beta,
            "accuracy": mean,
            "worst_accuracy": worst,
            "stored": worst == 1.0,
            "finite": bool(jnp.all(jnp.isfinite(params.O))),
            "fit": model.fit,
        }
        rows.append(lane.row("probe", f"{size}:{length}:{beta:g}", **told))
    return rows


def _end(lane: Lane, size: int, model: Model, sharp: dict[int, float]) -> jobs.Row:
    """What a lane came to: the smallest size, and what theory says."""
    facts = lane.subjects * lane.relations
    told = _sizes(lane, size, model)
    told |= {f"sharpness_{length}": beta for length, beta in sharp.items()}
    told["facts_per_parameter"] = facts / told["parameters"]
    told["facts_per_slim_parameter"] = facts / told["slim_parameters"]
    if lane.construction == "plain":
        told["predicted"] = widths.attention_only(*lane.world[:3])
    return lane.row("run", stored=True, **told)


def _sizes(lane: Lane, size: int, model: Model) -> jobs.Row:
    """Widths and weights; slim ones store keys and queries as the vectors they are."""
    H, head_dim, d = model.params.K.shape
    m = 0 if model.params.mlp is None else model.params.mlp.W.shape[0]
    return {
        "size": size,
        "d": d,
        "heads": H,
        "head_dim": head_dim,
        "m": m,
        "parameters": transformer.num_parameters(d, H, head_dim, m),
        "slim_parameters": 2 * H * (head_dim + 1) * d + 2 * m * d,
        "gap": heads.gap(model.params, model.tokens) / lane.sharpness,
    }


def _widths(lane: Lane, size: int) -> tuple[int, int]:
    """Width d and hidden units m at a size."""
    if lane.width is None:
        return size, 0
    gates = lane.construction == "fitted_gates"
    return lane.width, size * (lane.width + 1) if gates else size
