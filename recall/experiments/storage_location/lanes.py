"""Transformers trained to see where facts go: a lane is one size and one seed.

Four transformers are trained for a lane. Their embeddings are the same, and so are
their initial weights and the steps they make:

- "free": all weights, on the lane's facts;
- "other": all weights, on another table of facts;
- "refit": the MLP alone, on the other table, behind the attention of "free";
- "copy": all but V and O, which copy what heads attend to, on the lane's facts.
"""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
from typing_extensions import override

from recall import embeddings, training
from recall.constructions import codes, heads
from recall.data import recall_task
from recall.memories import mlp
from recall.models import fit, freezing, transformer
from recall.sweeps import batch
from recall.sweeps.batch import Row

TRAININGS = ("free", "other", "refit", "copy")
SWAPS = ("mlp_swap", "mlp_refit", "ov_copy", "ov_codes", "ov_codes_alone")
KEYS = "widest"  # of constructed heads: exist wherever any do, at every d > d_h


@dataclasses.dataclass(frozen=True, kw_only=True)
class Lane(batch.Lane):
    """One size of a transformer, and one seed.

    Attributes:
        heads: H.
        m: hidden units; 0 for attention alone.
        d: width of the embeddings.
        head_dim: d_h, also the number of tokens that a constructed head attends to.
        size: S = R.
        answers: D of each relation.
        length: T of the sequences.
        contexts: of noise, for each subject, in which facts are asked.
        embedding: kind of all embeddings.
        activation: of the MLP.
        learning_rate: at the first step; it falls to zero along a half cosine.
        num_steps: of Adam, each of which reads every fact once.
        ablations: names, of `probing.ABLATIONS` and SWAPS, that rows tell of.
        seed: of worlds, embeddings, initial weights and noise.
    """

    heads: int
    m: int
    d: int
    head_dim: int
    size: int
    answers: int
    length: int
    contexts: int
    embedding: str
    activation: str
    learning_rate: float
    num_steps: int
    ablations: tuple[str, ...]
    seed: int

    @property
    def sizes(self) -> recall_task.Sizes:
        """The sizes of the world, with S + R noise tokens."""
        return recall_task.Sizes(self.size, self.size, self.answers, 2 * self.size)

    @property
    def architecture(self) -> transformer.Architecture:
        """The static hyperparameters that shapes of weights do not determine."""
        return transformer.Architecture(activation=self.activation)

    @property
    def recipe(self) -> training.Recipe:
        """The recipe of all steps at once, without a check in between."""
        steps = self.num_steps
        return training.Recipe(num_steps=steps, check_every=steps, cosine=True)

    @property
    def sampling(self) -> fit.Sampling:
        """The prompts: every fact once a step, a noise context for each subject."""
        S = self.size
        return fit.Sampling(
            length=self.length, layout="grid", contexts=S, facts=S, checks=self.contexts
        )

    @property
    def parameters(self) -> int:
        """The number of weights, 4 H d_h d + 2 m d."""
        return transformer.num_parameters(self.d, self.heads, self.head_dim, self.m)

    @override
    def columns(self) -> Row:
        mlp_parameters = 2 * self.m * self.d
        columns = super().columns() | {
            "n": self.size**2,
            "parameters": self.parameters,
            "attention_parameters": self.parameters - mlp_parameters,
            "mlp_parameters": mlp_parameters,
        }
        del columns["ablations"]  # a list is no cell of a table
        return columns


class Start(NamedTuple):
    """The initial state of a training.

    Attributes:
        problem: facts, embeddings, initial weights.
        free: which weights are trained.
    """

    problem: fit.Problem
    free: freezing.Free


def starts(lane: Lane, width: tuple[int, int]) -> dict[str, Start]:
    """Returns the start of each training, padded to `width` heads and hidden units.

    "refit" has the initial attention still: it waits for that of "free".
    """
    keys = jax.random.split(jax.random.key(lane.seed), 3)
    sampler = embeddings.SAMPLERS[lane.embedding]
    tokens = transformer.draw_embeddings(keys[1], sampler, lane.sizes, lane.d)
    first = transformer.init(keys[2], lane.d, lane.heads, lane.head_dim, lane.m)
    if first.mlp is None:  # padded to the units of the batch, as all others are
        empty = jnp.zeros((0, lane.d))
        first = first._replace(mlp=mlp.Params(W=empty, b=jnp.zeros((0,)), V=empty))
    copies = freezing.copy_map(lane.heads, lane.head_dim, lane.d)
    initial, copying = (
        transformer.pad(params, lane.d, width[0], lane.head_dim, width[1])
        for params in (first, first._replace(V=copies, O=copies))
    )
    world = recall_task.sample_world(keys[0], lane.sizes)
    # Other answers of the same tokens: an MLP of one can stand in for one of the other.
    other = recall_task.sample_world(jax.random.fold_in(keys[0], 1), lane.sizes)
    everything = freezing.all_free(initial)
    trainings = {
        "free": (world, initial, everything),
        "other": (other, initial, everything),
        "refit": (other, initial, freezing.only_mlp(initial)),
        "copy": (world, copying, freezing.without_values(copying)),
    }
    return {
        name: Start(_problem(lane, table, tokens, params), free)
        for name, (table, params, free) in trainings.items()
    }


def constructed(lane: Lane) -> tuple[transformer.Params, transformer.Params]:
    """Returns heads of Theorem 3 with fitted codes of the facts, and copying heads."""
    # They depend on neither heads nor units: lanes that differ there share them.
    start = starts(dataclasses.replace(lane, heads=1, m=0), (1, 0))["free"]
    world, tokens = start.problem.world, start.problem.embeddings
    design = heads.Heads(size=lane.head_dim, keys=KEYS)
    copies = heads.Codes(tokens.subjects, tokens.relations)
    return (
        heads.construct(tokens, codes.fitted(world, tokens), design),
        heads.construct(tokens, copies, design),
    )


def _problem(
    lane: Lane,
    world: recall_task.World,
    tokens: transformer.Embeddings,
    initial: transformer.Params,
) -> fit.Problem:
    return fit.Problem(
        world=world,
        embeddings=tokens,
        head_dim=jnp.asarray(lane.head_dim, jnp.int32),
        seed=jnp.asarray(lane.seed, jnp.int32),
        n_max=jnp.asarray(lane.size, jnp.int32),
        initial=initial,
        learning_rates=jnp.asarray([lane.learning_rate], jnp.float32),
        threshold=jnp.ones((), jnp.float32),  # no training ends before its budget
    )
