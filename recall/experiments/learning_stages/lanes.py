"""Settings of a training run whose stages are watched: its problem, its prediction."""

import dataclasses
import math
from typing import Any

import jax
import jax.numpy as jnp

from recall.data import geometries, recall_task
from recall.models import linear_attention, stage_training, transformer
from recall.store.row import number
from recall.sweeps.batch import Lane
from recall.theory import reduced, stages

MODELS = ("simplified", "transformer")
# The limit of each optimizer at a small rate, whose stage times theory integrates.
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
        """The sizes of the world: S, R, D and the number of noise tokens."""
        return recall_task.Sizes(
            self.subjects, self.relations, self.answers, self.noise
        )

    @property
    def widths(self) -> tuple[int, int, int, int]:
        """The widths d, H, d_h and m of a transformer."""
        return self.d, self.heads, self.head_dim, self.m

    @property
    def parameters(self) -> int:
        """Trained numbers; of the simplified model, W_KQ counts as a vector."""
        if self.model == "transformer":
            return transformer.num_parameters(*self.widths)
        # A prompt ends with one token, so that of W_KQ only its row is used.
        tokens = self.d or self.subjects + self.relations + self.noise + 1
        return tokens * (1 + (self.d or self.relations * self.answers))

    def program(self) -> tuple:
        """Returns a key on which the lanes of one compiled program agree."""
        same = (self.model, self.attention, self.optimizer, self.loss, self.length)
        reads = (self.batch, self.share, self.checks, self.check_every)
        # One-hot tokens may be padded; padding would change the draw of other tables.
        sizes = self.sizes if self.embedding != "onehot" else _rounded(self.sizes)
        return (*same, *reads, *sizes, self.embedding, *self.widths)

    def recipe(self, num_noise: int) -> stage_training.Recipe:
        """Returns the settings of a step, in a program of so many noise tokens."""
        names = [field.name for field in dataclasses.fields(stage_training.Recipe)]
        fields = {name: getattr(self, name) for name in names if name != "num_noise"}
        return stage_training.Recipe(num_noise=num_noise, **fields)

    def start(self, padded: recall_task.Sizes) -> tuple[stage_training.Problem, Any]:
        """Draws the problem and the initial weights of the lane, and pads them."""
        keys = jax.random.split(jax.random.key(self.seed), 4)
        key_world, key_tokens, key_weights, key_checks = keys
        world = recall_task.sample_world(
            key_world, self.sizes, structured=self.structured
        )
        tables, params = self._draw(key_tokens, key_weights, padded)
        problem = stage_training.Problem(
            world=recall_task.pad(world, padded.subjects, padded.relations),
            embeddings=tables,
            # At least one, since heads divide by its root; the simplified model has 0.
            head_dim=jnp.asarray(max(self.head_dim, 1), jnp.int32),
            learning_rate=jnp.asarray(self.learning_rate, jnp.float32),
            seed=jnp.asarray(self.seed, jnp.int32),
            # A prompt is a subject, a relation, T - 3 noise tokens, and an end.
            contexts=jax.random.randint(
                key_checks, (self.checks, self.length - 3), 0, self.noise, jnp.int32
            ),
        )
        return problem, params

    def _draw(self, key_tokens: Any, key: Any, padded: recall_task.Sizes) -> tuple:
        """Draws embeddings and weights; one-hot ones at their sizes, then padded."""
        if self.embedding == "onehot":
            # Drawn before padding: a lane is the same in whatever batch it runs.
            params = linear_attention.init(key, self.init, self.init_scale, self.sizes)
            return None, linear_attention.pad(params, self.sizes, padded)
        sampler = geometries.sampler(self.embedding)
        tables = transformer.draw_embeddings(key_tokens, sampler, self.sizes, self.d)
        if self.model == "transformer":
            usual = transformer.init(key, *self.widths)
            return tables, jax.tree.map(lambda x: self.init_scale * x, usual)
        tokens = transformer.token_table(tables)
        return (
            linear_attention.Embeddings(tokens=tokens, answers=tables.answers),
            linear_attention.init_of_widths(
                key, self.init, self.init_scale, self.d, self.d
            ),
        )

    def predicted(self) -> dict[str, float | None]:
        """Returns stage times by theory, in steps, or None where it has none.

        "predicted" is a flow: Adam is held against sign descent, momentum against
        descent at 1 / (1 - momentum) of the rate, Muon against spectral descent.
        "reduced" takes the optimizer's steps, "escape" is ln(2 / w_0) / rate.
        """
        sizes = (self.subjects, self.relations, self.answers)
        # Symmetry among tokens and balanced answers leave a few numbers to integrate.
        tame = self.structured and self.embedding == "onehot" and min(sizes[1:]) > 1
        if not tame or self.init == "gaussian":
            return dict.fromkeys(PREDICTED)
        w0 = self.init_scale  # w(z) of every token at first
        if self.init == "paper":
            w0 *= math.sqrt(self.relations * self.answers + 1)
        task = stages.Task(*sizes, self.noise, self.length)
        escapes, steps = (math.nan, math.nan), (math.nan, math.nan)
        if (self.optimizer, self.attention) == ("sgd", "linear"):
            # Both parts separate there: exact integrals instead of a simulated flow.
            flow = stages.gradient_stages(*sizes, w0)
            rates = stages.relation_part(*sizes).rate, stages.subject_part(*sizes).rate
            escapes = [stages.escape_time(rate, w0) for rate in rates]
        else:
            flow = stages.flow_stages(task, FLOWS[self.optimizer], self.attention, w0)
        if self.optimizer in reduced.RULES and self.optimizer != "sgd":
            rest = self.optimizer, self.attention, w0, self.learning_rate
            run = reduced.run(task, *rest, self.num_steps)
            steps = run.relation, run.facts
        pace = self.learning_rate
        if self.optimizer == "momentum":
            pace /= 1 - stage_training.MOMENTUM  # the sum of its geometric weights
        times = [time / pace for time in (*flow, *escapes)]
        return dict(zip(PREDICTED, map(number, (*times, *steps)), strict=True))


def _rounded(sizes: recall_task.Sizes) -> tuple[int, ...]:
    """Rounds sizes, so that lanes of one program are padded by bounded factors.

    With these steps 250 lanes of a stage map need 22 programs, not one for each size.
    """
    steps = (2, 1, 1, 6)  # subjects within 4 times, noise, which costs little, 64
    bits = ((count - 1).bit_length() for count in sizes)
    return tuple(-(-bit // step) for bit, step in zip(bits, steps, strict=True))
