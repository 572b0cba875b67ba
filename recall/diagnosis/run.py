"""Which failure signatures the rows of a run show, in plain sentences, and what to do.

Beside rows, a workdir says what was planned (its config) and how trained models attend
(its saved models); what embeddings look like is measured here.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from rich.console import Console

from recall import diagnosis, embeddings
from recall.data import sequences
from recall.diagnosis import searches
from recall.models import transformer
from recall.runs import checkpoints, planning, sources
from recall.stats import points as rows_lib
from recall.store.row import Row

# What a probe that was written short has from the end of its search.
_SETTINGS = (*rows_lib.GROUP, "seed", "parameters", "tried", "facts")
_FACTS = 256  # that a model is asked, to see its heads
_POINTS = 1024  # at most, to see how embeddings overlap


def report(found: Iterable[sources.Source], console: Console | None = None) -> None:
    """Prints the findings of each experiment.

    Raises:
        checkpoints.ModelError: if a saved model cannot be read.
    """
    console = console or Console()
    for source in found:
        rows = [*joined(source.rows), *added(source)]
        show(source, diagnosis.findings(rows), console)


def show(
    source: sources.Source, found: Sequence[diagnosis.Finding], console: Console
) -> None:
    """Prints findings, or that there are none."""
    serious = sum(finding.serious for finding in found)
    checked = len(diagnosis.SIGNATURES)
    parts = f": {serious} serious, {len(found) - serious} to know" if found else ""
    _print(
        console,
        f"{source.experiment} ({source.origin}, {len(source.rows):,} rows): "
        f"{len(found)} of {checked} failure signatures apply{parts}.",
    )
    for finding in found:
        mark = "!" if finding.serious else "-"
        _print(console, f"  {mark} {finding.name}: {finding.sentence}")
        _print(console, f"    {finding.advice}")


def _print(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def joined(rows: Sequence[Row]) -> list[Row]:
    """Rows, those of probes with the settings of their search.

    Rows of ends stay as they are: the order of their columns says what settings are.
    """
    ends = {r["search"]: r for r in rows if r["kind"] in searches.ENDS}
    settings = {
        search: {name: end[name] for name in _SETTINGS if name in end}
        for search, end in ends.items()
    }
    return [
        dict(row)
        if row["kind"] in searches.ENDS
        else settings.get(row.get("search"), {}) | dict(row)
        for row in rows
    ]


def added(source: sources.Source) -> Iterator[Row]:
    """Rows about the plan, the models and the embeddings of a run."""
    yield from looks(source.rows)
    if source.committed:
        return
    if source.config is not None:
        yield from planned(source.config)
    quality = {row["search"]: row for row in source.rows if row["kind"] == "model"}
    for path in sorted(Path(source.workdir).glob("model-*.msgpack")):
        model = checkpoints.load(path)
        row = quality.get(model.search.digest())
        yield from heads(model, row["accuracy"]) if row else ()


def planned(config: Mapping[str, Any]) -> list[Row]:
    """A row for each search that a config asks for; none if it is of other code."""
    try:
        lanes = planning.plan_of(planning.config_of(config)).lanes
    except ValueError:
        return []
    return [{"kind": "planned", "search": lane.digest()} for lane in lanes]


def heads(model: checkpoints.Model, accuracy: float) -> list[Row]:
    """A row for each head of a model: its attention, averaged over random facts."""
    problem, search = model.problem, model.search
    draw = sequences.sample_draw(
        jax.random.key(0), problem.world, _FACTS, 1, search.reads.length, layout="pairs"
    )
    tokens = sequences.written_out(draw, problem.world).tokens
    table = transformer.token_table(transformer.used(model.params, problem.embeddings))
    attend = jax.vmap(lambda own: transformer.attend(model.params, table[own]))
    shares = np.asarray(attend(tokens)).mean(axis=0)
    told = search.columns() | {"kind": "head", "accuracy": accuracy}
    return [
        told
        | {"head": head, "to_subject": float(a[0]), "to_relation": float(a[1])}
        | {"to_noise": float(a[2:-1].sum()), "to_end": float(a[-1])}
        for head, a in enumerate(shares)
    ]


def looks(rows: Iterable[Row]) -> list[Row]:
    """A row for each kind of embeddings: how much its points overlap, at one width."""
    widths: dict[str, set[int]] = {}
    for row in rows:
        if row.get("embedding") in embeddings.SAMPLERS and row.get("d"):
            widths.setdefault(row["embedding"], set()).add(int(row["d"]))
    return [look(kind, min(own)) for kind, own in widths.items()]


def look(kind: str, d: int) -> Row:
    """Cosines of different points of a kind."""
    num = min(4 * d, _POINTS)
    points = np.asarray(embeddings.SAMPLERS[kind](jax.random.key(0), num, d), float)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    cosines = (points @ points.T)[~np.eye(num, dtype=bool)]
    told = {"kind": "embedding", "embedding": kind, "d": d}
    return told | {
        "rms_cosine": float(np.sqrt((cosines**2).mean())),
        "mean_cosine": float(cosines.mean()),
    }
