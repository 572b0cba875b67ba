"""What a page says of one experiment."""

import html
import json

from recall.pages import commands, drawings, terminal
from recall.runs import sources

# Kinds of rows that a page counts, with what it calls them, the main ones first.
KINDS = {
    "capacity": "searches",
    "run": "runs",
    "model": "models",
    "probe": "probes",
    "trace": "checks",
    "point": "points",
}
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
    """Returns the tables, and where their rows come from."""
    return "\n".join([*_tables(source), _provenance(source)])


def _tables(source: sources.Source) -> list[str]:
    """The tables that a terminal shows, where rows have come so far."""
    try:
        found = terminal.tables(source.experiment, source.rows)
    except _TOO_FEW as error:
        return [f'<p class="note">No table yet: {html.escape(str(error))}</p>']
    return [table.html() for table in found]


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
