"""Searches for the number of facts that one-layer transformers learn to recall."""

import dataclasses
import functools
import math
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from typing_extensions import override

from recall import capacity
from recall.data import geometries, recall_task
from recall.models import fit, transformer
from recall.sweeps import batch, lanes, search

ROOT_GUARD = 1e-3  # keeps the floor of a square root exact in float32
PUBLISHED = transformer.Architecture()


def _root(n: Any) -> Any:
    if isinstance(n, int):
        return max(1, math.isqrt(n))
    return jnp.floor(jnp.sqrt(n + ROOT_GUARD)).astype(jnp.int32)


# Of a size n: subjects and relations. "S=R" is Figure 4, the others Figures 7 to 9.
WORLDS: Mapping[str, Callable[[Any], tuple[Any, Any]]] = {
    "S=R": lambda n: (n, n),
    "R=sqrt(S)": lambda n: (n, _root(n)),
    "S=R^2": lambda n: (n * n, n),
    "D=S": lambda n: (n, n),
}


class Shape(NamedTuple):
    """What a program is compiled for; smaller searches are zero-padded up to it.

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
    """What a step and a check read, whatever the shape.

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
    def trained(self) -> bool:
        """Transformers are."""
        return True

    @property
    def title(self) -> str:
        """The kind of world, and the activation."""
        return f"transformer {self.world} {self.architecture.activation}"

    @property
    def num_parameters(self) -> int:
        """4 H d_h d + 2 m d, with the d_h there is."""
        return transformer.num_parameters(self.d, self.heads, self.head_dim, self.m)

    def own_columns(self) -> dict[str, Any]:
        """What rows say about this transformer and its world."""
        same = "d m heads head_dim world"
        own = {name: getattr(self, name) for name in same.split()}
        return own | {
            "memory": "transformer",
            "num_outputs": self.answers,
            "activation": self.architecture.activation,
            "tried": " ".join(f"{rate:g}" for rate in self.learning_rates),
        }

    def sizes(self, n: Any) -> recall_task.Sizes:
        """The sizes of the world of size n; there are S + R noise tokens."""
        S, R = WORLDS[self.world](n)
        D = n if self.answers is None else self.answers
        return recall_task.Sizes(subjects=S, relations=R, answers=D, noise=S + R)

    def size_columns(self, n: int) -> dict[str, Any]:
        """Facts, and what they are made of."""
        sizes = self.sizes(n)
        counts = ("subjects", "relations", "answers")
        return {"n": sizes.facts} | {name: getattr(sizes, name) for name in counts}

    def facts(self, n: int) -> int:
        """S R."""
        return self.sizes(n).facts

    def own_shape(self) -> Shape:
        """The smallest shape with a little more room than the search expects."""
        single = self.strategy.method == "single"
        room = math.ceil(self.expected * (1 if single else self.strategy.headroom))
        n_max = min(self.limit, max(self.first, room))
        answers = self.answers or n_max
        return Shape(n_max, answers, self.d, self.heads, self.head_dim, self.m)

    def widened(self, shape: Shape, n_max: int) -> Shape:
        """The shape with room for another size."""
        return shape._replace(n_max=n_max, answers=self.answers or n_max)

    def problem(self, shape: Shape) -> fit.Problem:
        """Draws world, embeddings and initial weights, and pads them up to a shape."""
        n_max = min(shape.n_max, self.limit)
        own = self.sizes(n_max)
        world, tables, initial = _draw(
            self.seed,
            sizes=own,
            embedding=self.embedding,
            exponents=self.exponents,
            widths=(self.d, self.heads, self.head_dim, self.m),
        )
        if self.table:
            world = recall_task.world_of(self.table, own)
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

    def advance(self, shape: Shape) -> lanes.Advance:
        """The unbatched step of a search's kind: see `capacity.advance`."""
        train = functools.partial(
            fit.advance,
            sizes=self.sizes,
            sampling=self.sampling(shape),
            architecture=self.architecture,
            recipe=self.recipe,
        )
        return functools.partial(
            capacity.advance, train=train, recipe=self.recipe, strategy=self.strategy
        )

    def sampling(self, shape: Shape) -> fit.Sampling:
        """Contexts of a step and facts in each of them, for worlds of a shape."""
        reads, sizes = self.reads, self.sizes(shape.n_max)
        grid = reads.layout == "grid"
        facts = min(reads.share, reads.batch, sizes.relations if grid else reads.batch)
        contexts = max(1, reads.batch // facts)
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
        found = fit.evaluate(problem, params, sampling, self.architecture)
        return self.size_columns(int(problem.n_max)) | {
            "accuracy": float(found.mean),
            "worst_accuracy": float(found.worst),
        }

    def kind(self) -> tuple:
        """What searches must share to share a program."""
        task = "transformer", self.world, self.answers, self.m > 0, self.reads
        how = self.architecture, self.train_embeddings, self.recipe, self.strategy
        return (*task, *how, len(self.learning_rates))

    def num_scores(self, shape: Shape) -> int:
        """Every answer is scored for every fact of a step."""
        sampling = self.sampling(shape)
        sizes = self.sizes(shape.n_max)
        num_answers = sizes.relations * shape.answers
        return sampling.contexts * sampling.facts * num_answers

    def step_seconds(self, shape: Shape) -> float:
        """Estimates one step of one lane on one CPU core, its checks included."""
        sampling = self.sampling(shape)
        facts, all_facts = sampling.contexts * sampling.facts, self.facts(shape.n_max)
        num_answers = self.sizes(shape.n_max).relations * shape.answers
        asked = facts + 0.4 * sampling.checks * all_facts / self.recipe.check_every
        each = 2.1e-9 * num_answers + 0.18e-9 * shape.m * shape.d
        each += shape.heads * (1e-8 + 1.4e-9 * shape.d)
        return 1.6e-4 + asked * each

    def bytes(self, shape: Shape) -> int:
        """Embeddings, and weights with their moments, best and initial values."""
        S, R, D, N = self.sizes(shape.n_max)._replace(answers=shape.answers)
        _, _, d, heads, head_dim, m = shape
        tables = 4 * d * (S + R + N + R * D)
        weights = 4 * 5 * transformer.num_parameters(d, heads, head_dim, m)
        return 4 * S * R + weights + tables * (5 if self.train_embeddings else 1)


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
    """Draws what a seed means; no array depends on another's size."""
    keys = jax.random.split(jax.random.key(seed), 3)
    sampler = geometries.sampler(embedding)
    world = recall_task.sample_world(
        keys[0],
        sizes,
        subject_exponent=exponents[0],
        relation_exponent=exponents[1],
    )
    tables = transformer.draw_embeddings(keys[1], sampler, sizes, widths[0])
    return world, tables, transformer.init(keys[2], *widths)
