"""Tables say what the rows say, also in 100 columns and without a terminal."""

import io

import pytest
from capacity_rows import search
from rich.console import Console

from recall import report, theory


def seeds(capacities, **fields):
    """One row a seed."""
    return [search(c, seed=s, **fields) for s, c in enumerate(capacities)]


def printed(what, width=100):
    """The text of a table, its lines without trailing blanks."""
    console = Console(file=io.StringIO(), width=width)
    console.print(what)
    return console.file.getvalue()  # pyright: ignore[reportAttributeAccessIssue]


def cells(text, start):
    """The words of the first line that starts with a memory."""
    lines = [line for line in text.splitlines() if line.strip().startswith(start)]
    return lines[0].split()


def test_capacity_row_is_computed_by_hand():
    # C = 2048 / (400 ln 400) = .855; 400 facts in 4096 weights; log2 400 = 8.644 bits.
    table = report.capacity_table(seeds([390, 400, 430]))
    line = cells(printed(table), "trained MLP")
    expected = "trained MLP 32 64 99 % 400 [390, 430] 3 0.855 0.350 0.0977 0.844"
    assert " ".join(line) == expected


def test_censored_diverged_and_single_seeds_are_marked():
    table = report.capacity_table(
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
    table = report.capacity_table(seeds([1000, 1024, 1050], num_outputs=32))
    line = cells(printed(table), "trained MLP")
    # C = 2048 / 1024; 5 bits a fact in 4096 weights.
    assert line[-4:] == ["2.00", "1.20", "0.250", "1.25"]


def test_law_table_finds_the_constant_and_the_guide_beside_it():
    table = []
    for d in (16, 32, 64):
        n = round(float(theory.facts_at(2 * d * d, 0.30)))
        table += seeds([n - 1, n, n + 1], d=d, m=2 * d)
    table += seeds([9999], d=128, m=256, censored=True)
    line = cells(printed(report.law_table(table)), "trained MLP")
    assert line[2:6] == ["99", "%", "3", "+1"]
    assert line[6] in ("0.300", "0.301")
    assert line[9:11] == ["0.350", "(guide)"]


def test_a_law_without_an_interval_or_a_guide_says_so():
    text = printed(report.law_table(seeds([30], trained=False)))
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
    report.print_report(table, Console(file=file) if given else None)
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
    report.print_report([search(3, kind="probe")], Console(file=file))
    assert file.getvalue() == "mlp_capacity: no finished searches.\n"
