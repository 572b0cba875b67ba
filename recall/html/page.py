"""One self-contained page: figures, tables, rows to sort, filter and plot."""

import collections
import html
import importlib.resources
import string
from collections.abc import Callable, Iterable, Sequence

from recall.html import sections, sources

Parts = tuple[str, str]  # the figure of a source, and its details
# Applies a function to every source, as `map` does; perhaps side by side.
Do = Callable[
    [Callable[[sources.Source], Parts], Sequence[sources.Source]], Iterable[Parts]
]
_SCRIPTS = ("unpack.js", "table.js", "plot.js", "page.js")


def page(found: Sequence[sources.Source], title: str, do: Do = map) -> str:
    """The page of these experiments."""
    drawn_and_more = do(_parts, found)
    names = list(map(sections.name_of, found))
    heads = list(map(sections.head, found))
    parts = zip(names, heads, drawn_and_more, strict=True)
    links = zip(names, map(sections.words, found), strict=True)
    return string.Template(_file("page.html")).substitute(
        title=html.escape(title),
        summary=html.escape(_summary(found)),
        links="".join(f'<li><a href="#{name}">{told}</a></li>' for name, told in links),
        sections="\n".join(
            f'<section id="{name}">{told}\n{drawn}\n{more}</section>'
            for name, told, (drawn, more) in parts
        ),
        style=_file("page.css"),
        script="\n".join(map(_file, _SCRIPTS)),
    )


def _parts(source: sources.Source) -> Parts:
    """Both at once: rows take long to hand to a process."""
    return sections.figure(source), sections.details(source)


def _summary(found: Sequence[sources.Source]) -> str:
    """How much there is, in words."""
    kinds = collections.Counter(
        sections.KINDS[row["kind"]]
        for s in found
        for row in s.rows
        if row["kind"] in sections.KINDS
    )
    counts = ", ".join(f"{count:,} {kind}" for kind, count in kinds.items())
    plural = "" if len(found) == 1 else "s"
    return f"{len(found)} experiment{plural}: {counts}."


def _file(name: str) -> str:
    return (importlib.resources.files("recall.html") / name).read_text("utf-8")
