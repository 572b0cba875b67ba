"""What one measures that is no search over sizes: jobs of a few lanes, run by threads.

A job yields batches of rows and ends each of its lanes with a row whose kind is in
ENDS; a lane that has one is not run again. Every device has a thread that takes one job
after the other.
"""

import abc
import dataclasses
import functools
import hashlib
import json
import queue
import threading
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from typing import Any

import jax

from recall.sweeps import failures

Row = dict[str, Any]
ENDS = ("capacity", "run")  # kinds of rows, one a lane, that say it is finished


def ended(rows: Iterable[Mapping[str, Any]]) -> set[str]:
    """The lanes (and searches) that have ended."""
    return {row["search"] for row in rows if row["kind"] in ENDS}


def program_of(job: "Job") -> str:
    """What its program is, for a person: jobs that agree here share it."""
    return f"{job.title}, {job.shape}"


def standing(rows: Sequence[Row]) -> list[Row]:
    """Rows without the failures of lanes that a later try has ended."""
    done = ended(rows)
    return [r for r in rows if r["kind"] != failures.KIND or r["search"] not in done]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Lane:
    """The settings of one lane; any change of a field is another lane."""

    def digest(self) -> str:
        """A name for these settings that any change of them changes."""
        return self._digest

    @functools.cached_property
    def _digest(self) -> str:
        text = json.dumps([type(self).__name__, dataclasses.asdict(self)])
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def columns(self) -> Row:
        """What every row of the lane says: its name, and all of its settings."""
        return {"search": self.digest()} | dataclasses.asdict(self)

    def row(self, kind: str, at: object = "", **told: Any) -> Row:
        """A row of this lane, under a key that `kind` and `at` make its own."""
        key = ":".join(str(part) for part in (self.digest(), kind, at) if part != "")
        return self.columns() | {"kind": kind, "key": key} | told


@dataclasses.dataclass(frozen=True, kw_only=True)
class Job(abc.ABC):
    """Lanes that are measured together, on one device."""

    @property
    def compile_seconds(self) -> float:
        """Estimates what compiling its program takes."""
        return 2.0

    @property
    @abc.abstractmethod
    def lanes(self) -> Sequence[Lane]:
        """What is measured."""

    @property
    @abc.abstractmethod
    def title(self) -> str:
        """What a plan calls jobs of this kind."""

    @property
    @abc.abstractmethod
    def shape(self) -> str:
        """The sizes that its program is compiled for, for a person."""

    @property
    @abc.abstractmethod
    def parameters(self) -> Sequence[int]:
        """Numbers that the weights of each lane hold."""

    @property
    @abc.abstractmethod
    def core_seconds(self) -> float:
        """Estimates the work in seconds of one CPU core, without compiling."""

    @property
    @abc.abstractmethod
    def memory_bytes(self) -> int:
        """Estimates what it holds."""

    @abc.abstractmethod
    def run(self, done: Collection[str]) -> Iterator[list[Row]]:
        """Yields rows, batch by batch, of the lanes whose digests are not in `done`."""

    def left(self, done: Collection[str]) -> list[Any]:
        """The lanes that are not done."""
        return [lane for lane in self.lanes if lane.digest() not in done]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Part(Job):
    """Some lanes of a job, in the program and shape that all of its lanes share.

    Attributes:
        job: the whole.
        own: positions of the lanes of this part.
    """

    job: Job
    own: tuple[int, ...]

    @property
    def lanes(self) -> Sequence[Lane]:
        """Those of this part."""
        return [self.job.lanes[i] for i in self.own]

    @property
    def title(self) -> str:
        """That of the whole."""
        return self.job.title

    @property
    def shape(self) -> str:
        """That of the whole."""
        return self.job.shape

    @property
    def parameters(self) -> Sequence[int]:
        """Of its own lanes."""
        return [self.job.parameters[i] for i in self.own]

    @property
    def compile_seconds(self) -> float:
        """That of the whole: the program is the same."""
        return self.job.compile_seconds

    @property
    def core_seconds(self) -> float:
        """Its lanes' share."""
        return self.job.core_seconds * len(self.own) / len(self.job.lanes)

    @property
    def memory_bytes(self) -> int:
        """At most that of the whole."""
        return self.job.memory_bytes

    def run(self, done: Collection[str]) -> Iterator[list[Row]]:
        """Runs the whole as if the lanes of other parts were done."""
        own = {lane.digest() for lane in self.lanes}
        others = {lane.digest() for lane in self.job.lanes} - own
        yield from self.job.run(others | set(done))


def run(
    jobs: Sequence[Job], devices: Sequence[Any], done: Collection[str]
) -> Generator[tuple[Job, list[Row]], None, None]:
    """Runs jobs in order, one at a time on each device; yields their rows as they come.

    A job begins with a batch of no rows. One that raises ends with rows that say why,
    of the lanes that it had left; the others go on. Closing the iterator lets each
    device finish the batch it is in.
    """
    waiting: queue.SimpleQueue = queue.SimpleQueue()
    for job in jobs:
        waiting.put(job)
    told: queue.SimpleQueue = queue.SimpleQueue()
    stop = threading.Event()
    work = [
        threading.Thread(target=_work, args=(waiting, told, stop, device, done))
        for device in devices
    ]
    for thread in work:
        thread.start()
    try:
        for _ in range(len(work)):
            while (item := told.get()) is not None:
                yield item
    finally:
        stop.set()
        for thread in work:
            thread.join()


def _work(
    waiting: queue.SimpleQueue,
    told: queue.SimpleQueue,
    stop: threading.Event,
    device: Any,
    done: Collection[str],
) -> None:
    """Takes jobs until there is none, or somebody asks to stop; None comes last."""
    try:
        with jax.default_device(device):
            while not stop.is_set():
                try:
                    job = waiting.get_nowait()
                except queue.Empty:
                    break
                for rows in _batches(job, done):
                    told.put((job, rows))
                    if stop.is_set():
                        return
    finally:
        told.put(None)


def _batches(job: Job, done: Collection[str]) -> Iterator[list[Row]]:
    """Nothing, to begin with; the batches of a job; why it failed, if it does."""
    yield []
    now_done = set(done)
    try:
        for rows in job.run(done):
            now_done |= ended(rows)
            yield rows
    except Exception as error:
        reason = failures.reason(error)
        yield failures.rows_of(job.left(now_done), program_of(job), reason)
