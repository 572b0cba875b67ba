"""Settings of a training run whose stages are watched: its problem, its prediction."""

import dataclasses
import math
from typing import Any

import jax
import jax.numpy as jnp

from recall.data import geometries, recall_task
from recall.models import linear_attention, stage_training, transformer
from recall.store import numbers
from recall.sweeps.batch import Lane
from recall.theory import reduced, stages

MODELS = ("simplified", "transformer")
# The flow that each optimizer is held against.
FLOWS = {"sgd": "gradient", "momentum": "gradient", "adam": "sign", "sign": "sign"}
FLOWS |= {"muon": "spectral", "flow": "gradient"}
PREDICTED = (
    *("predicted_relation", "predicted_start", "predicted_end", "predicted_facts"),
    *("escape_relation", "escape_facts", "reduced_relation", "reduced_facts"),
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class StageLane(Lane):
    """One training run.

    Attributes:
        subjects: S.
        relations: R.
        answers: D, of each relation.
        noise: noise tokens.
        length: T.
        structured: a*(s, r) = floor(s D / S) + r D, else random answers.
        model: one of MODELS.
        attention: of the simplified model.
        embedding: "onehot", or a name that `geometries` knows.
        d: width of embeddings that are not one-hot, else 0.
        heads: H of a transformer, else 0.
        head_dim: d_h of a transformer, else 0.
        m: hidden units of a transformer.
        init: one of `linear_attention.INITS`, or "usual" for a transformer's.
        init_scale: alpha, or a factor on a transformer's usual weights.
        optimizer: one of `stage_training.OPTIMIZERS`.
        learning_rate: constant.
        loss: one of `stage_training.LOSSES`.
        batch: prompts of a step, where they are sampled.
        share: prompts that share a noise context.
        checks: noise contexts of a check.
        num_steps: budget.
        check_every: steps between checks.
        until_learned: stop once the facts are learned.
        seed: of batches, of random answers, embeddings and weights.
    """

    subjects: int
    relations: int
    answers: int
    noise: int
    length: int
    structured: bool
    model: str
    attention: str
    embedding: str
    d: int
    heads: int
    head_dim: int
    m: int
    init: str
    init_scale: float
    optimizer: str
    learning_rate: float
    loss: str
    batch: int
    share: int
    checks: int
    num_steps: int
    check_every: int
    until_learned: bool
    seed: int

    @property
    def sizes(self) -> recall_task.Sizes:
        """Of its world."""
        return recall_task.Sizes(
            self.subjects, self.relations, self.answers, self.noise
        )

    @property
    def parameters(self) -> int:
        """Trained numbers; of the simplified model, W_KQ counts as a vector."""
        if self.model == "transformer":
            widths = self.d, self.heads, self.head_dim, self.m
            return transformer.num_parameters(*widths)
        tokens = self.d or self.subjects + self.relations + self.noise + 1
        return tokens * (1 + (self.d or self.relations * self.answers))

    def program(self) -> tuple:
        """Lanes of one program agree on this, whatever their sizes."""
        same = (self.model, self.attention, self.optimizer, self.loss, self.length)
        reads = (self.batch, self.share, self.checks, self.check_every)
        own = self.sizes if self.embedding != "onehot" else _rounded(self.sizes)
        widths = (self.embedding, self.d, self.heads, self.head_dim, self.m)
        return (*same, *reads, *own, *widths)

    def recipe(self, num_noise: int) -> stage_training.Recipe:
        """What a step does, in a program with so many noise tokens."""
        names = [field.name for field in dataclasses.fields(stage_training.Recipe)]
        own = {name: getattr(self, name) for name in names if name != "num_noise"}
        return stage_training.Recipe(num_noise=num_noise, **own)

    def start(self, padded: recall_task.Sizes) -> tuple[stage_training.Problem, Any]:
        """Its problem and first weights, padded."""
        keys = jax.random.split(jax.random.key(self.seed), 4)
        key_world, key_tokens, key_weights, key_checks = keys
        world = recall_task.sample_world(
            key_world, self.sizes, structured=self.structured
        )
        tables, params = self._draw(key_tokens, key_weights, padded)
        problem = stage_training.Problem(
            world=recall_task.pad(world, padded.subjects, padded.relations),
            embeddings=tables,
            head_dim=jnp.asarray(max(self.head_dim, 1), jnp.int32),
            learning_rate=jnp.asarray(self.learning_rate, jnp.float32),
            seed=jnp.asarray(self.seed, jnp.int32),
            contexts=jax.random.randint(
                key_checks, (self.checks, self.length - 3), 0, self.noise, jnp.int32
            ),
        )
        return problem, params

    def _draw(self, key_tokens: Any, key: Any, padded: recall_task.Sizes) -> tuple:
        """Embeddings and first weights; those of its own sizes, padded."""
        if self.embedding == "onehot":
            own = linear_attention.init(key, self.init, self.init_scale, self.sizes)
            return None, linear_attention.pad(own, self.sizes, padded)
        sampler = geometries.sampler(self.embedding)
        tables = transformer.draw_embeddings(key_tokens, sampler, self.sizes, self.d)
        if self.model == "transformer":
            widths = self.d, self.heads, self.head_dim, self.m
            usual = transformer.init(key, *widths)
            return tables, jax.tree.map(lambda x: self.init_scale * x, usual)
        tokens = transformer.token_table(tables)
        own = linear_attention.Embeddings(tokens=tokens, answers=tables.answers)
        kind, scale = self.init, self.init_scale
        return own, linear_attention.init_of_widths(key, kind, scale, self.d, self.d)

    def predicted(self) -> dict[str, float | None]:
        """Stage times by theory, in steps, of one-hot embeddings and balanced answers.

        "predicted" is a flow: Adam is held against sign descent, momentum against
        descent at 1 / (1 - momentum) of the rate, Muon against spectral descent.
        "reduced" takes the optimizer's own steps, "escape" is ln(2 / w_0) / rate.
        """
        sizes = (self.subjects, self.relations, self.answers)
        tame = self.structured and self.embedding == "onehot" and min(sizes[1:]) > 1
        if not tame or self.init == "gaussian":
            return dict.fromkeys(PREDICTED)
        w0, flow = self.first_score, FLOWS[self.optimizer]
        task = stages.Task(*sizes, self.noise, self.length)
        escapes, steps = (math.nan, math.nan), (math.nan, math.nan)
        if (self.optimizer, self.attention) == ("sgd", "linear"):
            found = stages.gradient_stages(*sizes, w0)
            rates = stages.relation_part(*sizes).rate, stages.subject_part(*sizes).rate
            escapes = [stages.escape_time(rate, w0) for rate in rates]
        else:
            found = stages.flow_stages(task, flow, self.attention, w0)
        if self.optimizer in reduced.RULES and self.optimizer != "sgd":
            rest = self.optimizer, self.attention, w0, self.learning_rate
            small = reduced.run(task, *rest, self.num_steps)
            steps = small.relation, small.facts
        pace = self.learning_rate
        if self.optimizer == "momentum":
            pace /= 1 - stage_training.MOMENTUM
        times = [time / pace for time in (*found, *escapes)]
        return dict(zip(PREDICTED, map(numbers.known, (*times, *steps)), strict=True))

    @property
    def first_score(self) -> float:
        """w(z) of every token at first."""
        if self.init == "paper":
            return self.init_scale * math.sqrt(self.relations * self.answers + 1)
        return self.init_scale


def _rounded(sizes: recall_task.Sizes) -> tuple[int, ...]:
    """Sizes that lanes of one program agree on: what costs time or answers is close."""
    steps = (2, 1, 1, 6)  # subjects within a factor of 4, noise of 64
    bits = ((count - 1).bit_length() for count in sizes)
    return tuple(-(-bit // step) for bit, step in zip(bits, steps, strict=True))
