"""What is trained to see where facts go: a lane is one size of attention and MLP.

Four transformers are trained for a lane. Their embeddings are the same, and so are
their initial weights and the steps they make:

- "free": all weights, on the lane's facts;
- "other": all weights, on another table of facts;
- "refit": the MLP alone, on the other table, behind the attention of "free";
- "copy": all but V and O, which copy what heads attend to, on the lane's facts.
"""

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from recall import embeddings, training
from recall.constructions import codes, heads
from recall.data import recall_task
from recall.memories import mlp
from recall.models import fit, freezing, transformer
from recall.sweeps import batch
from recall.sweeps.batch import Row

TRAININGS = ("free", "other", "refit", "copy")
SWAPS = ("mlp_swap", "mlp_refit", "ov_copy", "ov_codes", "ov_codes_alone")
KEYS = "widest"  # of constructed heads: exist wherever any do


@dataclasses.dataclass(frozen=True, kw_only=True)
class Lane(batch.Lane):
    """One size of a transformer, and one seed.

    Attributes:
        heads: H.
        m: hidden units; 0 for attention alone.
        d: width of the embeddings.
        head_dim: d_h, which is also how many tokens a constructed head hears.
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
        """Of the world; as many noise tokens as subjects and relations."""
        return recall_task.Sizes(self.size, self.size, self.answers, 2 * self.size)

    @property
    def architecture(self) -> transformer.Architecture:
        """What weights do not say."""
        return transformer.Architecture(activation=self.activation)

    @property
    def recipe(self) -> training.Recipe:
        """All steps at once, without a check."""
        steps = self.num_steps
        return training.Recipe(num_steps=steps, check_every=steps, cosine=True)

    @property
    def sampling(self) -> fit.Sampling:
        """Every fact once a step, each subject in a noise context of its own."""
        S = self.size
        return fit.Sampling(
            length=self.length, layout="grid", contexts=S, facts=S, checks=self.contexts
        )

    @property
    def parameters(self) -> int:
        """4 H d_h d + 2 m d."""
        return transformer.num_parameters(self.d, self.heads, self.head_dim, self.m)

    def columns(self) -> Row:
        """Settings without lists, facts, and weights of attention and MLP."""
        of_mlp = 2 * self.m * self.d
        single = super().columns()
        del single["ablations"]
        return single | {
            "n": self.size**2,
            "parameters": self.parameters,
            "attention_parameters": self.parameters - of_mlp,
            "mlp_parameters": of_mlp,
        }


class Start(NamedTuple):
    """What a training begins with.

    Attributes:
        problem: facts, embeddings, initial weights.
        free: which weights are trained.
    """

    problem: fit.Problem
    free: freezing.Free


def starts(lane: Lane, width: tuple[int, int]) -> dict[str, Start]:
    """What each training begins with, padded to so many heads and units.

    "refit" has the initial attention still: it waits for that of "free".
    """
    keys = jax.random.split(jax.random.key(lane.seed), 3)
    sampler = embeddings.SAMPLERS[lane.embedding]
    tokens = transformer.draw_embeddings(keys[1], sampler, lane.sizes, lane.d)
    first = _initial(lane, keys[2])
    copies = freezing.copy_map(lane.heads, lane.head_dim, lane.d)
    initial, copying = (
        transformer.pad(params, lane.d, width[0], lane.head_dim, width[1])
        for params in (first, first._replace(V=copies, O=copies))
    )
    world = recall_task.sample_world(keys[0], lane.sizes)
    other = recall_task.sample_world(jax.random.fold_in(keys[0], 1), lane.sizes)
    everything = freezing.all_free(initial)
    return {
        "free": Start(_problem(lane, world, tokens, initial), everything),
        "other": Start(_problem(lane, other, tokens, initial), everything),
        "refit": Start(
            _problem(lane, other, tokens, initial), freezing.only_mlp(initial)
        ),
        "copy": Start(
            _problem(lane, world, tokens, copying), freezing.without_values(copying)
        ),
    }


def constructed(lane: Lane) -> tuple[transformer.Params, transformer.Params]:
    """Heads of Theorem 3 with fitted codes of the lane's facts, and copying heads.

    Neither depends on the lane's own heads or units.
    """
    start = starts(dataclasses.replace(lane, heads=1, m=0), (1, 0))["free"]
    world, tokens = start.problem.world, start.problem.embeddings
    design = heads.Heads(size=lane.head_dim, keys=KEYS)
    copies = heads.Codes(tokens.subjects, tokens.relations)
    return (
        heads.construct(tokens, codes.fitted(world, tokens), design),
        heads.construct(tokens, copies, design),
    )


def _initial(lane: Lane, key: Any) -> transformer.Params:
    """Initial weights; an MLP without units where there is none."""
    params = transformer.init(key, lane.d, lane.heads, lane.head_dim, lane.m)
    if params.mlp is not None:
        return params
    empty = jnp.zeros((0, lane.d))
    return params._replace(mlp=mlp.Params(W=empty, b=jnp.zeros((0,)), V=empty))


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
        threshold=jnp.ones((), jnp.float32),
    )
