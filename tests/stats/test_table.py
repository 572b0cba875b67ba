"""One table for a terminal, a document and a page."""

import io

import pytest
from rich.console import Console

from recall.stats.table import Table

GROUPS = Table(
    "Title",
    ("memory", "a\nb", "facts [range]"),
    [("p(a | r)", "1", "20 [1, 300]"), ("", "2", "<3"), ("<b>", "4\n5", "[red]6")],
    "A caption [95 %] of <b>.",
)


def printed(table, width=100):
    file = io.StringIO()
    Console(file=file, width=width).print(table.rich())
    return [line.rstrip() for line in file.getvalue().splitlines()]


def test_a_document_escapes_bars_repeats_labels_and_breaks_no_line():
    assert GROUPS.markdown() == (
        "**Title**\n\n"
        "| memory | a b | facts [range] |\n"
        "|---|---|---|\n"
        "| p(a \\| r) | 1 | 20 [1, 300] |\n"
        "| p(a \\| r) | 2 | <3 |\n"
        "| <b> | 4; 5 | [red]6 |\n\n"
        "A caption [95 %] of <b>."
    )


def test_a_document_has_no_title_or_caption_where_there_is_none():
    assert Table("", ("a",), [("1",)]).markdown() == "| a |\n|---|\n| 1 |"


def test_a_page_escapes_cells_and_marks_a_label_that_it_repeats():
    text = GROUPS._replace(title="<i>").html()
    assert "<b>" not in text
    assert "<i>" not in text
    assert '<th scope="col">a<br>b</th>' in text
    assert '<tr><th scope="row">p(a | r)</th><td>1</td>' in text
    assert '<tr><th scope="row" class="again">p(a | r)</th><td>2</td>' in text
    assert '<p class="note">A caption [95 %] of &lt;b&gt;.</p>' in text


def test_a_terminal_sets_numbers_right_groups_apart_and_reads_no_markup():
    lines = printed(GROUPS)
    assert [*lines[:4], *lines[5:]] == [  # the fifth is a rule
        *("Title", ""),
        "          a",
        " memory   b facts [range]",
        " p(a | r) 1   20 [1, 300]",
        "          2            <3",
        "",
        " <b>      4        [red]6",
        "          5",
        "",
        "A caption [95 %] of <b>.",
    ]


@pytest.mark.parametrize("label", ["a", 60 * "long "])
def test_labels_wrap_before_numbers_do(label):
    numbers = [f"{n:,} [{n - 5:,}, {n + 5:,}]" for n in (12_345, 67_890)]
    made = Table("", ("memory", "facts", "weights"), [(label, *numbers)])
    lines = printed(made)
    assert max(map(len, lines)) <= 100
    assert any(all(number in line for number in numbers) for line in lines)


def test_numbers_wrap_rather_than_be_cut_where_there_are_too_many():
    cells = [f"{n} [{n}{n}{n}, {n}{n}{n}]" for n in range(100, 108)]
    lines = printed(Table("", ("memory", *map(str, range(8))), [("a", *cells)]))
    assert max(map(len, lines)) <= 100
    assert "…" not in "".join(lines)
    assert " a " in "".join(lines)


def test_words_alone_have_a_blank_line_between_rows():
    made = Table("", ("id", "words"), [("1", "x"), ("2", "y")], num_labels=2)
    assert printed(made)[3:6] == [" 1  x", "", " 2  y"]
