"""One self-contained page: figures, and tables that sort by their headers."""

import collections
import html
import importlib.resources
import string
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from recall.pages import sections
from recall.runs import sources


class Part(NamedTuple):
    """A section of a page.

    Attributes:
        name: its id.
        words: the text of a link to it.
        text: HTML.
        counts: rows of each kind; None where the section is no experiment's.
    """

    name: str
    words: str
    text: str
    counts: Mapping[str, int] | None


def part(source: sources.Source) -> Part:
    """Returns the section of one experiment: claim, figure, tables, sources."""
    # A name may come from a damaged or foreign row: no id holds but letters.
    name = "".join(c if c.isalnum() else "_" for c in source.experiment)
    kinds = (row["kind"] for row in source.rows)
    return Part(
        name,
        sections.words(source),
        sections.text(source),
        collections.Counter(kind for kind in kinds if kind in sections.KINDS),
    )


def part_of(path: Path) -> Part:
    """Returns the section of a table of committed rows."""
    return part(sources.committed(path))


def claims() -> Part:
    """Returns the section of all claims, decided by committed rows."""
    from recall.pages import claims as report_claims

    tables = sources.tables()
    counts = html.escape(report_claims.counts(tables))
    text = f"<h2>Claims</h2>\n<p>{counts}</p>\n{report_claims.table(tables).html()}"
    return Part("claims", "Claims", text, None)


def page(parts: Iterable[Part], title: str) -> str:
    """Returns the page of these sections, with links to them."""
    parts = list(parts)
    return string.Template(_file("page.html")).substitute(
        title=html.escape(title),
        summary=html.escape(_summary(parts)),
        links="".join(f'<li><a href="#{p.name}">{p.words}</a></li>' for p in parts),
        sections="\n".join(f'<section id="{p.name}">{p.text}</section>' for p in parts),
        style=_file("page.css"),
        script=_file("table.js"),
    )


def _summary(parts: Iterable[Part]) -> str:
    """Counts experiments and rows in a sentence."""
    measured = [part.counts for part in parts if part.counts is not None]
    total: collections.Counter[str] = collections.Counter()
    for counts in measured:
        total.update({sections.KINDS[kind]: count for kind, count in counts.items()})
    counted = ", ".join(f"{count:,} {kind}" for kind, count in total.items())
    plural = "" if len(measured) == 1 else "s"
    return f"{len(measured)} experiment{plural}: {counted}."


def _file(name: str) -> str:
    return (importlib.resources.files("recall.pages") / name).read_text("utf-8")
