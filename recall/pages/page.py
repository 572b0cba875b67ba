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
        words: what a link to it says.
        text: HTML.
        counts: rows of each kind that an experiment shows; None of what is none.
    """

    name: str
    words: str
    text: str
    counts: Mapping[str, int] | None


def part(source: sources.Source) -> Part:
    """The section of one experiment."""
    made = (sections.head, sections.figure, sections.details)
    kinds = (row["kind"] for row in source.rows)
    return Part(
        sections.name_of(source),
        sections.words(source),
        "\n".join(make(source) for make in made),
        collections.Counter(kind for kind in kinds if kind in sections.KINDS),
    )


def part_of(path: Path) -> Part:
    """The section of committed rows."""
    return part(sources.committed(path))


def claims() -> Part:
    """The section of all claims, decided by committed rows."""
    from recall.pages import claims as report_claims

    found = sources.tables()
    told = report_claims.table(found).html()
    counts = html.escape(report_claims.counts(found))
    return Part("claims", "Claims", f"<h2>Claims</h2>\n<p>{counts}</p>\n{told}", None)


def page(parts: Iterable[Part], title: str) -> str:
    """The page of these sections."""
    found = list(parts)
    return string.Template(_file("page.html")).substitute(
        title=html.escape(title),
        summary=html.escape(_summary(found)),
        links="".join(
            f'<li><a href="#{part.name}">{part.words}</a></li>' for part in found
        ),
        sections="\n".join(
            f'<section id="{part.name}">{part.text}</section>' for part in found
        ),
        style=_file("page.css"),
        script=_file("table.js"),
    )


def _summary(parts: Iterable[Part]) -> str:
    """How much there is, in words."""
    measured = [part.counts for part in parts if part.counts is not None]
    total: collections.Counter[str] = collections.Counter()
    for counts in measured:
        total.update({sections.KINDS[kind]: count for kind, count in counts.items()})
    told = ", ".join(f"{count:,} {kind}" for kind, count in total.items())
    plural = "" if len(measured) == 1 else "s"
    return f"{len(measured)} experiment{plural}: {told}."


def _file(name: str) -> str:
    return (importlib.resources.files("recall.pages") / name).read_text("utf-8")
