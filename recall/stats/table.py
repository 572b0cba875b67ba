"""A table of cells, for a terminal, a document and a page."""

import html
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import rich.table
from rich import box
from rich.text import Text

WIDTH = 100  # columns of a terminal that tables are made for
LEAST_LABEL = 10


class Table(NamedTuple):
    r"""Cells under columns, with a title above and a caption below.

    A row whose first cell is empty continues the group of the row above it: a terminal
    sets groups apart, documents and pages repeat the group's label.

    Attributes:
        title: the heading; "" for none.
        columns: names; "\n" breaks one in a terminal.
        rows: the cells of each line; "\n" breaks one.
        caption: the sentences below; "" for none.
        num_labels: the first columns that hold words; the others hold numbers.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""
    num_labels: int = 1

    def rich(self) -> rich.table.Table:
        """Returns the table for a terminal: words may wrap, numbers stay whole."""
        made = rich.table.Table(
            title=self.title or None,
            caption=Text(self.caption) if self.caption else None,
            title_justify="left",
            caption_justify="left",
            box=box.SIMPLE_HEAD,
            padding=0,
            collapse_padding=True,
            pad_edge=False,
            show_lines=self.num_labels == len(self.columns),  # wrapped words run on
        )
        for place, name in enumerate(self.columns):
            is_number = place >= self.num_labels
            made.add_column(
                Text(name),
                justify="right" if is_number else "left",
                no_wrap=is_number and self._is_narrow,
                overflow="fold",
            )
        grouped = not all(row[0] for row in self.rows)
        for row in self.rows:
            if grouped and row[0]:
                made.add_section()
            made.add_row(*map(Text, row))  # brackets of intervals are no markup
        return made

    def markdown(self) -> str:
        """Returns the table for a document, between its title and its caption."""
        lines = [_line([name.replace("\n", " ") for name in self.columns])]
        lines += ["|---" * len(self.columns) + "|"]
        lines += [_line([c.replace("\n", "; ") for c in r]) for r in self._labelled()]
        title = f"**{self.title}**" if self.title else ""
        return "\n\n".join(filter(None, (title, "\n".join(lines), self.caption)))

    def html(self) -> str:
        """Returns the table for a page, its caption as a note below."""
        title = html.escape(self.title)
        head = "".join(
            f'<th scope="col">{_escaped(name)}</th>' for name in self.columns
        )
        body = ""
        for row, (label, *cells) in zip(self.rows, self._labelled(), strict=True):
            again = "" if row[0] else ' class="again"'
            body += f'<tr><th scope="row"{again}>{_escaped(label)}</th>'
            body += "".join(f"<td>{_escaped(cell)}</td>" for cell in cells) + "</tr>"
        return (
            f'<div class="wide" tabindex="0" role="region" aria-label="{title}">'
            f'<table class="said"><caption>{title}</caption><thead><tr>{head}</tr>'
            f"</thead><tbody>{body}</tbody></table></div>"
            f'<p class="note">{html.escape(self.caption)}</p>'
        )

    @property
    def _is_narrow(self) -> bool:
        """Tells whether numbers leave room for labels, so that none need to wrap."""
        widths = [
            max(len(line) for cell in column for line in cell.split("\n"))
            for column in zip(self.columns, *self.rows, strict=True)
        ]
        labels = min(sum(widths[: self.num_labels]), LEAST_LABEL * self.num_labels)
        return labels + sum(widths[self.num_labels :]) + len(widths) < WIDTH

    def _labelled(self) -> Iterator[list[str]]:
        """Yields the rows, with the labels of their groups on each."""
        label = ""
        for row in self.rows:
            label = row[0] or label
            yield [label, *row[1:]]


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def _escaped(text: str) -> str:
    return html.escape(text).replace("\n", "<br>")
