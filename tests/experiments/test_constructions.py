"""The experiment on constructed transformers: what it asks, finds and refuses."""

import dataclasses
import io
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from configs import constructions as config_file
from recall import experiments
from recall.experiments.constructions import summary as built
from recall.experiments.constructions import table as report_constructions
from recall.pages import terminal
from recall.runs import planning
from recall.theory import widths

TINY = (3, 3, 2)
ATTENTION = (("plain", *TINY, 200), ("decorrelated", *TINY, 6), ("fitted", *TINY, 12))
MLP = (("fitted_gates", *TINY, 8, 3), ("product_duals", *TINY, 8, 200))


def config(**changes):
    made = config_file.get_config("quick")
    made.lock()
    made.update_from_flattened_dict(changes)
    return made


def jobs(**changes) -> list[Any]:
    return list(planning.plan_of(config(**changes)).batches)


def lane(entry=ATTENTION[1], **changes):
    few: dict[str, Any] = {
        "seeds": (0,),
        "ladder": (0.5,),
        "contexts": 2,
        "lengths": (8, 16),
    }
    kind: dict[str, Any] = {"attention": (entry,), "mlp": ()}
    (job,) = jobs(**kind | few | {"head_size": 2} | changes)
    return job


@pytest.fixture(scope="module")
def searched():
    """All rows of one search for a width."""
    job = lane(ratios=(1.0, 2.0, 4.0), attention=(("decorrelated", *TINY, 24),))
    rows = [row for batch in job.measure(job.lanes) for row in batch]
    return job, [row | {"experiment": "constructions"} for row in rows]


def test_a_search_starts_where_it_is_claimed_and_ends_at_the_smallest(searched):
    job, rows = searched
    probes = [row for row in rows if row["kind"] == "probe"]
    asked = [row["size"] for row in probes if row["beta"] == 60.0]
    assert job.lanes[0].sizes == (8, 12, 24)
    assert asked[:2] == [24, 24]  # both lengths
    (end,) = [row for row in rows if row["kind"] == "run"]
    stored = {row["size"] for row in probes if row["beta"] == 60 and row["stored"]}
    assert end["size"] == end["d"] == min(stored)
    assert end["stored"]
    keys = [row["key"] for row in rows]
    assert len(set(keys)) == len(keys)


def test_a_row_counts_all_weights_and_those_of_slim_keys(searched):
    (end,) = [row for row in searched[1] if row["kind"] == "run"]
    assert (end["heads"], end["head_dim"], end["m"]) == (4, 2, 0)
    assert end["parameters"] == 4 * 4 * 2 * end["d"]
    assert end["slim_parameters"] == 2 * 4 * 2 * end["d"] + 2 * 4 * end["d"]
    assert end["facts_per_parameter"] == 9 / end["parameters"]
    assert end["n"] == 9


def test_sharpness_that_is_too_low_is_told(searched):
    blurred = [row for row in searched[1] if row.get("beta") == 0.5]
    assert [row["length"] for row in blurred] == [8, 16]
    assert not all(row["stored"] for row in blurred)
    assert all(row["accuracy"] >= row["worst_accuracy"] for row in blurred)


def test_finished_lanes_are_not_run_again(searched):
    job, _ = searched
    assert list(job.run([], {job.lanes[0].digest()})) == []


def test_an_mlp_is_built_and_asked():
    job = lane(attention=(), mlp=(MLP[0],), gates=(3,), ladder=(60.0,), lengths=(8,))
    rows = [row for batch in job.measure(job.lanes) for row in batch]
    assert rows[0]["fit"] == "stored"
    assert rows[-1]["m"] == 3 * 9
    assert (
        rows[-1]["parameters"]
        == 4 * 4 * 2 * 8 + 2 * 27 * 8
        == job.about().parameters[0]
    )


def test_where_nothing_is_enough_there_is_no_size():
    job = lane(("plain", *TINY, 4), ratios=(0.02,), head_size=1, lengths=(8,))
    rows = [row for batch in job.measure(job.lanes) for row in batch]
    assert rows[-1]["kind"] == "run"
    assert not rows[-1]["stored"]
    (found,) = built.summaries(rows)
    assert (found.claim_stored, found.seeds, found.rows) == (0, 1, [])
    assert "none" in report_constructions.tables(rows)[0].rows[0]


# What rows add up to


def end(construction="plain", world=(16, 16, 8), width=None, **fields):
    S, R, D = world
    told = {"search": f"{construction}{world}{fields.get('seed', 0)}", "n": S * R}
    told |= {"kind": "run", "construction": construction, "width": width, "d": 64}
    told |= {"subjects": S, "relations": R, "answers": D, "stored": True, "m": 0}
    told |= {"size": 64, "claim": 64, "sharpness": 60.0, "parameters": 4096}
    told |= {"facts_per_parameter": 0.0625, "facts_per_slim_parameter": 0.1}
    told |= {"sharpness_32": 7.0, "sharpness_256": 14.0, "experiment": "constructions"}
    return told | fields


def many():
    rows = [end(seed=s, size=d, d=d) for s, d in enumerate((40, 64, 48))]
    rows += [
        row | {"kind": "probe", "size": 64, "beta": 60.0, "stored": row["seed"] != 1}
        for row in rows
    ]
    rows += [end("fitted", (64, 16, 8), facts_per_parameter=0.02)]
    return [*rows, end("fitted_gates", width=32, size=3, m=99, d=32)]


def test_a_summary_is_a_median_over_seeds_and_a_count_of_claims_met():
    fitted, gates, plain = built.summaries(many())
    assert plain.spread("size") == (48, 40, 64)
    assert (plain.seeds, plain.claim_stored) == (3, 2)
    assert (fitted.world, fitted.claim_stored) == ((64, 16, 8), 0)
    assert gates.width == 32


def test_the_table_says_so():
    file = io.StringIO()
    terminal.print_report(many(), Console(file=file, width=110))
    line = next(x for x in file.getvalue().splitlines() if " plain " in f" {x} ")
    for part in ("16, 16, 8", "2 of 3", "48 [40, 64]", "4,096", "0.0625", "7", "14"):
        assert part in line
    assert "fitted gates, d=32" in file.getvalue()
    assert "5 runs" in file.getvalue()


def test_the_figure_draws_every_construction_and_the_predictions():
    figure = experiments.draw("constructions", many())
    left, right = figure.axes
    names = [t.get_text() for t in figure.legends[0].get_texts()]
    assert sum("attention only" in name for name in names) == 2
    drawn: list[Any] = [line.get_ydata() for line in (*left.lines, *right.lines)]
    heights = np.concatenate(drawn).astype(float).round(4)
    for y in (48.0, round(widths.attention_only(16, 16, 8), 4), 0.0625, 0.1):
        assert y in heights
    with pytest.raises(ValueError, match="constructed transformers; got none"):
        experiments.draw("constructions", [])


@pytest.mark.parametrize(
    ("world", "expected"),
    [((16, 16, 8), 837), ((32, 32, 8), 1700), ((64, 16, 8), 970), ((64, 64, 8), 3630)],
)
def test_the_width_of_plain_codes_is_that_of_the_formula(world, expected):
    assert widths.attention_only(*world) == pytest.approx(expected, rel=2e-3)


# What is refused


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"attention": (("plane", 3, 3, 2, 9),)}, r"attention\[0\] in .*; got 'plane'"),
        ({"attention": (("plain", 3, 3, 2),)}, "5 members in attention"),
        ({"attention": (("plain", 3, 0, 2, 9),)}, r"attention\[2\], R, .*; got 0"),
        ({"attention": (("decorrelated", 3, 3, 2, 5),)}, r"d >= R D = 6 .*; got 5"),
        ({"attention": (("plain", 3, 3, 2, 4),)}, "d >= head_size.1 = 5.*got d=4"),
        ({"mlp": (("gates", 3, 3, 2, 8, 2),)}, r"mlp\[0\] in .*; got 'gates'"),
        ({"mlp": (("fitted_gates", 3, 3, 2, 8, 0),)}, r"mlp\[5\], .* >= 1; got 0"),
        ({"mlp": (("product_duals", 3, 3, 2, 8, 19),)}, "m >= 20 hidden.*got m=19"),
        ({"attention": (), "mlp": ()}, "name a construction; got none"),
        ({"head_size": 0}, "head_size to be an integer >= 1; got 0"),
        ({"head_keys.fitted": "sums"}, r"head_keys.fitted in .*; got 'sums'"),
        ({"sharpness": 0.0}, r"sharpness in \(0, inf\); got 0.0"),
        ({"ladder": (-1.0,)}, r"ladder in \(0, inf\); got -1.0"),
        ({"lengths": (2,)}, "lengths to be an integer >= 3; got 2"),
        ({"contexts": 0}, "contexts to be an integer >= 1; got 0"),
        ({"embedding": "cube"}, "embedding in .*; got 'cube'"),
        ({"ratios": ()}, "ratios to hold at least one value"),
        ({"gates": (0,)}, "gates to be an integer >= 1; got 0"),
    ],
)
def test_a_wrong_field_is_named(changes, words):
    with pytest.raises(
        ValueError, match=words.replace("head_size.1", r"head_size \+ 1")
    ):
        jobs(**changes)


def test_every_field_reaches_the_lanes():
    changes: dict[str, Any] = {
        "seeds": (4,),
        "embedding": "gaussian",
        "contexts": 3,
        "lengths": (9,),
        "sharpness": 80.0,
        "ladder": (2.0,),
        "head_size": 2,
        "head_keys.decorrelated": "sum",
    }
    own = lane(**changes).lanes[0]
    told = dataclasses.asdict(own)
    assert (own.keys, own.claim, own.sizes) == ("sum", 6, (6, 8))
    for field in ("embedding", "contexts", "lengths", "sharpness", "ladder"):
        assert told[field] == changes[field]
    assert (own.seed, own.head_size) == (4, 2)


def test_sizes_are_multiples_of_the_prediction():
    (job,) = jobs(attention=(("plain", 16, 16, 8, 1024),), mlp=(), ratios=(0.5, 1.0))
    assert job.lanes[0].sizes == (420, 836, 1024)
    with_duals, with_gates = sorted(
        jobs(attention=(), mlp=MLP, units=(40, 80), gates=(2,)),
        key=lambda job: job.about().title,
        reverse=True,
    )
    assert with_duals.lanes[0].sizes == (40, 80, 200)
    assert with_gates.lanes[0].sizes == (2, 3)
