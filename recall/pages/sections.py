"""What a page says of one experiment."""

import html
import json
from collections.abc import Sequence

from recall.pages import commands, drawings, packing, terminal
from recall.runs import sources
from recall.store.row import Row

# Kinds of rows that a page lists, with what it calls them, the main ones first.
KINDS = {
    "capacity": "searches",
    "run": "runs",
    "model": "models",
    "probe": "probes",
    "trace": "checks",
    "point": "points",
}
UNLISTED = ("picture",)  # columns of lists
# How figures and tables end that lack rows, or columns of other versions.
_TOO_FEW = (ArithmeticError, LookupError, TypeError, ValueError)
_COPIED = ("git_commit", "git_dirty", "version", "jax_version", "device")


def head(source: sources.Source) -> str:
    """What an experiment is, and how to run it."""
    command = commands.of_run(source.experiment, source.config, source.workdir)
    told = sources.claim(source.experiment).split("\n\n")
    parts = [
        f"<h2>{words(source)}</h2>",
        *(f"<p>{html.escape(text)}</p>" for text in told if text),
        f'<p class="command"><code>{html.escape(command)}</code></p>',
    ]
    return "\n".join(parts)


def figure(source: sources.Source) -> str:
    """The figure, or why there is none yet."""
    try:
        drawn = drawings.draw(source.experiment, source.rows + source.beside)
    except _TOO_FEW as error:
        return f'<p class="note">No figure yet: {html.escape(str(error))}</p>'
    return f'<figure tabindex="0">{drawn}</figure>'


def details(source: sources.Source) -> str:
    """Tables, rows to explore, and where they come from."""
    return "\n".join([*_tables(source), _explorer(source), _provenance(source)])


def _tables(source: sources.Source) -> list[str]:
    """The tables that a terminal shows, where rows have come so far."""
    try:
        found = terminal.tables(source.experiment, source.rows)
    except _TOO_FEW as error:
        return [f'<p class="note">No table yet: {html.escape(str(error))}</p>']
    return [table.html() for table in found]


def _explorer(source: sources.Source) -> str:
    """Rows that a browser sorts, filters and plots once somebody opens them."""
    name = name_of(source)
    by_kind = _by_kind(source.rows)
    main = next(iter(by_kind), None)
    if main is None:
        return ""
    counts = ", ".join(f"{len(own):,} {told}" for told, own in by_kind.items())
    # With other settings, a row is made again in a workdir of its own.
    again = f"{source.workdir}-again"
    command = commands.of_run(source.experiment, source.config, again)
    only = [commands.of_row(source.config, row) for row in by_kind[main]]
    extra = {"name": name, "command": command, "main": main, "only": only}
    return (
        f'<details class="rows" data-rows="{name}"><summary>Rows: {counts}</summary>'
        '<div class="explorer"></div></details><script type="text/plain" '
        f'id="rows-{name}">{packing.pack(by_kind, extra)}</script>'
    )


def _by_kind(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Rows by what a page calls them: the main ones in order, then what led to them."""
    found: dict[str, list[Row]] = {}
    others = dict.fromkeys(row["kind"] for row in rows if row["kind"] not in UNLISTED)
    for kind in dict.fromkeys((*KINDS, *others)):
        told = KINDS.get(kind, kind)
        own = sources.of_kind(rows, kind)
        if own and not found:
            found[told] = packing.in_order(own)
        elif own:
            found[told] = packing.parts_of(next(iter(found.values())), own)
    return found


def _provenance(source: sources.Source) -> str:
    """Which code and devices the rows come from, and their settings."""
    told = [
        (column.replace("_", " "), sorted(map(str, values)))
        for column in _COPIED
        if (values := {row[column] for row in source.rows if column in row})
    ]
    told.append(("rows of", [source.origin]))
    items = "".join(
        f"<dt>{name}</dt><dd>{html.escape(', '.join(values))}</dd>"
        for name, values in told
    )
    settings = html.escape(json.dumps(source.config, indent=1))
    return (
        f"<details><summary>Provenance and settings</summary><dl>{items}</dl>"
        f"<pre>{settings}</pre></details>"
    )


def name_of(source: sources.Source) -> str:
    """An experiment's name as an id: it may come from a damaged or foreign row."""
    return "".join(c if c.isalnum() else "_" for c in source.experiment)


def words(source: sources.Source) -> str:
    """An experiment's name for a reader."""
    told = source.experiment.replace("_", " ").capitalize()
    return html.escape(told.replace("Mlp", "MLP"))
