"""Work that shares one compiled program: lanes, batches of them, and their steps.

A lane is one measurement: a model, its facts, a seed. A batch holds the lanes that one
program runs, and says on which devices: one (batches then run side by side), all of
this process, or a mesh over all processes. Running it yields steps: rows, and the state
to go on from. A lane is over once it has a row whose kind is in ENDS.
"""

import abc
import dataclasses
import functools
import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from typing_extensions import override

from recall.store.row import Row

State = Mapping[str, np.ndarray]
Restore = Callable[[str], State | None]  # finds a saved state by its name
ENDS = ("capacity", "run")  # kinds of rows
ONE, ALL = "one", "all"  # devices of a batch; a number is a mesh over all processes


def ended(rows: Iterable[Mapping[str, Any]]) -> set[str]:
    """Returns the digests of the lanes that rows say are over."""
    return {row["search"] for row in rows if row["kind"] in ENDS}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Lane:
    """The settings of one measurement; any change of a field is another lane."""

    def digest(self) -> str:
        """Returns a name for these settings that any change of them changes."""
        return self._digest

    @functools.cached_property
    def _digest(self) -> str:
        # The class too: lanes of two experiments may have the same settings.
        text = json.dumps([type(self).__name__, dataclasses.asdict(self)])
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def columns(self) -> Row:
        """Returns the columns of every row of the lane: its digest and settings."""
        return {"search": self.digest()} | dataclasses.asdict(self)

    def row(self, kind: str, at: object = "", **values: Any) -> Row:
        """Returns a row of this lane, under a key that `kind` and `at` make unique."""
        key = ":".join(str(part) for part in (self.digest(), kind, at) if part != "")
        return self.columns() | {"kind": kind, "key": key} | values


class About(NamedTuple):
    """Estimates and labels of a batch, for plans, shards and progress.

    Attributes:
        title: the kind of work, for a person.
        shape: the sizes that the program is compiled for, for a person.
        parameters: numbers that the weights of each lane hold.
        core_seconds: work of all lanes in seconds of one CPU core, without compiling.
        memory_bytes: bytes held however many devices there are.
        device_bytes: bytes held on each device beside.
        compile_seconds: seconds to compile the program.
    """

    title: str
    shape: str
    parameters: Sequence[int]
    core_seconds: float
    memory_bytes: int
    device_bytes: int = 0
    compile_seconds: float = 2.0  # measured 1.4 to 2.5 for memories

    @property
    def program(self) -> str:
        """The label of the program: batches that agree here share it."""
        return f"{self.title}, {self.shape}"


class Step(NamedTuple):
    """Results of a batch since its last step; a safe place to stop.

    Attributes:
        rows: new results.
        name: the name of the state, or "" where there is none.
        state: arrays to go on from; None drops what was saved under the name.
        columns: values for all rows of this launch, such as seconds of compiling.
        models: searches that ended, each with its problem and params, to be kept.
        last: whether the batch is over: the pool adds this step.
    """

    rows: Sequence[Row]
    name: str = ""
    state: State | None = None
    columns: Mapping[str, Any] = {}
    models: Sequence[tuple[Any, Any, Any]] = ()
    last: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Batch(abc.ABC):
    """Lanes that share one compiled program.

    Attributes:
        lanes: the measurements; they agree on everything that shapes the program.
    """

    lanes: Sequence[Any]

    @property
    def devices(self) -> str | int:
        """ONE or ALL devices of a process; or how many of all processes, 0 for all."""
        return ONE

    @property
    def spans(self) -> bool:
        """Tells whether it is one program over the devices of all processes."""
        return self.devices not in (ONE, ALL)

    @abc.abstractmethod
    def about(self) -> About:
        """Returns the labels and estimates of this batch."""

    @abc.abstractmethod
    def run(
        self,
        devices: Sequence[Any],
        done: Collection[str] = (),
        restore: Restore = lambda name: None,
    ) -> Iterator[Step]:
        """Runs the lanes whose digests are not in `done`, on from a saved state."""

    def left(self, done: Collection[str]) -> list[Any]:
        """Returns the lanes whose digests are not in `done`."""
        return [lane for lane in self.lanes if lane.digest() not in done]

    def part(self, positions: Sequence[int]) -> "Batch":
        """Returns some of the lanes, in the program and shape that all of them share.

        Results must not depend on how a plan was divided, so the shape stays.
        """
        if len(positions) == len(self.lanes):
            return self
        lanes = tuple(self.lanes[i] for i in positions)
        return Part(lanes=lanes, whole=self, positions=tuple(positions))


class Plan(NamedTuple):
    """The work that a config asks for.

    Attributes:
        batches: what to run: searches first, then what one device measures, then what
            spans processes, each with the cheapest first.
        skipped: what the config names but cannot be, with reasons.
    """

    batches: Sequence[Batch]
    skipped: tuple[str, ...] = ()

    @property
    def lanes(self) -> list[Any]:
        """All lanes in the order of their batches."""
        return [lane for batch in self.batches for lane in batch.lanes]

    def count(self, done: Collection[str]) -> int:
        """Returns how many lanes have their digests in `done`."""
        return sum(lane.digest() in done for lane in self.lanes)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rows(Batch):
    """A batch that one device measures, and that is short enough to have no state."""

    @abc.abstractmethod
    def measure(self, lanes: Sequence[Any]) -> Iterator[list[Row]]:
        """Yields rows of these lanes; the last of each lane ends it."""

    @override
    def run(
        self,
        devices: Sequence[Any],
        done: Collection[str] = (),
        restore: Restore = lambda name: None,
    ) -> Iterator[Step]:
        yield from map(Step, self.measure(self.left(done)))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Part(Batch):
    """Some lanes of a batch, in the program and shape of all of its lanes.

    Attributes:
        whole: the batch.
        positions: where the lanes of this part stand in it.
    """

    whole: Batch
    positions: tuple[int, ...]

    @property
    @override
    def devices(self) -> str | int:
        return self.whole.devices

    @override
    def about(self) -> About:
        about = self.whole.about()
        return about._replace(
            parameters=[about.parameters[i] for i in self.positions],
            core_seconds=about.core_seconds * len(self.lanes) / len(self.whole.lanes),
        )

    @override
    def run(
        self,
        devices: Sequence[Any],
        done: Collection[str] = (),
        restore: Restore = lambda name: None,
    ) -> Iterator[Step]:
        # The lanes of other parts pass for done: the whole's shape stays as it is.
        mine = {lane.digest() for lane in self.lanes}
        others = {lane.digest() for lane in self.whole.lanes} - mine
        yield from self.whole.run(devices, others | set(done), restore)
