"""Tables for a terminal, as tables of a page."""

import html

from rich.table import Table


def to_html(table: Table) -> str:
    """A table of `rich` as HTML: cells are escaped, and an empty label is repeated."""
    headers = "".join(
        f'<th scope="col">{_cell(str(column.header))}</th>' for column in table.columns
    )
    cells = [[str(cell) for cell in column.cells] for column in table.columns]
    caption = html.escape(str(table.title or ""))
    note = f'<p class="note">{html.escape(str(table.caption or ""))}</p>'
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{caption}">'
        f'<table class="said"><caption>{caption}</caption><thead><tr>{headers}</tr>'
        f"</thead><tbody>{''.join(_lines(cells))}</tbody></table></div>{note}"
    )


def _lines(cells: list[list[str]]) -> list[str]:
    """Rows of a table; a label that stands for several is written on each."""
    lines, label = [], ""
    for row in zip(*cells, strict=True):
        again = ' class="again"' if not row[0] else ""
        label = row[0] or label
        rest = "".join(f"<td>{_cell(cell)}</td>" for cell in row[1:])
        lines.append(f'<tr><th scope="row"{again}>{_cell(label)}</th>{rest}</tr>')
    return lines


def _cell(text: str) -> str:
    return html.escape(text).replace("\n", "<br>")
