"""Searches for the number of facts that one-layer transformers learn to recall."""

import dataclasses
import functools
import math
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from typing_extensions import override

from recall.data import geometries, recall_task
from recall.models import fit, transformer
from recall.sweeps import batch, search

ROOT_GUARD = 1e-3  # keeps the floor of a square root exact in float32
PUBLISHED = transformer.Architecture()


def _root(n: Any) -> Any:
    if isinstance(n, int):
        return max(1, math.isqrt(n))
    return jnp.floor(jnp.sqrt(n + ROOT_GUARD)).astype(jnp.int32)


# Subjects and relations of a size n. "S=R" is Figure 4, the others Figures 7 to 9.
WORLDS: Mapping[str, Callable[[Any], tuple[Any, Any]]] = {
    "S=R": lambda n: (n, n),
    "R=sqrt(S)": lambda n: (n, _root(n)),
    "S=R^2": lambda n: (n * n, n),
    "D=S": lambda n: (n, n),
}


class Shape(NamedTuple):
    """The sizes that a program is compiled for; smaller models are zero-padded.

    Attributes:
        n_max: largest size, as `WORLDS` understands it.
        answers: D of each relation.
        d: coordinates of the embeddings.
        heads: H.
        head_dim: d_h.
        m: hidden units; 0 without an MLP.
    """

    n_max: int
    answers: int
    d: int
    heads: int
    head_dim: int
    m: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Reads:
    """The facts and contexts that a step and a check read, whatever the shape.

    Attributes:
        length: tokens T of a sequence.
        layout: one of `sequences.LAYOUTS`.
        batch: facts of a step at most; "grid" never reads a fact twice in a step.
        share: facts that share a noise context, at most.
        checks: noise contexts in which a check asks about every fact.
    """

    length: int = 32
    layout: str = "grid"
    batch: int = 1024
    share: int = 32
    checks: int = 4


@dataclasses.dataclass(frozen=True, kw_only=True)
class RecallSearch(search.Search):
    """One search for the size of the world that one transformer learns.

    Attributes:
        world: one of WORLDS: what a size means.
        answers: D, answers of each relation; None where it is the size, "D=S".
        heads: H.
        head_dim: d_h.
        m: hidden units of the MLP; 0 for attention only.
        architecture: activation, biases, weight of the MLP.
        reads: what a step and a check read.
        exponents: of Zipf laws over subjects and relations.
        train_embeddings: whether embeddings are trained along.
        table: the facts, as `recall_task.world_of` takes them; random facts if empty.
    """

    compile_seconds: ClassVar[float] = 8.0  # measured 3.4-4.1, on one core of two

    world: str
    heads: int
    head_dim: int
    m: int
    answers: int | None = 8
    architecture: transformer.Architecture = PUBLISHED
    reads: Reads = Reads()
    exponents: tuple[float, float] = (0.0, 0.0)
    train_embeddings: bool = False
    table: tuple[tuple[int, ...], ...] = ()

    @property
    @override
    def trained(self) -> bool:
        return True

    @property
    @override
    def title(self) -> str:
        return f"transformer {self.world} {self.architecture.activation}"

    @property
    @override
    def num_parameters(self) -> int:
        return transformer.num_parameters(self.d, self.heads, self.head_dim, self.m)

    @override
    def own_columns(self) -> dict[str, Any]:
        names = "d m heads head_dim world"
        return {name: getattr(self, name) for name in names.split()} | {
            "memory": "transformer",
            "num_outputs": self.answers,
            "activation": self.architecture.activation,
            "tried": " ".join(f"{rate:g}" for rate in self.learning_rates),
        }

    def sizes(self, n: Any) -> recall_task.Sizes:
        """Returns the sizes of the world of size n, with S + R noise tokens."""
        S, R = WORLDS[self.world](n)
        D = n if self.answers is None else self.answers
        return recall_task.Sizes(subjects=S, relations=R, answers=D, noise=S + R)

    @override
    def size_columns(self, n: int) -> dict[str, Any]:
        sizes = self.sizes(n)
        counts = ("subjects", "relations", "answers")
        return {"n": sizes.facts} | {name: getattr(sizes, name) for name in counts}

    @override
    def facts(self, n: int) -> int:
        return self.sizes(n).facts

    @override
    def room(self) -> int:
        single = self.strategy.method == "single"
        room = math.ceil(self.expected * (1 if single else self.strategy.headroom))
        return max(self.first, room)

    @override
    def shape_of(self, n_max: int) -> Shape:
        answers = self.answers or n_max
        return Shape(n_max, answers, self.d, self.heads, self.head_dim, self.m)

    @override
    def problem(self, shape: Shape) -> fit.Problem:
        n_max = min(shape.n_max, self.limit)
        sizes = self.sizes(n_max)
        world, tables, initial = _draw(
            self.seed,
            sizes=sizes,
            embedding=self.embedding,
            exponents=self.exponents,
            widths=(self.d, self.heads, self.head_dim, self.m),
        )
        if self.table:
            world = recall_task.world_of(self.table, sizes)
        # Draws at the search's own size, then zeros: no result depends on the padding.
        padded = self.sizes(shape.n_max)._replace(answers=shape.answers)
        tables = transformer.pad_embeddings(tables, padded, shape.d)
        if self.train_embeddings:
            initial = initial._replace(embeddings=tables)
        return fit.Problem(
            world=recall_task.pad(world, padded.subjects, padded.relations),
            embeddings=tables,
            head_dim=jnp.asarray(self.head_dim, jnp.int32),
            seed=jnp.asarray(self.seed, jnp.int32),
            n_max=jnp.asarray(n_max, jnp.int32),
            initial=transformer.pad(initial, *shape[2:]),
            learning_rates=jnp.asarray(self.learning_rates, jnp.float32),
            threshold=jnp.asarray(self.threshold, jnp.float32),
        )

    @override
    def train(self, shape: Shape) -> Any:
        return functools.partial(
            fit.advance,
            sizes=self.sizes,
            sampling=self.sampling(shape),
            architecture=self.architecture,
            recipe=self.recipe,
        )

    def sampling(self, shape: Shape) -> fit.Sampling:
        """Returns the contexts of a step, and the facts in each, for a shape."""
        reads, sizes = self.reads, self.sizes(shape.n_max)
        grid = reads.layout == "grid"
        facts = min(reads.share, reads.batch, sizes.relations if grid else reads.batch)
        contexts = max(1, reads.batch // facts)
        # A grid is distinct subjects by distinct relations: no more than there are.
        return fit.Sampling(
            length=reads.length,
            layout=reads.layout,
            contexts=min(contexts, sizes.subjects) if grid else contexts,
            facts=facts,
            checks=reads.checks,
        )

    @override
    def quality(self, problem: fit.Problem, params: transformer.Params) -> batch.Row:
        sampling = self.sampling(self.own_shape())
        accuracy = fit.evaluate(problem, params, sampling, self.architecture)
        return self.size_columns(int(problem.n_max)) | {
            "accuracy": float(accuracy.mean),
            "worst_accuracy": float(accuracy.worst),
        }

    @override
    def program(self) -> tuple:
        world = "transformer", self.world, self.answers
        # No MLP is another program: padding m = 0 up would pay for units that are dead.
        weights = self.m > 0, self.architecture, self.train_embeddings
        return (*world, *weights, self.reads)

    @override
    def num_scores(self, shape: Shape) -> int:
        sampling = self.sampling(shape)
        num_answers = self.sizes(shape.n_max).relations * shape.answers
        return sampling.contexts * sampling.facts * num_answers

    @override
    def step_seconds(self, shape: Shape) -> float:
        sampling = self.sampling(shape)
        facts, all_facts = sampling.contexts * sampling.facts, self.facts(shape.n_max)
        num_answers = self.sizes(shape.n_max).relations * shape.answers
        # A check asks about every fact; without gradients it costs .4 of a step.
        reads = facts + 0.4 * sampling.checks * all_facts / self.recipe.check_every
        seconds = 2.1e-9 * num_answers + 0.18e-9 * shape.m * shape.d
        seconds += shape.heads * (1e-8 + 1.4e-9 * shape.d)
        return 1.6e-4 + reads * seconds

    @override
    def bytes(self, shape: Shape) -> int:
        S, R, D, N = self.sizes(shape.n_max)._replace(answers=shape.answers)
        _, _, d, heads, head_dim, m = shape
        tables = 4 * d * (S + R + N + R * D)
        weights = 4 * transformer.num_parameters(d, heads, head_dim, m)
        copies = search.TRAINED_COPIES if self.train_embeddings else 1
        return 4 * S * R + search.TRAINED_COPIES * weights + copies * tables


@functools.partial(
    jax.jit, static_argnames=("sizes", "embedding", "exponents", "widths")
)
def _draw(
    seed: Any,
    *,
    sizes: recall_task.Sizes,
    embedding: str,
    exponents: tuple[float, float],
    widths: tuple[int, int, int, int],
) -> tuple[recall_task.World, transformer.Embeddings, transformer.Params]:
    """Draws the world, embeddings and weights of a seed, each from a key of its own."""
    # One key for all would change the world of a seed with the width of its model.
    keys = jax.random.split(jax.random.key(seed), 3)
    sampler = geometries.sampler(embedding)
    world = recall_task.sample_world(
        keys[0], sizes, subject_exponent=exponents[0], relation_exponent=exponents[1]
    )
    tables = transformer.draw_embeddings(keys[1], sampler, sizes, widths[0])
    return world, tables, transformer.init(keys[2], *widths)
