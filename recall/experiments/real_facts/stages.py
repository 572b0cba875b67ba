"""What a model answers before it knows: the hallucination stage on named facts.

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
        source: what the table is called.
        table: its digest.
        prompts: pairs (relation, subject) whose answers are watched.
        init_scale: alpha, all weights at first.
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

    def columns(self) -> Row:
        """Its settings; prompts are told in rows of their own."""
        told = {k: v for k, v in super().columns().items() if k != "prompts"}
        return told | {"method": "stages", "seed": 0}


class Look(NamedTuple):
    """What a check finds, losses in nats.

    Attributes:
        measures: of all facts.
        typical: `[]` facts answered by the most frequent answer of their relation.
        prompts: `[P, A]` what is predicted for each prompt.
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
            # By the number of logits.
            core_seconds=SECONDS * lane.num_steps * logits / (252 * 7 * 859),
            # Logits of all pairs, a few times.
            memory_bytes=24 * S * R * len(self.table.answers),
        )

    @override
    def measure(self, lanes: Sequence[StageLane]) -> Iterator[list[Row]]:
        (lane,) = lanes
        names = self.table
        problem, state, recipe = _start(lane, names)
        advance = _program(recipe, lane.check_every)
        asked = jnp.asarray(_places(lane, names))
        entropy = float(stages.entropy(problem.world, len(names.answers)))
        traces: list[Row] = []
        while not traces or traces[-1]["steps"] < lane.num_steps:
            state, look = advance(problem, state, asked)
            traces.append(_trace(int(state.step), look, entropy))
            told = [lane.row("trace", traces[-1]["steps"], **traces[-1])]
            yield told + _prompt_rows(lane, names, traces[-1]["steps"], look)
            if not traces[-1]["finite"]:
                break
        yield [lane.row("run", **_outcome(names, traces))]


def _start(lane: StageLane, table: fact_tables.FactTable) -> tuple[Any, Any, Any]:
    """Problem, first state and recipe."""
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


def _places(lane: StageLane, table: fact_tables.FactTable) -> list[int]:
    """Where the prompts are among all pairs, row by row."""
    R = len(table.relations)
    return [
        table.subjects.index(subject) * R + table.relations.index(relation)
        for relation, subject in lane.prompts
    ]


@functools.cache
def _program(recipe: stage_training.Recipe, num_steps: int) -> Callable:
    """Trains for some steps, and looks."""

    def advance(problem: Any, state: Any, asked: jax.Array) -> tuple[Any, Look]:
        state = stage_training.advance(problem, state, recipe, num_steps)
        return state, _look(problem, state.params, recipe, asked)

    return jax.jit(advance)


def _look(problem: Any, params: Any, recipe: Any, asked: jax.Array) -> Look:
    """Reads all pairs in the expected context."""
    world = problem.world
    counts = prompts.mean_context(world, recipe.num_noise, recipe.length)
    reads = prompts.every_fact(world, counts, jnp.ones(1))
    known = linear_attention.tables(params, None)
    logits = linear_attention.logits(known, world, reads, "linear")
    where = reads.subjects, reads.relations, reads.weights
    given = stages.answers_of_relations(world, logits.shape[-1])
    most = jnp.argmax(given, axis=1)[reads.relations[0]]
    typical = jnp.argmax(logits[0], axis=1) == most
    return Look(
        measures=stages.measure(logits, world, *where),
        typical=jnp.sum(reads.weights[0] * typical),
        prompts=jax.nn.softmax(logits[0, asked], axis=-1),
    )


def _trace(step: int, look: Look, entropy: float) -> Row:
    found = {k: float(v) for k, v in look.measures._asdict().items()}
    del found["subject_loss"]
    finite = bool(np.isfinite(found["loss"]))
    told = {name: number(value) for name, value in found.items()}
    told |= {"typical": float(look.typical), "entropy": entropy, "finite": finite}
    return {"steps": step} | told


def _prompt_rows(
    lane: StageLane, table: fact_tables.FactTable, step: int, look: Look
) -> list[Row]:
    """What is predicted for each prompt: its own answer, the typical ones, the rest."""
    rows = []
    frequencies = dict(
        zip(table.relations, fact_tables.frequencies(table), strict=True)
    )
    for (relation, subject), p in zip(
        lane.prompts, np.asarray(look.prompts), strict=True
    ):
        s, r = table.subjects.index(subject), table.relations.index(relation)
        own = table.answers[table.ids[s][r]]
        often = [name for name, _ in frequencies[relation] if name != own]
        of_relation = sum(p[table.answers.index(n)] for n, _ in frequencies[relation])
        total = sum(count for _, count in frequencies[relation])
        told: Row = {"prompt": f"{relation} of {subject}", "own": own}
        told["p_own"] = _digits(p[table.ids[s][r]])
        told["given_own"] = _digits(dict(frequencies[relation])[own] / total)
        for place, name in zip(("first", "second"), often, strict=False):
            told[place] = name
            told[f"p_{place}"] = _digits(p[table.answers.index(name)])
            told[f"given_{place}"] = _digits(dict(frequencies[relation])[name] / total)
        told["p_relation"] = _digits(of_relation)
        at = f"{step}:{relation}:{subject}"
        rows.append(lane.row("picture", at, steps=step, **told))
    return rows


def _digits(value: Any) -> float:
    return float(f"{float(value):.4g}")


def _outcome(table: fact_tables.FactTable, traces: list[Row]) -> Row:
    """When the stage was, how near it came to p(a | r), and how it ended."""
    live = [t for t in traces if t["finite"]]
    last = traces[-1]
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
