"""Every signature finds its failure, planted by a run or in rows, and no other does."""

import dataclasses
import pathlib
import re

import jax
import numpy as np
import pytest
import stage_rows
import tiny
from capacity_rows import probe, search
from rich.console import Console
from tiny_stages import SMALL, rows_of

from configs import linear_capacity
from recall import diagnosis, embeddings
from recall.diagnosis import run as diagnose
from recall.diagnosis import searches, stages
from recall.runs import checkpoints, sources

RESULTS = pathlib.Path(__file__).parents[2] / "results"


def found(rows):
    """The findings of rows, by name."""
    return {finding.name: finding for finding in diagnosis.findings(rows)}


def serious(rows):
    """The names of serious findings."""
    return {name for name, finding in found(rows).items() if finding.serious}


def ran(*some):
    """The rows of a cell of searches, as a journal would hold them."""
    told = tiny.rows_of(tiny.steps(tiny.batch(some)))
    return diagnose.joined([row | {"experiment": "linear_capacity"} for row in told])


def shared_mean(key, num, d):
    """Points around one that they share."""
    return embeddings.sphere(key, num, d) + 2.0 * (np.arange(d) == 0)[None, :]


# Planted by a run


def test_a_ceiling_that_was_stored_is_found():
    finding = found(ran(*(tiny.outer_product(8, limit=3, seed=s) for s in range(5))))
    assert list(finding) == ["censored"]
    said = finding["censored"].sentence
    assert "5 of 5 searches" in said
    assert "(3 facts)" in said
    assert "n_max" in finding["censored"].advice


def test_a_rate_that_diverges_is_found_with_its_value():
    rows = ran(tiny.linear(learning_rates=(1e38,)))
    sentence = found(rows)["diverged"].sentence
    assert "learning rate = 1e+38" in sentence


def test_embeddings_that_overlap_are_found(monkeypatch):
    monkeypatch.setitem(embeddings.SAMPLERS, "shared_mean", shared_mean)
    kind = {"embedding": "shared_mean"}
    rows = ran(*(tiny.outer_product(32, seed=s, **kind) for s in range(5)))
    finding = found([*rows, *diagnose.looks(rows)])
    assert list(finding) == ["coherent_embeddings"]
    assert "for 0.177 of random points" in finding["coherent_embeddings"].sentence


def test_a_run_cut_in_its_plateau_hallucinates():
    lane = dataclasses.replace(SMALL, learning_rate=0.13)
    finding = found(rows_of(lane))
    assert list(finding) == ["cut_short", "hallucinates", "few_seeds"]
    assert "S / R = 2" in finding["hallucinates"].sentence
    assert "after 256 steps" in finding["cut_short"].sentence


def test_heads_of_an_untrained_model_look_at_noise():
    one = tiny.transformer(strategy=tiny.SINGLE, expected=4)
    problem = one.problem(one.own_shape())
    rows = diagnose.heads(checkpoints.Model(one, problem, problem.initial), 0.25)
    shares = [
        sum(r[f"to_{t}"] for t in ("subject", "relation", "noise", "end")) for r in rows
    ]
    np.testing.assert_allclose(shares, 1.0, rtol=1e-5)
    assert [row["head"] for row in rows] == [0, 1]
    assert "soft_attention" in found(rows)


def test_searches_that_a_config_plans_and_no_row_ends_are_unfinished():
    config = linear_capacity.get_config("quick")
    config.memories, config.d, config.constructed_seeds = (
        ("outer_product",),
        (8,),
        (0, 1),
    )
    planned = diagnose.planned(config.to_dict())
    rows = [{"kind": "capacity", "search": row["search"]} for row in planned]
    assert searches.unfinished([*planned, *rows]) is None
    other = [{"kind": "capacity", "search": "of other code"}]
    assert searches.unfinished([*planned, *other]) is None
    finding = searches.unfinished([*planned, *rows[1:]])
    assert finding is not None
    assert "1 of 4 searches" in finding.sentence


# Planted in rows


def head(**fields):
    shares = {"to_subject": 0.1, "to_relation": 0.1, "to_noise": 0.1, "to_end": 0.7}
    return {"kind": "head", "accuracy": 0.9, "threshold": 1.0} | shares | fields


def construction(**fields):
    """A probe of a constructed transformer at its claim."""
    row = {"kind": "probe", "search": "a", "construction": "plain", "subjects": 16}
    row |= {"relations": 16, "claim": 64, "size": 64, "d": 64, "heads": 8}
    row |= {"keys": "widest", "length": 256, "sharpness": 60.0, "beta": 60.0}
    return row | {"accuracy": 0.5, "stored": False} | fields


def single(**fields):
    """A training of a transformer that spent its budget below its threshold."""
    return probe(0.5, **{"ended": "budget", "accuracy": 0.4, "steps": 100} | fields)


def trace(step, accuracy):
    row = {"kind": "trace", "search": "a", "seed": 0, "threshold": 1.0}
    return row | {"steps": step, "accuracy": accuracy, "finite": True}


def run(**fields):
    """A run that learned its facts in time."""
    ended = {"loss": 0.1, "entropy": 2.08, "num_steps": 1000}
    return stage_rows.run(**ended | fields)


def seeds(values, **fields):
    return [search(value, seed=s, **fields) for s, value in enumerate(values)]


PLANTED = {
    "few_seeds": (seeds([1000, 1010], threshold=1.0), "1 of 1 settings"),
    "lenient_threshold": (seeds([1000] * 5), "1 of 1 capacities count 99 %"),
    "below_theory": (seeds([90] * 5, threshold=1.0), "less than 0.7"),
    "changed_code": (seeds([1000] * 5, threshold=1.0, git_dirty=True), "5 of 5 rows"),
    "still_rising": ([single(accuracy=0.5)], "to 0.500 at best, within 100 steps"),
    "enough_parameters": ([single(n=100)], "at most 0.0"),
    "hermite_degree": (
        [
            *seeds([200] * 5, memory="hermite", trained=False, degree=1, threshold=1.0),
            *seeds([20] * 5, memory="hermite", trained=False, degree=3, threshold=1.0),
        ],
        "degree 3 stores 20 facts and degree 1 200",
    ),
    "shared_outputs": (
        seeds([60] * 5, memory="outer_product", trained=False, num_outputs=32, m=None),
        "60 facts at d = 32",
    ),
    "slow": (
        [run(relation_step=190.0)],
        "relations after 190 steps, where theory at learning rate 0.1",
    ),
    "no_stage": (
        [run(optimizer="adam", plateau_start_step=None)],
        "optimizer = adam",
    ),
    "mixed_heads": ([construction(accuracy=0.9375)], "near 1 - 1/(2 H) = 0.938"),
    "soft_attention": ([head(to_noise=0.7)], "70%"),
    "blunt_softmax": (
        [construction(sharpness=5.0, beta=5.0), construction(stored=True)],
        "fail at sharpness 5",
    ),
    "narrow_vocabulary": (
        [construction(keys="least_squares", d=32)],
        "their 65 tokens",
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_failure_is_found_by_name_with_its_numbers(name):
    rows, words = PLANTED[name]
    assert words in found(rows)[name].sentence
    assert serious(rows) <= {name}


def test_heads_that_mix_are_found_in_models_that_fail_only():
    mixed = {"to_subject": 0.4, "to_relation": 0.4, "to_end": 0.1}
    assert "mixed_heads" in found([head(**mixed)])
    assert not found([head(**mixed, accuracy=1.0)])


def test_a_single_training_at_its_size_has_no_ceiling():
    one = search(64, seed=0, method="single", censored=True)
    assert "censored" not in found([one])
    assert "censored" in found([one | {"method": "grow"}])


def test_a_trace_that_still_climbs_is_found_and_a_flat_one_is_not():
    climbing = [trace(step, step / 1000) for step in range(0, 500, 10)]
    assert "still_rising" in found(climbing)
    assert "still_rising" not in found([trace(s, 0.9) for s in range(0, 500, 10)])


def test_a_search_whose_probes_came_without_its_end_is_unfinished():
    rows = [search(64, search="a"), probe(1.0, search="b"), probe(1.0, search="a")]
    assert "1 of 2 searches" in found(rows)["unfinished"].sentence


def test_rates_of_stages_say_how_much_faster_relations_are():
    sentence = found([run(facts_step=None, loss=2.0)])["hallucinates"].sentence
    rate_rel, rate_sub = (
        (1 - 1 / 4) ** 0.5 / (4 * 8**0.5),
        (1 - 1 / 8) ** 0.5 / (16 * 2),
    )
    assert f"{rate_rel / rate_sub:.1f} times as fast" in sentence
    assert stages.hallucinates([run()]) is None


def test_settings_are_told_apart_by_what_stands_before_kind():
    setting = {"memory": "linear", "mode": "frozen", "facts": 64, "num_outputs": 32}
    rows = [
        setting | {"mode": mode, "seed": seed, "kind": "run", "search": mode, "d": seed}
        for mode in ("frozen", "learned")
        for seed in range(5)
    ]
    assert searches.few_seeds(rows) is None
    finding = searches.few_seeds(diagnose.joined(rows[:-1]))
    assert finding is not None
    assert "1 of 2 settings" in finding.sentence


def test_rows_that_do_not_say_whether_code_was_changed_are_not_counted():
    dirty = seeds([1000] * 5, git_dirty=True)
    finding = searches.changed_code([*dirty, probe(1.0), {"kind": "embedding"}])
    assert finding is not None
    assert "5 of 5 rows" in finding.sentence


def test_a_single_training_that_left_its_model_has_ended():
    rows = [search(64, search="a"), probe(1.0, search="b")]
    model = {"kind": "model", "method": "single", "search": "b"}
    assert searches.unfinished(rows) is not None
    assert searches.unfinished([*rows, model]) is None


# Committed rows


def of_every_kind(rows, most=40):
    """Some rows of each kind and method, first and last ones."""
    kinds = {}
    for row in rows:
        kinds.setdefault((row.get("kind"), row.get("method")), []).append(row)
    return [row for own in kinds.values() for row in [*own[:most], *own[most:][-most:]]]


COLUMNS = dict.fromkeys(
    name
    for path in sources.paths(RESULTS)
    for name in path.read_text().splitlines()[0].split(",")
)


@pytest.mark.parametrize("name", [path.stem for path in sources.paths(RESULTS)])
def test_signatures_read_rows_of_every_experiment(name):
    source = sources.committed(RESULTS / f"{name}.csv")
    rows = diagnose.joined(of_every_kind(source.rows))
    filled = [COLUMNS | dict(row) for row in rows]  # as in a table of all experiments
    assert serious(filled) == serious(rows)


@pytest.mark.parametrize("name", ["learned_embeddings", "atlas", "stage_ratio"])
def test_settings_of_committed_rows_have_their_seeds(name):
    source = sources.committed(RESULTS / f"{name}.csv")
    assert searches.few_seeds(diagnose.joined(source.rows)) is None


# Healthy rows


@pytest.mark.parametrize(
    "name", ["separability", "mlp_activation", "sequential_learning", "memory_weights"]
)
def test_healthy_results_show_no_failure(name):
    source = sources.committed(RESULTS / f"{name}.csv")
    rows = [*diagnose.joined(source.rows), *diagnose.added(source)]
    assert not [f for f in diagnosis.findings(rows) if f.serious]


def test_every_signature_is_planted_here():
    run = {"unfinished", "diverged", "censored", "coherent_embeddings", "cut_short"}
    named = {signature.__name__ for signature in diagnosis.SIGNATURES}
    assert named == PLANTED.keys() | run | {"hallucinates"}


def test_the_documents_list_every_signature():
    told = (RESULTS.parent / "docs" / "looking.md").read_text()
    names = re.findall(r"^\| `(\w+)` \|", told, re.MULTILINE)
    assert sorted(names) == sorted(s.__name__ for s in diagnosis.SIGNATURES)


def test_random_embeddings_look_random():
    for kind in ("sphere", "gaussian"):
        row = diagnose.look(kind, 16)
        np.testing.assert_allclose(row["rms_cosine"], 0.25, rtol=0.05)
    assert jax.numpy.isfinite(diagnose.look("orthonormal_blocks", 8)["mean_cosine"])


def test_the_report_names_what_it_found(tmp_path, capsys):
    source = sources.Source(
        "x", seeds([1000, 1010]), [], None, "runs/x", "runs/x", True
    )
    diagnose.show(source, diagnosis.findings(source.rows), Console())
    said = capsys.readouterr().out
    assert "few_seeds" in said
    told = f"2 of {len(diagnosis.SIGNATURES)} failure signatures apply"
    assert f"{told}: 0 serious, 2 to know." in said
