"""Progress of a run for a person: a bar, or a line every few seconds."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich import progress
from rich.console import Console

LINE_SECONDS = 5.0


class Progress:
    """Counts batches, lanes and probes; shows them at a rate a person can read.

    Attributes:
        batches: batches that are over, of `num_batches`.
        lanes: lanes that are over, of `num_lanes`.
        probes: probes that this launch has made.
        note: text after the counts.
    """

    def __init__(
        self, console: Console, num_batches: int, num_lanes: int, noun: str = "batches"
    ) -> None:
        """Starts the clock; `noun` stands for batches in the text."""
        self.console, self.noun = console, noun
        self.batches, self.num_batches = 0, num_batches
        self.lanes, self.num_lanes = 0, num_lanes
        self.probes, self.note = 0, ""
        self.start = self.shown = time.monotonic()
        self._bar: progress.Progress | None = None

    def show(self, note: str = "") -> None:
        """Shows the counts, and a note, if it is time."""
        self.note = note
        if self._bar is not None:
            task, text = self._bar.task_ids[0], self.text()
            self._bar.update(task, completed=self.lanes, text=text)
        # Logs of schedulers keep every line: one for each step would fill them.
        elif time.monotonic() - self.shown >= LINE_SECONDS:
            self.shown = time.monotonic()
            print(self.text(), file=self.console.file, flush=True)

    def text(self) -> str:
        """Returns one line: the counts, the seconds so far, the note."""
        elapsed = time.monotonic() - self.start
        return (
            f"{self.noun} {self.batches}/{self.num_batches}, "
            f"lanes {self.lanes}/{self.num_lanes}, "
            f"probes {self.probes}, {elapsed:.0f} s"
            f"{', ' * bool(self.note)}{self.note}"
        )

    @contextmanager
    def showing(self) -> Iterator[None]:
        """Holds a bar open on a terminal, and prints the last line elsewhere."""
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
    """Returns the latest step, loss and accuracy of what is traced, or ""."""
    traces = [row for row in rows if row["kind"] == "trace"]
    if not any(row["finite"] for row in traces):
        return "diverged" if traces else ""
    steps = traces[-1].get("steps")  # a flow has none
    parts = [] if steps is None else [f"step {steps}"]
    for name in ("loss", "accuracy"):
        # An experiment traces what it likes, and a loss may be infinite.
        values = [row[name] for row in traces if row.get(name) is not None]
        parts += [f"{name} {sum(values) / len(values):.4f}"] if values else []
    return ", ".join(parts)
