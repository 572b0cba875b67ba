"""Writes the page of a run, or of all committed results."""

import concurrent.futures
import multiprocessing
import os
from pathlib import Path

from recall.pages import page
from recall.runs import sources
from recall.store import files


def write(workdir: str | None, out: str | None) -> Path:
    """Writes a page and returns where it is.

    Args:
        workdir: the run to show; all committed results if None.
        out: the file to write; `report.html` in the workdir, or in `runs`, if None.

    Raises:
        sources.SourceError: if there is nothing to show.
        StoreError: if rows cannot be read, or the page not be written.
    """
    if workdir is None:
        text = _page_of_results()
    else:
        text = page.page(map(page.part, sources.of(workdir)), f"recall: {workdir}")
    path = Path(out or Path(workdir or "runs", "report.html"))
    files.write(path, text.encode())
    return path


def _page_of_results() -> str:
    """Draws the page of all committed results by processes side by side."""
    # A server that has imported matplotlib, and forks; without one, each imports it.
    server = "forkserver" in multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if server else "spawn")
    if server:
        context.set_forkserver_preload([page.__name__])
    workers = min(os.cpu_count() or 1, 8)
    with concurrent.futures.ProcessPoolExecutor(workers, mp_context=context) as pool:
        claims, paths = pool.submit(page.claims), sources.paths()
        slow_first = sorted(paths, key=lambda path: -path.stat().st_size)
        parts = {path: pool.submit(page.part_of, path) for path in slow_first}
        futures = [claims, *(parts[path] for path in paths)]
        return page.page((f.result() for f in futures), "recall: committed results")
