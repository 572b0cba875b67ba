"""Writes the page of a run, or of all committed results."""

import concurrent.futures
import multiprocessing
import os
from collections.abc import Sequence
from pathlib import Path

from recall import journal
from recall.html import page, sources


def write(workdir: str | None, out: str | None) -> Path:
    """Writes a page and returns where it is.

    Args:
        workdir: of the run to show; all committed results if None.
        out: the file to write: `report.html` in the workdir, or in `runs`, if None.

    Raises:
        sources.SourceError: if there is nothing to show.
        journal.JournalError: if rows cannot be read, or the page not be written.
    """
    found = sources.of(workdir)
    title = "recall: committed results" if workdir is None else f"recall: {workdir}"
    text = page.page(found, title, sections(found))
    path = Path(out or Path(workdir or "runs", "report.html"))
    journal.write_file(path, text.encode())
    return path


def sections(found: Sequence[sources.Source]) -> list[str]:
    """The section of each experiment; of several, drawn by processes side by side."""
    workers = min(os.cpu_count() or 1, len(found), 8)
    if workers == 1:
        return list(map(page.section, found))
    slow_first = sorted(found, key=lambda source: -len(source.rows))
    with concurrent.futures.ProcessPoolExecutor(
        workers, mp_context=multiprocessing.get_context("spawn")
    ) as pool:
        drawn = dict(
            zip(
                (source.experiment for source in slow_first),
                pool.map(page.section, slow_first),
                strict=True,
            )
        )
    return [drawn[source.experiment] for source in found]
