"""Searches for the smallest memories of named facts; the stages of learning them."""

import dataclasses
from typing import Any

import configs_made
import jax
import numpy as np
import pytest
from tiny_facts import TRIPLES

from recall.cli import ask
from recall.data import fact_tables, names
from recall.experiments.real_facts import lanes as fact_lanes
from recall.experiments.real_facts import measure as fact_jobs
from recall.experiments.real_facts import memories as fact_memories
from recall.experiments.real_facts import searches as fact_searches
from recall.experiments.real_facts import stages as fact_stages
from recall.runs import checkpoints

TABLE = fact_tables.of(TRIPLES)
DIGEST = fact_lanes.digest(TABLE)
SHARED = {"source": "tiny", "table": DIGEST, "noise": 4, "seed": 0}


def lane(method, sizes, claim, **fields):
    kind = fact_memories.METHODS[method]
    own = {"facts": "real", "embedding": "sphere", "budget": 64}
    own |= {"keys": "sum" if kind.associative else "", "d": 0 if kind.wide else 8}
    own |= SHARED | fields
    return fact_lanes.FactLane(method=method, sizes=sizes, claim=claim, **own)


# The order of sizes


def walk(claim, least, sizes=tuple(range(1, 33))):
    """The sizes that are tried if those from `least` on are good."""
    ok: dict[int, bool] = {}
    while (size := fact_jobs.next_size(sizes, claim, ok)) is not None:
        assert size not in ok
        ok[size] = size >= least
    return list(ok)


@pytest.mark.parametrize("claim", [1, 7, 16, 32])
def test_every_smallest_size_is_found_from_wherever_one_begins(claim):
    for least in range(1, 34):
        tried = walk(claim, least)
        assert tried[0] == claim
        wanted = {least, least - 1} & set(range(1, 33))
        assert wanted <= set(tried)
        assert len(tried) <= 12  # doubled steps, then halves


def test_a_right_claim_takes_two_tries():
    assert walk(16, 16) == [16, 15]
    assert walk(16, 17) == [16, 17]


# Memories


@pytest.mark.parametrize(
    ("method", "size", "fields"),
    [
        ("mlp", 24, {"budget": 512}),
        ("bilinear", 12, {}),
        ("linear", 16, {"facts": "copies", "keys": "concatenated", "budget": 2}),
        ("codes", 16, {"facts": "copies", "budget": 2}),
        ("gates", 3, {"d": 16, "budget": 2}),
    ],
)
def test_a_method_stores_all_facts_where_there_is_room(method, size, fields):
    one = lane(method, (size,), size, **fields)
    held = fact_lanes.draw(one, TABLE, None, one.d or size)
    found = fact_memories.METHODS[method].attempt(one, held, size)
    assert found.accuracy == 1.0
    assert found.finite
    tokens = len(TABLE.subjects), len(TABLE.relations)
    estimate = fact_memories.parameters(one, size, tokens)
    assert found.parameters == estimate


def test_a_search_ends_with_the_smallest_size_and_its_bits():
    one = lane("bilinear", (1, 12, 24), 12, budget=100)
    job = fact_jobs.FactBatch(lanes=(one,), table=TABLE, vectors=None)
    rows = [row for batch in job.measure(job.lanes) for row in batch]
    *probes, end = rows
    assert [row["size"] for row in probes] == [12, 1]
    assert (end["size_100"], end["kind"]) == (12, "run")
    assert end["parameters_100"] == 3 * 8 * 12
    assert end["n"] == len(TRIPLES)
    bits = fact_tables.size(TABLE).entropy
    assert end["bits_per_parameter"] == pytest.approx(bits / (3 * 8 * 12))
    assert not list(job.run([], {one.digest()}))


def test_names_keep_their_similarity_and_centring_takes_the_mean_away():
    random = np.random.default_rng(0)
    points = random.normal(size=(3, 8, 300)) + 3.0
    vectors = names.Vectors(*points.astype(np.float32))
    plain, centred = (
        fact_lanes.project(jax.random.key(0), vectors, 256, centred=c)
        for c in (False, True)
    )
    np.testing.assert_allclose(np.linalg.norm(plain.answers, axis=1), 1, rtol=1e-5)
    similar = np.asarray(plain.subjects @ plain.subjects.T)
    assert similar.min() > 0.7  # 9 / 10 before the projection
    apart = np.asarray(centred.subjects @ centred.subjects.T)
    assert np.abs(apart.sum(axis=1)).max() < 0.5


# Stages


def test_before_facts_are_known_answers_are_as_frequent_as_in_the_relation():
    facts = [(f"s{i}", "big", "x" if i % 4 else "y") for i in range(16)]
    facts += [(f"s{i}", "other", f"z{i % 3}") for i in range(16)]
    table = fact_tables.of(facts)
    one = fact_stages.StageLane(
        source="tiny",
        table=fact_lanes.digest(table),
        prompts=(("big", "s0"),),
        init_scale=1e-3,
        learning_rate=0.5,
        num_steps=1536,
        check_every=64,
        length=8,
        noise=4,
    )
    job = fact_stages.FactStageBatch(lanes=(one,), table=table)
    rows = [row for batch in job.measure(job.lanes) for row in batch]
    end = rows[-1]
    assert end["kind"] == "run"
    assert end["distance_least"] < 0.05
    assert end["typical_there"] == 1.0  # whatever the subject
    assert end["stage_to"] > end["stage_from"]
    assert end["accuracy"] == 1.0
    (stage,) = (
        row
        for row in rows
        if row["kind"] == "picture" and row["steps"] == end["distance_least_step"]
    )
    assert (stage["own"], stage["first"]) == ("y", "x")
    assert stage["p_first"] == pytest.approx(0.75, abs=0.1)
    assert stage["p_own"] == pytest.approx(0.25, abs=0.1)
    assert not job.left({one.digest()})


# Questions by name


def search(**fields):
    own = {"d": 8, "heads": 2, "head_dim": 4, "m": 8, "threshold": 1.0, "seed": 0}
    own |= {"strategy": fact_memories.SINGLE, "facts_of": TABLE, "noise": 4}
    return fact_searches.FactSearch(**own | fields)


def test_a_model_of_named_facts_is_saved_and_answers_to_names(tmp_path):
    one = search()
    problem = one.problem(one.own_shape())
    path = checkpoints.path_of(tmp_path, 0)
    checkpoints.save(path, checkpoints.Model(one, problem, problem.initial))
    model = checkpoints.load(path)
    assert model.search == one
    table: Any = ask.names_of(model)
    assert table == TABLE
    s, r = ask.parse_names("What is the capital of peru?", table)
    assert (table.subjects[s], table.relations[r]) == ("Peru", "capital")
    reply: Any = ask.ask(model, s, r)
    assert table.answers[reply.truth] == "Lima"
    assert reply.probabilities[len(table.answers) :].sum() == 0
    missing = ask.ask(model, *ask.parse_names("currency of Peru", table))
    assert missing.truth is None
    told = ask.answer_table(reply, 1, table)
    assert {line[0] for line in told.rows} <= set(table.answers)


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("capital of Frnce?", ["subject", "'France'", "'Frnce'"]),
        ("captial of France", ["relation", "'capital'", "'captial'"]),
        ("Paris", ["question", "of France?", "'Paris'"]),
    ],
)
def test_a_question_about_nothing_that_is_known_is_refused(question, words):
    with pytest.raises(ValueError, match=r"^Expected ") as error:
        ask.parse_names(question, TABLE)
    assert all(word in str(error.value) for word in words)


def test_a_search_is_another_one_if_a_fact_is():
    other = fact_tables.of([*TRIPLES, ("Peru", "currency", "Sol")])
    assert search().digest() != search(facts_of=other).digest()
    assert search().facts(1) == len(TRIPLES)
    one = lane("mlp", (8, 16), 8)
    assert one.digest() != dataclasses.replace(one, table="other").digest()


# Its config

REAL = "real_facts"
MEMORY = {"method": "mlp", "facts": "real", "embedding": "sphere", "keys": "sum"}
MEMORY |= {"d": 8, "sizes": (8, 16), "claim": 8, "budget": 64}
WRONG = [
    (REAL, {"facts__source": "nowhere.jsonl"}, ["'nowhere.jsonl'", "No such file"]),
    (REAL, {"facts__relations": ("capitol",)}, ["facts.relations", "'capital'"]),
    (REAL, {"facts__on_conflict": "ask"}, ["facts.on_conflict", "'ask'", "'last'"]),
    (REAL, {"facts__several": "all"}, ["facts.several", "'all'", "'numbered'"]),
    (REAL, {"facts__limit": -1}, ["facts.limit", "-1", ">= 0"]),
    (REAL, {"cases": (("mlp", "real"),)}, ["cases", "'keys'", "'mlp'"]),
    (REAL, {"cases": (MEMORY | {"sizes": 9},)}, ["sizes of cases", "9"]),
    (REAL, {"cases": (MEMORY | {"method": "lstm"},)}, ["method of cases", "'lstm'"]),
    (REAL, {"cases": (MEMORY | {"facts": "false"},)}, ["facts of cases", "'false'"]),
    (REAL, {"cases": (MEMORY | {"claim": 9},)}, ["claim of cases", "[8, 16]", "9"]),
    (REAL, {"cases": (MEMORY | {"sizes": (16, 8)},)}, ["rising order", "(16, 8)"]),
    (REAL, {"cases": (MEMORY | {"keys": ""},)}, ["keys of cases", "'sum'"]),
    (REAL, {"cases": (MEMORY | {"budget": 0},)}, ["budget of cases", "0", ">= 1"]),
    (
        REAL,
        {"cases": (MEMORY | {"facts": "synthetic", "embedding": "names"},)},
        ["facts of cases", "'synthetic'", "embedding='names'"],
    ),
    (
        REAL,
        {"cases": (MEMORY | {"embedding": "names"},)},
        ["facts.model", "embedding='names'", "''"],
    ),
    (REAL, {"stages__check_every": 100}, ["stages.check_every", "100", "divide"]),
    (REAL, {"stages__prompts": (("capital", "Frnce"),)}, ["'France'", "'Frnce'"]),
    (REAL, {"stages__prompts": (("currency", "Peru"),)}, ["'Peru'", "has none"]),
    (REAL, {"stages__prompts": ("capital",)}, ["stages.prompts", "pairs"]),
    (REAL, {"noise": 0}, ["noise", "0", ">= 1"]),
    (REAL, {"model__width": 0}, ["model.width", "0", ">= 1"]),
]
RIGHT = [
    (REAL, {"cases": (MEMORY,), "model__seeds": (), "stages__num_steps": 0}),
    (REAL, {"cases": (MEMORY | {"embedding": "gaussian"},), "noise": 1}),
]


@pytest.mark.parametrize(("name", "changes", "words"), WRONG)
def test_a_wrong_value_is_named_with_its_field_and_what_is_allowed(
    name, changes, words
):
    configs_made.refuses(name, changes, words)


@pytest.mark.parametrize(("name", "changes"), RIGHT)
def test_values_on_the_border_are_right(name, changes):
    configs_made.plans(name, changes)
