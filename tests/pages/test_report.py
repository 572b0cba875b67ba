"""Tables say what the rows say, also in 100 columns and without a terminal."""

import io

import numpy as np
import pytest
from capacity_rows import model, probe, search, transformer
from rich.console import Console

from recall.experiments.transformer_capacity import summary as tradeoffs
from recall.experiments.transformer_capacity import table as report_recall
from recall.pages import terminal
from recall.stats import capacity_table
from recall.theory import laws


def seeds(capacities, **fields):
    """One row a seed."""
    return [search(c, seed=s, **fields) for s, c in enumerate(capacities)]


def printed(what, width=100):
    """The text of a table, its lines without trailing blanks."""
    console = Console(file=io.StringIO(), width=width)
    console.print(what.rich())
    return console.file.getvalue()  # pyright: ignore[reportAttributeAccessIssue]


def cells(text, start):
    """The words of the first line that starts with a memory."""
    lines = [line for line in text.splitlines() if line.strip().startswith(start)]
    return lines[0].split()


def test_capacity_row_is_computed_by_hand():
    # C = 2048 / (400 ln 400) = .855; 400 facts in 4096 weights; log2 400 = 8.644 bits.
    table = capacity_table.capacity_table(seeds([390, 400, 430]))
    line = cells(printed(table), "trained MLP")
    expected = "trained MLP 32 64 99 % 400 [390, 430] 3 0.855 0.350 0.0977 0.844"
    assert " ".join(line) == expected


def test_censored_diverged_and_single_seeds_are_marked():
    table = capacity_table.capacity_table(
        [
            *seeds([64, 64, 64], censored=True, activation="a"),
            *seeds([5, 6, 7], finite=False, activation="b"),
            *seeds([30], activation="c"),
            *seeds([10, 20, 30], activation="d")[:2],
            search(64, seed=7, censored=True, activation="d"),
        ]
    )
    lines = {a: cells(printed(table), f"trained MLP, {a}")[7:] for a in "abcd"}
    assert lines["a"] == [">=", "64", "3", "+3", "<7.69", "0.350", ">0.0156", ">0.0938"]
    assert lines["b"] == ["diverged", "3", "!3", "-", "0.350", "-", "-"]
    assert lines["c"][:2] == ["30", "1"]
    assert lines["d"][:6] == ["20", "[10,", ">=", "64]", "3", "+1"]


def test_fixed_outputs_have_no_logarithm():
    table = capacity_table.capacity_table(seeds([1000, 1024, 1050], num_outputs=32))
    line = cells(printed(table), "trained MLP")
    # C = 2048 / 1024; 5 bits a fact in 4096 weights.
    assert line[-4:] == ["2.00", "1.20", "0.250", "1.25"]


def test_a_caption_says_what_the_intervals_are():
    words = " ".join(
        printed(capacity_table.capacity_table(seeds([390, 400, 430]))).split()
    )
    assert "interval of order statistics; the range, below 6 seeds" in words


def test_law_table_finds_the_constant_and_the_guide_beside_it():
    table = []
    for d in (16, 32, 64):
        n = round(float(laws.facts_at(2 * d * d, 0.30)))
        table += seeds([n - 1, n, n + 1], d=d, m=2 * d)
    table += seeds([9999], d=128, m=256, censored=True)
    line = cells(printed(capacity_table.law_table(table)), "trained MLP")
    assert line[2:6] == ["99", "%", "3", "+1"]
    assert line[6] in ("0.300", "0.301")
    assert line[9:11] == ["0.350", "(guide)"]


def test_a_law_without_an_interval_or_a_guide_says_so():
    text = printed(capacity_table.law_table(seeds([30], trained=False)))
    line = cells(text, "MLP")
    assert line[4:7] == ["20.1", "-", "(none)"]  # 2048 / (30 ln 30)


@pytest.mark.parametrize("given", [True, False])
def test_report_without_a_terminal_is_100_columns_and_cuts_nothing(given, capsys):
    table = [
        *seeds([12_345, 12_400, 12_500], activation="squared_relu", recipe="cosine"),
        *seeds([80_000], recipe="published", m=1024, d=1024),
        *seeds([345], experiment="linear_capacity", memory="linear", m=None),
    ]
    file = io.StringIO()
    terminal.print_report(table, Console(file=file) if given else None)
    text = file.getvalue() if given else capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 100
    assert "…" not in text
    for part in (
        "12,400 [12,345, 12,500]",
        "squared_relu",
        "80,000",
        "linear_capacity",
    ):
        assert part in text
    assert "method bisect" in text


def test_report_of_nothing():
    file = io.StringIO()
    terminal.print_report([search(3, kind="probe")], Console(file=file))
    assert file.getvalue() == "mlp_capacity: no finished searches.\n"


# Transformers


def test_capacity_of_a_transformer_is_computed_by_hand():
    # 4 x 8 x 2 x 16 + 2 x 16 x 16 = 1,536 weights, .15 facts and 3 bits a fact each.
    table = [transformer(n, seed=seed) for seed, n in enumerate((220, 230, 240))]
    line = cells(printed(capacity_table.capacity_table(table)), "trained transformer")
    assert " ".join(line).endswith("16 16 99 % 230 [220, 240] 3 6.68 6.67 0.150 0.449")
    below = (
        printed(capacity_table.capacity_table(table)).split("6.67")[1].splitlines()[1]
    )
    assert below.split()[-1] == "8x2"


GRID = {
    (2, 8): (0.5, 0.7, 0.6),
    (2, 16): (0.9, 1.0, 1.0),
    (4, 8): (0.75, 0.75, 0.95),
    (4, 16): (1.0, 1.0, 0.2),
    (10, 8): (0.98, 0.98),
    (10, 16): (1.0,),
}


def grid_rows(accuracies):
    return [
        probe(accuracy, heads=heads, m=m, seed=seed)
        for (heads, m), seeds in accuracies.items()
        for seed, accuracy in enumerate(seeds)
    ]


def test_a_grid_is_a_table_of_medians_with_the_line_below():
    text = printed(report_recall.grid_table(grid_rows(GRID)))
    words = " ".join(text.split())  # a narrow table breaks its caption
    assert "Best accuracy at 1,024 facts (medians over seeds)" in words
    assert cells(text, "H")[:4] == ["H", "\\", "m", "8"]
    for heads, accuracies in (
        ("2", ["0.600", "1.000"]),
        ("4", ["0.750", "1.000"]),
        ("10", ["0.980", "1.000"]),
    ):
        assert cells(text, f"{heads} ") == [heads, *accuracies]
    assert "99% needs attention of at least 512; line through 3 crossings: " in words


def test_a_cell_that_was_not_trained_says_nan():
    table = grid_rows({key: value for key, value in GRID.items() if key != (4, 8)})
    assert cells(printed(report_recall.grid_table(table)), "4 ") == [
        "4",
        "nan",
        "1.000",
    ]


@pytest.mark.parametrize(
    ("cut", "said"),
    [
        (1.0, "99% needs attention of at least 512; line through 3 crossings: MLP = "),
        (0.999, "99% needs attention of at least 512; line through 3 crossings: "),
        (0.98, "No cell reaches 99%."),
    ],
)
def test_a_line_in_words(cut, said):
    rows = [
        row | {"best_accuracy": min(cut, row["best_accuracy"])} for row in GRID_ROWS
    ]
    assert report_recall.describe(tradeoffs.line(tradeoffs.grid(rows))).startswith(said)


GRID_ROWS = grid_rows(GRID)


def test_too_few_crossings_in_words():
    rows = [row for row in GRID_ROWS if row["heads"] != 4]
    said = report_recall.describe(tradeoffs.line(tradeoffs.grid(rows)))
    assert said == (
        "99% needs attention of at least 512; too few crossings for a line."
    )


def test_the_slope_of_a_line_has_its_sign():
    three = np.array([1.0, 2.0, 3.0])
    line = tradeoffs.Line(0.99, three, three, 2300.4, -0.5, 1280)
    assert report_recall.describe(line) == (
        "99% needs attention of at least 1,280; line through 3 crossings: MLP = 2300 "
        "-0.50 attention (weights of one matrix)."
    )


def test_trained_transformers_are_listed_by_seed():
    rows = [
        model(seed=10, loss=None, accuracy=0.01, worst_accuracy=0.0, finite=False),
        model(seed=2, loss=0.04321, accuracy=0.99996, worst_accuracy=0.9, steps=12_800),
        *[row | {"kind": "probe"} for row in (model(seed=3), model(seed=4))],
    ]
    (made,) = report_recall.train_tables(rows)
    text = printed(made)
    (two, ten) = (cells(text, start) for start in ("2 ", "10 "))
    assert two == ["2", "100", "1,536", "12,800", "0.0432", "1.0000", "0.9000"]
    assert ten == ["10", "100", "1,536", "1,024", "diverged", "0.0100", "0.0000"]
    assert text.index(" 2 ") < text.index(" 10 ")
    assert not [line for line in text.splitlines() if line.split()[:1] == ["3"]]


def test_a_report_has_the_tables_of_each_experiment_and_cuts_nothing():
    units = (1, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128)
    found = [probe(0.875, heads=heads, m=m) for heads in (1, 32) for m in units]
    ended = [
        row | {"kind": "capacity", "capacity": 0, "num_probes": 1} for row in found
    ]
    trained = [transformer(100, experiment="recall_train"), model()]
    file = io.StringIO()
    terminal.print_report([*found, *ended, *trained], Console(file=file))
    text = file.getvalue()
    assert max(map(len, text.splitlines())) <= 100
    assert "…" not in text
    assert "tradeoff: " in text
    assert text.count("0.875") == 2 * len(units)
    assert "No cell reaches 99%." in text
    assert "26 searches, 26 probes" in text
    assert "Trained transformers" in text
    assert "Facts stored" not in text


def test_bits_of_a_world_of_as_many_answers_as_subjects_count_those_of_a_relation():
    one = transformer(144, world="D=S", num_outputs=None)
    cell = cells(printed(capacity_table.capacity_table([one])), "trained transformer")[
        -1
    ]
    assert float(cell) == pytest.approx(144 * np.log2(12) / one["parameters"], rel=0.01)
