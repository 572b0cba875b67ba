"""A report of the failure signatures of runs, in plain sentences, with advice.

Beside rows, a workdir holds a plan (its config) and saved models, whose attention is
read; the overlap of embeddings is measured here.
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


def report(runs: Iterable[sources.Source], console: Console | None = None) -> None:
    """Prints the findings of each experiment.

    Raises:
        checkpoints.ModelError: if a saved model cannot be read.
    """
    console = console or Console()
    for source in runs:
        rows = [*joined(source.rows), *added(source)]
        show(source, diagnosis.findings(rows), console)


def show(
    source: sources.Source, findings: Sequence[diagnosis.Finding], console: Console
) -> None:
    """Prints the findings of one run, or that there are none."""
    serious = sum(finding.serious for finding in findings)
    parts = f": {serious} serious, {len(findings) - serious} to know"
    lines = [
        f"{source.experiment} ({source.origin}, {len(source.rows):,} rows): "
        f"{len(findings)} of {len(diagnosis.SIGNATURES)} failure signatures apply"
        f"{parts if findings else ''}."
    ]
    for name, is_serious, sentence, advice in findings:
        lines += [f"  {'!' if is_serious else '-'} {name}: {sentence}", f"    {advice}"]
    for line in lines:  # as they are: sentences hold brackets, and commands to copy
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def joined(rows: Sequence[Row]) -> list[Row]:
    """Returns the rows, those of probes with the settings of their search."""
    ends = {row["search"]: row for row in rows if row["kind"] in searches.ENDS}
    results = []
    for row in rows:
        end = ends.get(row.get("search"), {})
        if row["kind"] in searches.ENDS:  # whose columns' order tells outcomes apart
            end = {}
        results.append({name: end[name] for name in _SETTINGS if name in end} | row)
    return results


def added(source: sources.Source) -> Iterator[Row]:
    """Yields rows about the embeddings, the plan and the models of a run."""
    yield from looks(source.rows)
    if source.committed:  # a table has neither a config nor models beside it
        return
    if source.config is not None:
        yield from planned(source.config)
    quality = {row["search"]: row for row in source.rows if row["kind"] == "model"}
    for path in sorted(Path(source.workdir).glob("model-*.msgpack")):
        model = checkpoints.load(path)
        row = quality.get(model.search.digest())
        yield from heads(model, row["accuracy"]) if row else ()


def planned(config: Mapping[str, Any]) -> list[Row]:
    """Returns a row for each search of a config; none if it is of other code."""
    try:
        lanes = planning.plan_of(planning.config_of(config)).lanes
    except ValueError:
        return []
    return [{"kind": "planned", "search": lane.digest()} for lane in lanes]


def heads(model: checkpoints.Model, accuracy: float) -> list[Row]:
    """Returns a row for each head of a model: its attention, over random facts."""
    problem, search = model.problem, model.search
    draw = sequences.sample_draw(
        jax.random.key(0), problem.world, _FACTS, 1, search.reads.length, layout="pairs"
    )
    tokens = sequences.written_out(draw, problem.world).tokens
    table = transformer.token_table(transformer.used(model.params, problem.embeddings))
    attend = jax.vmap(lambda prompt: transformer.attend(model.params, table[prompt]))
    attention = np.asarray(attend(tokens)).mean(axis=0)
    columns = search.columns() | {"kind": "head", "accuracy": accuracy}
    return [
        columns
        | {"head": head, "to_subject": float(a[0]), "to_relation": float(a[1])}
        | {"to_noise": float(a[2:-1].sum()), "to_end": float(a[-1])}
        for head, a in enumerate(attention)  # written out, noise is in the middle
    ]


def looks(rows: Iterable[Row]) -> list[Row]:
    """Returns a row for each kind of embeddings in the rows: its points' overlap."""
    widths: dict[str, set[int]] = {}
    for row in rows:
        if row.get("embedding") in embeddings.SAMPLERS and row.get("d"):
            widths.setdefault(row["embedding"], set()).add(int(row["d"]))
    # Where points are narrow they overlap the most, and cost the least to draw.
    return [look(kind, min(group)) for kind, group in widths.items()]


def look(kind: str, d: int) -> Row:
    """Returns the cosines between different points of a kind at width d."""
    num = min(4 * d, _POINTS)  # more than d: fewer could all be orthogonal
    points = np.asarray(embeddings.SAMPLERS[kind](jax.random.key(0), num, d), float)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    cosines = (points @ points.T)[~np.eye(num, dtype=bool)]
    return {
        "kind": "embedding",
        "embedding": kind,
        "d": d,
        "rms_cosine": float(np.sqrt((cosines**2).mean())),
        "mean_cosine": float(cosines.mean()),
    }
