"""Answers of a model before it knows: the hallucination stage on named facts.

The simplified model, one-hot and from small weights, follows plain gradient descent on
the population loss of a table. Before it hears the subject it gives the answers of the
relation by how frequent they are, p(a | r), at a loss of H(a | r).
"""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from typing_extensions import override

from recall.data import fact_tables, recall_task
from recall.models import linear_attention, prompts, stage_training, stages
from recall.store.row import number
from recall.sweeps.batch import About, Lane, Row, Rows

NEAR = 0.1  # nats around H(a | r) that count as the stage
SECONDS = 0.03  # of a core and a step, for 252 x 7 pairs and 859 answers


@dataclasses.dataclass(frozen=True, kw_only=True)
class StageLane(Lane):
    """One training run.

    Attributes:
        source: name of the table.
        table: its digest.
        prompts: pairs (relation, subject) whose answers are watched.
        init_scale: alpha, the initial value of all weights.
        learning_rate: constant.
        num_steps: budget.
        check_every: steps between checks.
        length: tokens T of a sequence.
        noise: noise tokens.
    """

    source: str
    table: str
    prompts: tuple[tuple[str, str], ...]
    init_scale: float
    learning_rate: float
    num_steps: int
    check_every: int
    length: int
    noise: int

    @override
    def columns(self) -> Row:
        row = super().columns() | {"method": "stages", "seed": 0}
        del row["prompts"]  # they have rows of their own
        return row


class StageCheck(NamedTuple):
    """Measurements at one step, losses in nats.

    Attributes:
        measures: of all facts.
        typical: `[]` fraction of the facts that get their relation's mode.
        prompts: `[P, A]` predicted probabilities for each prompt.
    """

    measures: stages.Measures
    typical: jax.Array
    prompts: jax.Array


@dataclasses.dataclass(frozen=True, kw_only=True)
class FactStageBatch(Rows):
    """One training run on a table.

    Attributes:
        table: the facts.
    """

    lanes: tuple[StageLane, ...]
    table: fact_tables.FactTable

    @override
    def about(self) -> About:
        lane = self.lanes[0]
        S, R = len(self.table.subjects), len(self.table.relations)
        tokens = S + R + lane.noise + 1
        logits = S * R * len(self.table.answers)
        return About(
            title="stages of named facts",
            shape=f"n={self.table.num_facts} S={S} R={R} A={len(self.table.answers)}",
            parameters=[tokens * (1 + len(self.table.answers))],
            core_seconds=SECONDS * lane.num_steps * logits / (252 * 7 * 859),
            # Logits of all pairs, six float32 copies.
            memory_bytes=24 * S * R * len(self.table.answers),
        )

    @override
    def measure(self, lanes: Sequence[StageLane]) -> Iterator[list[Row]]:
        (lane,) = lanes
        table = self.table
        problem, state, recipe = _start(lane, table)
        advance = _program(recipe, lane.check_every)
        # Pairs are read subject by subject: positions of the prompts among them.
        positions = jnp.asarray(
            [
                table.subjects.index(subject) * len(table.relations)
                + table.relations.index(relation)
                for relation, subject in lane.prompts
            ]
        )
        entropy = float(stages.entropy(problem.world, len(table.answers)))
        traces: list[Row] = []
        while not traces or traces[-1]["steps"] < lane.num_steps:
            state, check = advance(problem, state, positions)
            step = int(state.step)
            traces.append(_trace(step, check, entropy))
            row = lane.row("trace", step, **traces[-1])
            yield [row, *_prompt_rows(lane, table, step, check)]
            if not traces[-1]["finite"]:
                break  # a diverged run stays so
        yield [lane.row("run", **_outcome(table, traces))]


def _start(lane: StageLane, table: fact_tables.FactTable) -> tuple[Any, Any, Any]:
    """Returns the problem, the initial state and the recipe of a run."""
    world = recall_task.world_of_ids(table.ids, len(table.answers), lane.noise)
    tokens = len(table.subjects) + len(table.relations) + lane.noise + 1
    key, A = jax.random.key(0), len(table.answers)
    params = linear_attention.init_of_widths(
        key, "published", lane.init_scale, A, tokens
    )
    recipe = stage_training.Recipe(
        optimizer="sgd",
        attention="linear",
        loss="population",
        length=lane.length,
        num_noise=lane.noise,
        batch=1,
        share=1,
    )
    problem = stage_training.Problem(
        world=world,
        embeddings=None,
        head_dim=jnp.asarray(1, jnp.int32),
        learning_rate=jnp.asarray(lane.learning_rate, jnp.float32),
        seed=jnp.asarray(0, jnp.int32),
        contexts=jnp.zeros((1, lane.length - 3), jnp.int32),
    )
    return problem, stage_training.start(problem, params, recipe), recipe


@functools.cache
def _program(recipe: stage_training.Recipe, num_steps: int) -> Callable:
    """Returns a jitted function that trains for some steps, then measures."""

    def advance(problem: Any, state: Any, positions: jax.Array) -> tuple:
        state = stage_training.advance(problem, state, recipe, num_steps)
        return state, _check(problem, state.params, recipe, positions)

    return jax.jit(advance)


def _check(problem: Any, params: Any, recipe: Any, positions: jax.Array) -> StageCheck:
    """Measures all pairs in the expected context of noise."""
    world = problem.world
    counts = prompts.mean_context(world, recipe.num_noise, recipe.length)
    reads = prompts.every_fact(world, counts, jnp.ones(1))
    tables = linear_attention.tables(params, None)
    logits = linear_attention.logits(tables, world, reads, "linear")
    where = reads.subjects, reads.relations, reads.weights
    frequencies = stages.answers_of_relations(world, logits.shape[-1])
    modes = jnp.argmax(frequencies, axis=1)[reads.relations[0]]
    typical = jnp.argmax(logits[0], axis=1) == modes
    return StageCheck(
        measures=stages.measure(logits, world, *where),
        typical=jnp.sum(reads.weights[0] * typical),
        prompts=jax.nn.softmax(logits[0, positions], axis=-1),
    )


def _trace(step: int, check: StageCheck, entropy: float) -> Row:
    values = {name: float(value) for name, value in check.measures._asdict().items()}
    del values["subject_loss"]
    return {"steps": step} | {
        **{name: number(value) for name, value in values.items()},
        "typical": float(check.typical),
        "entropy": entropy,
        "finite": bool(np.isfinite(values["loss"])),
    }


def _prompt_rows(
    lane: StageLane, table: fact_tables.FactTable, step: int, check: StageCheck
) -> list[Row]:
    """Returns the probs of each prompt: of its answer, the two most frequent, all."""
    rows, frequencies = [], fact_tables.frequencies(table)
    for (relation, subject), probs in zip(
        lane.prompts, np.asarray(check.prompts), strict=True
    ):
        s, r = table.subjects.index(subject), table.relations.index(relation)
        answer, counts = table.answers[table.ids[s][r]], dict(frequencies[r])
        others = [name for name in counts if name != answer]
        total, row = sum(counts.values()), Row(prompt=f"{relation} of {subject}")
        columns = ("own", "first", "second")  # a relation may have one answer alone
        for column, name in zip(columns, (answer, *others), strict=False):
            row[column] = name
            row[f"p_{column}"] = _digits(probs[table.answers.index(name)])
            row[f"given_{column}"] = _digits(counts[name] / total)
        row["p_relation"] = _digits(sum(probs[table.answers.index(n)] for n in counts))
        at = f"{step}:{relation}:{subject}"
        rows.append(lane.row("picture", at, steps=step, **row))
    return rows


def _digits(value: Any) -> float:
    return float(f"{float(value):.4g}")


def _outcome(table: fact_tables.FactTable, traces: list[Row]) -> Row:
    """Returns the steps of the stage, its distance from p(a | r), and the end."""
    live, last = [t for t in traces if t["finite"]], traces[-1]
    near = [t["steps"] for t in live if abs(t["loss"] - t["entropy"]) < NEAR]
    close = min(live, key=lambda t: t["distance"], default=None)
    return {
        "n": table.num_facts,
        "subjects": len(table.subjects),
        "relations": len(table.relations),
        "answers": len(table.answers),
        "steps": last["steps"],
        "loss": last["loss"],
        "accuracy": last["accuracy"],
        "entropy": last["entropy"],
        "stage_from": near[0] if near else None,
        "stage_to": near[-1] if near else None,
        "distance_least": close and close["distance"],
        "distance_least_step": close and close["steps"],
        "typical_there": close and close["typical"],
        "finite": last["finite"],
    }
