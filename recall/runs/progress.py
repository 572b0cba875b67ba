"""What a person sees while a sweep runs: a bar, or a line every few seconds."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich import progress
from rich.console import Console

LINE_SECONDS = 5.0


class Progress:
    """Counts cells, lanes and probes; shows them at a rate a person can read.

    Attributes:
        cells: finished and all cells.
        lanes: finished and all searches.
        probes: probes that this run finished.
        note: what else there is to say.
    """

    def __init__(
        self, console: Console, num_cells: int, num_lanes: int, noun: str = "cells"
    ) -> None:
        """Starts the clock; `noun` is what a person calls cells."""
        self.console, self.noun = console, noun
        self.cells, self.num_cells = 0, num_cells
        self.lanes, self.num_lanes = 0, num_lanes
        self.probes, self.note = 0, ""
        self.begun = self.shown = time.monotonic()
        self._bar: progress.Progress | None = None

    def update(
        self, *, lanes: int, cells: int, new_probes: int, note: str = ""
    ) -> None:
        """Takes the counts and shows them if it is time."""
        self.lanes, self.cells, self.note = lanes, cells, note
        self.probes += new_probes
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=lanes, text=self.text())
        elif time.monotonic() - self.shown >= LINE_SECONDS:
            self.shown = time.monotonic()
            print(self.text(), file=self.console.file, flush=True)

    def text(self) -> str:
        """One line: what is done, and how long it took."""
        elapsed = time.monotonic() - self.begun
        return (
            f"{self.noun} {self.cells}/{self.num_cells}, "
            f"lanes {self.lanes}/{self.num_lanes}, "
            f"probes {self.probes}, {elapsed:.0f} s"
            f"{', ' * bool(self.note)}{self.note}"
        )

    @contextmanager
    def showing(self) -> Iterator[None]:
        """Holds a bar open on a terminal, and says the end elsewhere."""
        if not self.console.is_terminal:
            yield
            print(self.text(), file=self.console.file, flush=True)
            return
        columns = (
            progress.BarColumn(),
            progress.TextColumn("{task.fields[text]}"),
            progress.TimeRemainingColumn(),
        )
        with progress.Progress(*columns, console=self.console) as self._bar:
            self._bar.add_task("", total=self.num_lanes, text=self.text())
            yield


def note(rows: Sequence[Mapping[str, Any]]) -> str:
    """The latest loss and accuracy of a traced run."""
    traces = [row for row in rows if row["kind"] == "trace"]
    losses = [row["loss"] for row in traces if row["loss"] is not None]
    if not losses:
        return "diverged" if traces else ""
    accuracy = sum(row["accuracy"] for row in traces) / len(traces)
    return (
        f"step {traces[-1]['steps']}, loss {sum(losses) / len(losses):.4f}, "
        f"accuracy {accuracy:.4f}"
    )
