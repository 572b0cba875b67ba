"""Named facts: memories that store them, their sizes, and the stages of learning."""

import difflib
from collections.abc import Mapping
from typing import Any

from recall import embeddings
from recall.data import fact_files, fact_tables, names
from recall.experiments.real_facts import lanes as fact_lanes
from recall.experiments.real_facts import measure, memories, stages
from recall.experiments.real_facts import searches as fact_searches
from recall.experiments.transformer_capacity import shared as recall_common
from recall.sweeps import fields, packing
from recall.sweeps.batch import Plan

CASE = ("method", "facts", "embedding", "keys", "d", "sizes", "claim", "budget")


def plan_of(config: Any) -> Plan:
    """Plans transformers to be kept, a run for its stages, and a batch for each case.

    Raises:
        ValueError: naming a field that is wrong, its value, and what is allowed.
    """
    config = _with_facts(config)
    facts, noise = config.facts, fields.integer("noise", config.noise, 1)
    of_facts: dict[str, Any] = {"source": facts.source, "noise": noise}
    of_table: dict[str, Any] = of_facts | {"table": fact_lanes.digest(facts.table)}
    batches: list[Any] = []
    if config.stages.num_steps:
        lane = _stages(config, of_table)
        batches.append(stages.FactStageBatch(lanes=(lane,), table=facts.table))
    seeds = fields.seeds("seeds", config.seeds)
    for entry in fields.nonempty("cases", config.cases):
        case = of_table | _case(entry, facts.vectors)
        lanes = tuple(fact_lanes.FactLane(**case, seed=seed) for seed in seeds)
        batches.append(
            measure.FactBatch(lanes=lanes, table=facts.table, vectors=facts.vectors)
        )
    items = [*_models(config, of_facts), *batches]
    return packing.plan(items, tuple(facts.notes), trace=True)


def _with_facts(config: Any) -> Any:
    """Returns a copy that holds the facts it names, and embeddings of their names."""
    read, section = config.copy_and_resolve_references(), config.facts
    read.unlock()  # tables and vectors are no fields that a shell may set
    fields.pick("facts.on_conflict", section.on_conflict, fact_files.CONFLICTS)
    fields.pick("facts.several", section.several, fact_files.SEVERAL)
    fields.integer("facts.limit", section.limit, 0)
    facts = fact_files.read(
        section.source,
        tuple(section.relations),
        on_conflict=section.on_conflict,
        several=section.several,
        limit=section.limit,
    )
    cases = [case for case in config.cases if isinstance(case, dict)]
    # Looking for a language model takes seconds, and fails where there is none.
    wanted = section.model and any(
        case.get("embedding") in fact_lanes.NAMED for case in cases
    )
    vectors = names.of(facts.table, section.model) if wanted else None
    read.facts.update(table=facts.table, notes=facts.notes, vectors=vectors)
    return read


def _case(case: Any, vectors: names.Vectors | None) -> dict[str, Any]:
    """Reads one kind of memory and the sizes that are tried."""
    if not isinstance(case, Mapping) or set(case) != set(CASE):
        raise ValueError(f"Expected cases to have the fields {CASE}; got {case!r}.")
    method, facts, embedding, keys, d, sizes, claim, budget = map(case.get, CASE)
    kind = memories.METHODS[
        fields.pick("method of cases", method, list(memories.METHODS))
    ]
    fields.pick("facts of cases", facts, fact_lanes.FACTS)
    allowed = [*sorted(embeddings.SAMPLERS), *fact_lanes.NAMED]
    fields.pick("embedding of cases", embedding, allowed)
    if embedding in fact_lanes.NAMED and facts == "synthetic":
        raise ValueError(
            f"Expected facts of cases in ['real', 'copies'] for embedding={embedding!r}"
            "; got 'synthetic', whose answers have no names."
        )
    # One after the other, keys give a linear memory a matrix each for s and r.
    sums = fact_lanes.KEYS if method == "linear" else ("sum",)
    fields.pick(f"keys of cases {method!r}", keys, sums if kind.associative else ("",))
    if not isinstance(sizes, tuple):
        raise ValueError(f"Expected sizes of cases to be a tuple; got {sizes!r}.")
    sizes = fields.integers("sizes of cases", sizes, 2 if kind.wide else 1)
    if list(sizes) != sorted(sizes):
        raise ValueError(f"Expected sizes of cases in rising order; got {sizes}.")
    # Where the width is the size, d is 0: it is searched.
    bounds = (0, 0) if kind.wide else (2, None)
    checked = {
        "d": fields.integer("d of cases", d, *bounds),
        "sizes": sizes,
        "claim": fields.pick("claim of cases", claim, sizes),
        "budget": fields.integer("budget of cases", budget, 1),
    }
    if embedding in fact_lanes.NAMED and vectors is None:
        raise ValueError(
            f"Expected facts.model to name a language model for embedding={embedding!r}"
            "; got ''."
        )
    return dict(case) | checked


def _stages(config: Any, of_table: dict[str, Any]) -> stages.StageLane:
    """Reads the training run whose stages are watched."""
    section = config.stages
    steps = fields.integer("stages.num_steps", section.num_steps, 1)
    every = fields.integer("stages.check_every", section.check_every, 1)
    if steps % every:
        raise ValueError(
            "Expected stages.check_every to divide stages.num_steps; got "
            f"check_every={every}, num_steps={steps}."
        )
    rate = fields.number("stages.learning_rate", section.learning_rate, "(0, inf)")
    return stages.StageLane(
        **of_table,
        prompts=tuple(_prompt(tuple(p), config.facts.table) for p in section.prompts),
        init_scale=fields.number("stages.init_scale", section.init_scale, "(0, inf)"),
        learning_rate=rate,
        num_steps=steps,
        check_every=every,
        length=fields.integer("reads.length", config.reads.length, 4),
    )


def _prompt(prompt: tuple, table: fact_tables.FactTable) -> tuple[str, str]:
    """Reads a relation and a subject, by their names; the fact must have an answer."""
    if len(prompt) != 2:
        raise ValueError(
            f"Expected stages.prompts to be pairs (relation, subject); got {prompt}."
        )
    for name, allowed in zip(prompt, (table.relations, table.subjects), strict=True):
        if name not in allowed:
            close = difflib.get_close_matches(str(name), allowed, n=3) or allowed[:3]
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
    config: Any, of_facts: dict[str, Any]
) -> tuple[fact_searches.FactSearch, ...]:
    """Reads one transformer a seed, kept so that questions can be put to it."""
    section, training = config.model, fields.recipe(config, recall_common.RECIPES)
    return tuple(
        fact_searches.FactSearch(
            **of_facts,
            facts_of=config.facts.table,
            d=fields.integer("model.width", section.width, 1),
            heads=fields.integer("model.heads", section.heads, 1),
            head_dim=fields.integer("model.head_dim", section.head_dim, 1),
            m=fields.integer("model.hidden", section.hidden, 0),
            threshold=fields.number("model.threshold", section.threshold, "(0, 1]"),
            seed=seed,
            strategy=memories.SINGLE,
            embedding="sphere",
            reads=recall_common.reads(config),
            recipe_name=training.name,
            recipe=training.recipe,
            learning_rates=training.learning_rates,
        )
        for seed in section.seeds and fields.seeds("model.seeds", section.seeds)
    )
