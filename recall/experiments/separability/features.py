"""Memories that are linear in their trained weights: facts whose inputs are features.

Each draws its features from the lane's seed; a solver finds the weights that multiply
them, in closed form or by descent, or proves that none will do.
"""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from typing_extensions import override

from recall import facts
from recall.data import geometries, recall_task
from recall.memories import gated, random_features
from recall.models import transformer
from recall.sweeps import memory_search
from recall.sweeps.batch import Lane, Row

MEMORIES = ("linear", "sign_gates", "relu_features", "bilinear_features", "attention")
ANSWERS = 8  # of each relation of the recall task that heads are asked about
# Weights that are fixed, as multiples of those that are free; K and Q among them.
FIXED = {"linear": 0, "relu_features": 1, "bilinear_features": 2, "attention": 3}

FactsOf = Callable[[int], facts.Facts]  # of a size, padded to one shape


@dataclasses.dataclass(frozen=True, kw_only=True)
class FixedFeatures(Lane):
    """One memory with fixed features, at one size and seed.

    Attributes:
        memory: one of MEMORIES.
        d: width of the embeddings.
        m: hidden units of an MLP (with G sign gates, G (d + 1) of them), or None.
        heads: of attention, half of them for subjects, or None.
        head_dim: of each head, or None.
        embedding: a name that `geometries` knows.
        seed: of embeddings and features.
    """

    memory: str
    d: int
    m: int | None = None
    heads: int | None = None
    head_dim: int | None = None
    embedding: str = "sphere"
    seed: int = 0

    def __post_init__(self) -> None:
        """Checks that there are such embeddings."""
        geometries.check(self.embedding, self.d)

    @property
    def gates(self) -> int:
        """The number G of sign gates, which have d + 1 hidden units each."""
        return (self.m or 0) // (self.d + 1)

    @property
    def num_features(self) -> int:
        """The width q of the features that the weights multiply."""
        if self.memory == "attention":
            return (self.heads or 0) * (self.head_dim or 0)
        return self.gates * self.d if self.memory == "sign_gates" else self.m or self.d

    @property
    def parameters(self) -> int:
        """All weights, fixed ones too: K, Q and V of heads, vectors of gates."""
        if self.memory == "sign_gates":
            return self.gates * self.d * (self.d + 1)
        return self.num_features * self.d * (1 + FIXED[self.memory])

    def num_facts(self, size: int) -> int:
        """Returns the number of facts at a size: S R with S = R for attention."""
        return size**2 if self.memory == "attention" else size

    @override
    def columns(self) -> Row:
        # In full, also what is None here: `points.capacities` groups by these columns.
        same = ("memory", "d", "m", "heads", "head_dim", "embedding", "seed")
        attention = self.memory == "attention"
        return {name: getattr(self, name) for name in same} | {
            "rank": None,
            "world": "S=R" if attention else None,
            "num_outputs": ANSWERS if attention else None,
            "activation": None,
            "threshold": 1.0,  # certificates are of all facts, never of a part
            "search": self.digest(),
            "trained": False,
            "recipe": None,
            "parameters": self.parameters,
        }

    def facts_of(self, room: int) -> FactsOf:
        """Returns the facts of any size up to `room`, padded to one shape for all."""
        if self.memory == "attention":
            return self._attention_facts(room)
        drawn = memory_search.draw_facts(self.seed, self.embedding, self.d, room)
        wide = drawn._replace(inputs=self._features(drawn.inputs))
        # Nested: what stores a set stores its subsets, so that one size decides others.
        return lambda size: facts.take(wide, jnp.int32(size))

    def _features(self, inputs: Float[Array, "N d"]) -> Float[Array, "N q"]:
        key = jax.random.fold_in(jax.random.key(self.seed), 1)
        if self.memory == "linear":
            return inputs
        if self.memory == "sign_gates":
            return gated.features(gated.draw_gates(key, self.gates, self.d), inputs)
        if self.memory == "relu_features":
            drawn = random_features.draw_relu(key, self.d, self.num_features)
            return random_features.relu(drawn, inputs)
        drawn = random_features.draw_bilinear(key, self.d, self.num_features)
        return random_features.bilinear(drawn, inputs)

    def _attention_facts(self, room: int) -> FactsOf:
        """Returns facts of the recall task as heads with hard attention see them.

        Head s mod H/2 attends to subject s, head H/2 + (r mod H/2) to relation r, and
        no other head to anything: what O multiplies is V phi of each, in its place.
        """
        heads, head_dim = self.heads or 0, self.head_dim or 0
        sizes = recall_task.Sizes(room, room, ANSWERS, 1)
        keys = jax.random.split(jax.random.key(self.seed), 3)
        sampler = geometries.sampler(self.embedding)
        tables = transformer.draw_embeddings(keys[1], sampler, sizes, self.d)
        V = jax.random.normal(keys[2], (heads, head_dim, self.d)) / np.sqrt(head_dim)
        answers = recall_task.answers(recall_task.sample_world(keys[0], sizes))
        half, tokens = heads // 2, np.arange(room)
        subjects = _in_place(V, tables.subjects, tokens % half)
        relations = _in_place(V, tables.relations, half + tokens % half)

        def of_size(size: int) -> facts.Facts:
            s, r = (x.ravel() for x in np.mgrid[:size, :size])
            dead = (0, room**2 - size**2)
            rows = jnp.pad(subjects[s] + relations[r], (dead, (0, 0)))
            targets = jnp.pad(answers[s, r], dead)
            wide = facts.of(rows, tables.answers, targets)
            live = {"n": size**2, "num_outputs": size * ANSWERS}
            return wide._replace(**{k: jnp.int32(v) for k, v in live.items()})

        return of_size


def _in_place(
    V: Float[Array, "H d_h d"], tokens: Float[Array, "V d"], heads: np.ndarray
) -> Float[Array, "V q"]:
    """Places V_h phi(v) at the coordinates of the head that attends to token v."""
    values = jnp.einsum("hkd,vd->vhk", V, tokens)
    attends = jax.nn.one_hot(heads, V.shape[0])
    return (values * attends[:, :, None]).reshape(tokens.shape[0], -1)
