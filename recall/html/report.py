"""Writes the page of a run, or of all committed results."""

import concurrent.futures
import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
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
    if workdir is None:
        text = _page_of_results()
    else:
        text = page.page(sources.of(workdir), f"recall: {workdir}")
    path = Path(out or Path(workdir or "runs", "report.html"))
    journal.write_file(path, text.encode())
    return path


def _page_of_results() -> str:
    """The page of all committed results, drawn by processes side by side."""
    # A server that has imported what draws, and forks: where there is none, all import.
    server = "forkserver" in multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if server else "spawn")
    if server:
        context.set_forkserver_preload([page.__name__])
    workers = min(os.cpu_count() or 1, 8)
    with concurrent.futures.ProcessPoolExecutor(workers, mp_context=context) as pool:
        pool.submit(abs, 0)  # begins to import while rows are read
        found = sources.of(None)
        return page.page(found, "recall: committed results", _slow_first(pool))


def _slow_first(pool: concurrent.futures.Executor) -> page.Do:
    """Hands sources with many rows out first; results come in the order asked for."""

    def do(
        function: Callable[[sources.Source], page.Parts],
        found: Sequence[sources.Source],
    ) -> Iterator[page.Parts]:
        slow_first = sorted(found, key=lambda source: -len(source.rows))
        futures = {s.experiment: pool.submit(function, s) for s in slow_first}
        return (futures[source.experiment].result() for source in found)

    return do
