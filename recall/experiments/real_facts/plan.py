"""Named facts: what stores them, at what size, and how they are learned."""

import dataclasses
import difflib
from collections.abc import Mapping
from typing import Any

from recall import embeddings
from recall.data import fact_files, fact_tables, names
from recall.experiments.real_facts import lanes as fact_lanes
from recall.experiments.real_facts import measure, memories, stages
from recall.experiments.real_facts import searches as fact_searches
from recall.experiments.transformer_capacity import shared as recall_common
from recall.sweeps import fields, packing, search
from recall.sweeps.batch import Batch, Plan

CASE = ("method", "facts", "embedding", "keys", "d", "sizes", "claim", "budget")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """What is measured.

    Attributes:
        models: transformers that are trained and kept.
        jobs: searches for the smallest memories, and stages.
        skipped: what was said of the facts when they were read.
    """

    models: tuple[fact_searches.FactSearch, ...]
    jobs: tuple[Batch, ...]
    skipped: tuple[str, ...]


def settings(config: Any) -> Settings:
    """Reads and checks a config; a bad field is named in a ValueError."""
    table, vectors = config.facts.table, config.facts.vectors
    seeds = fields.seeds("seeds", config.seeds)
    noise = fields.integer("noise", config.noise, 1)
    source = config.facts.source
    shared = {"source": source, "table": fact_lanes.digest(table), "noise": noise}
    found: list[Batch] = []
    if config.stages.num_steps:
        lane = _stages(config, table, shared)
        found.append(stages.FactStageBatch(lanes=(lane,), table=table))
    for case in fields.nonempty("cases", config.cases):
        own = _case(case) | shared
        lanes = tuple(fact_lanes.FactLane(**own, seed=seed) for seed in seeds)
        _check_names(own["embedding"], vectors)
        found.append(measure.FactBatch(lanes=lanes, table=table, vectors=vectors))
    models = _models(config, table, noise)
    return Settings(models=models, jobs=tuple(found), skipped=tuple(config.facts.notes))


def plan_of(config: Any) -> Plan:
    """Plans what a config asks for.

    Raises:
        ValueError: naming a field that is wrong, its value, and what is allowed.
    """
    chosen = settings(with_facts(config))
    return packing.plan(plan(chosen), chosen.skipped, trace=True)


def with_facts(config: Any) -> Any:
    """Returns a copy that holds the facts it names, and embeddings of their names.

    Raises:
        ValueError: if they cannot be read.
    """
    read, source = config.copy_and_resolve_references(), config.facts
    read.unlock()
    fields.pick("facts.on_conflict", source.on_conflict, fact_files.CONFLICTS)
    fields.pick("facts.several", source.several, fact_files.SEVERAL)
    fields.integer("facts.limit", source.limit, 0)
    facts = fact_files.read(
        source.source,
        tuple(source.relations),
        on_conflict=source.on_conflict,
        several=source.several,
        limit=source.limit,
    )
    read.facts.update(table=facts.table, notes=facts.notes)
    cases = [case for case in config.cases if isinstance(case, dict)]
    wanted = source.model and any(
        case.get("embedding") in fact_lanes.NAMED for case in cases
    )
    read.facts.vectors = names.of(facts.table, source.model) if wanted else None
    return read


def plan(chosen: Settings) -> list[search.Search | Batch]:
    """Lists models and jobs."""
    return [*chosen.models, *chosen.jobs]


def _case(case: Any) -> dict[str, Any]:
    """One kind of memory and the sizes that are tried."""
    if not isinstance(case, Mapping) or set(case) != set(CASE):
        raise ValueError(f"Expected cases to have the fields {CASE}; got {case!r}.")
    method, facts, embedding, keys, d, sizes, claim, budget = map(case.get, CASE)
    kind = memories.METHODS[
        fields.pick("method of cases", method, list(memories.METHODS))
    ]
    fields.pick("facts of cases", facts, fact_lanes.FACTS)
    known = [*sorted(embeddings.SAMPLERS), *fact_lanes.NAMED]
    fields.pick("embedding of cases", embedding, known)
    if embedding in fact_lanes.NAMED and facts == "synthetic":
        raise ValueError(
            f"Expected facts of cases in ['real', 'copies'] for embedding={embedding!r}"
            "; got 'synthetic', whose answers have no names."
        )
    allowed = ("",) if not kind.associative else fact_lanes.KEYS
    allowed = ("sum",) if kind.associative and method != "linear" else allowed
    fields.pick(f"keys of cases {method!r}", keys, allowed)
    if not isinstance(sizes, tuple):
        raise ValueError(f"Expected sizes of cases to be a tuple; got {sizes!r}.")
    sizes = fields.integers("sizes of cases", sizes, 2 if kind.wide else 1)
    if list(sizes) != sorted(sizes):
        raise ValueError(f"Expected sizes of cases in rising order; got {sizes}.")
    return {
        "method": method,
        "facts": facts,
        "embedding": embedding,
        "keys": keys,
        "d": fields.integer(
            "d of cases", d, 0 if kind.wide else 2, 0 if kind.wide else None
        ),
        "sizes": sizes,
        "claim": fields.pick("claim of cases", claim, sizes),
        "budget": fields.integer("budget of cases", budget, 1),
    }


def _check_names(embedding: str, vectors: names.Vectors | None) -> None:
    if embedding in fact_lanes.NAMED and vectors is None:
        raise ValueError(
            f"Expected facts.model to name a language model for embedding={embedding!r}"
            "; got ''."
        )


def _stages(
    config: Any, table: fact_tables.FactTable, shared: dict[str, Any]
) -> stages.StageLane:
    """The training run whose stages are watched."""
    given = config.stages
    steps = fields.integer("stages.num_steps", given.num_steps, 1)
    every = fields.integer("stages.check_every", given.check_every, 1)
    if steps % every:
        raise ValueError(
            "Expected stages.check_every to divide stages.num_steps; got "
            f"check_every={every}, num_steps={steps}."
        )
    prompts = tuple(_prompt(tuple(prompt), table) for prompt in given.prompts)
    return stages.StageLane(
        **shared,
        prompts=prompts,
        init_scale=fields.number("stages.init_scale", given.init_scale, "(0, inf)"),
        learning_rate=fields.number(
            "stages.learning_rate", given.learning_rate, "(0, inf)"
        ),
        num_steps=steps,
        check_every=every,
        length=fields.integer("reads.length", config.reads.length, 4),
    )


def _prompt(prompt: tuple, table: fact_tables.FactTable) -> tuple[str, str]:
    """A relation and a subject, by their names."""
    if len(prompt) != 2:
        raise ValueError(
            f"Expected stages.prompts to be pairs (relation, subject); got {prompt}."
        )
    for name, known in zip(prompt, (table.relations, table.subjects), strict=True):
        if name not in known:
            close = difflib.get_close_matches(str(name), known, n=3) or known[:3]
            raise ValueError(
                f"Expected stages.prompts to name what the facts are about, such as "
                f"{', '.join(map(repr, close))}; got {name!r}."
            )
    relation, subject = prompt
    if table.ids[table.subjects.index(subject)][table.relations.index(relation)] < 0:
        raise ValueError(
            f"Expected stages.prompts to have answers; got {prompt}, which has none."
        )
    return relation, subject


def _models(
    config: Any, table: fact_tables.FactTable, noise: int
) -> tuple[fact_searches.FactSearch, ...]:
    """One transformer a seed, to be asked by name."""
    given, training = config.model, fields.recipe(config, recall_common.RECIPES)
    if not given.seeds:
        return ()
    return tuple(
        fact_searches.FactSearch(
            facts_of=table,
            source=config.facts.source,
            noise=noise,
            d=fields.integer("model.width", given.width, 1),
            heads=fields.integer("model.heads", given.heads, 1),
            head_dim=fields.integer("model.head_dim", given.head_dim, 1),
            m=fields.integer("model.hidden", given.hidden, 0),
            threshold=fields.number("model.threshold", given.threshold, "(0, 1]"),
            seed=seed,
            strategy=memories.SINGLE,
            embedding="sphere",
            reads=recall_common.reads(config),
            recipe_name=training.name,
            recipe=training.recipe,
            learning_rates=training.learning_rates,
        )
        for seed in fields.seeds("model.seeds", given.seeds)
    )
