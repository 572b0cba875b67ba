"""The section of one experiment on a page: claim, command, figure, tables, sources."""

import html
import json

from recall.pages import commands, drawings, terminal
from recall.runs import sources

# Kinds of rows that a page counts, with their names, the main ones first.
KINDS = {
    "capacity": "searches",
    "run": "runs",
    "model": "models",
    "probe": "probes",
    "trace": "checks",
    "point": "points",
}
# Errors of figures and tables that lack rows, or columns of other versions.
_TOO_FEW = (ArithmeticError, LookupError, TypeError, ValueError)
_COPIED = ("git_commit", "git_dirty", "version", "jax_version", "device")


def text(source: sources.Source) -> str:
    """Returns the section of an experiment, for instance of a run that goes on."""
    command = commands.of_run(source.experiment, source.config, source.workdir)
    claims = sources.claim(source.experiment).split("\n\n")
    parts = [
        f"<h2>{words(source)}</h2>",
        *(f"<p>{html.escape(claim)}</p>" for claim in claims if claim),
        f'<p class="command"><code>{html.escape(command)}</code></p>',
        _figure(source),
        *_tables(source),
        _provenance(source),
    ]
    return "\n".join(parts)


def _figure(source: sources.Source) -> str:
    try:
        drawn = drawings.draw(source.experiment, source.rows + source.beside)
    except _TOO_FEW as error:
        return f'<p class="note">No figure yet: {html.escape(str(error))}</p>'
    return f'<figure tabindex="0">{drawn}</figure>'  # arrow keys scroll a wide one


def _tables(source: sources.Source) -> list[str]:
    try:
        tables = terminal.tables(source.experiment, source.rows)
    except _TOO_FEW as error:
        return [f'<p class="note">No table yet: {html.escape(str(error))}</p>']
    return [table.html() for table in tables]


def _provenance(source: sources.Source) -> str:
    """Lists the code and devices of the rows, and their settings."""
    values = {
        column.replace("_", " "): sorted({str(r[column]) for r in rows})
        for column in _COPIED
        if (rows := [row for row in source.rows if column in row])
    }
    items = "".join(
        f"<dt>{name}</dt><dd>{html.escape(', '.join(some))}</dd>"
        for name, some in (values | {"rows of": [source.origin]}).items()
    )
    settings = html.escape(json.dumps(source.config, indent=1))
    return (
        f"<details><summary>Provenance and settings</summary><dl>{items}</dl>"
        f"<pre>{settings}</pre></details>"
    )


def words(source: sources.Source) -> str:
    """Returns an experiment's name for a reader, escaped."""
    name = source.experiment.replace("_", " ").capitalize()
    return html.escape(name.replace("Mlp", "MLP"))
