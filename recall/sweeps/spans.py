"""Jobs of one lane that take all devices at once, those of other processes included.

They run one after the other, once all that runs on single devices is done, and save
their state with their rows: a lane may take hours.
"""

import abc
import dataclasses
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from recall.sweeps import jobs

State = Mapping[str, np.ndarray]
Restore = Callable[[str], State | None]


class Step(NamedTuple):
    """What a job reports at a safe place to stop.

    Attributes:
        rows: what was found since the last one.
        name: of the state.
        state: arrays to go on from; None once the job is done.
    """

    rows: list[jobs.Row]
    name: str
    state: State | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class SpanningJob(jobs.Job):
    """One lane on a mesh of devices."""

    @property
    @abc.abstractmethod
    def parts(self) -> int:
        """How many devices it takes; 0 for all that there are."""

    @abc.abstractmethod
    def run_over(self, devices: Sequence[Any], restore: Restore) -> Iterator[Step]:
        """Runs the lane on from the state that an earlier run left, if any.

        Args:
            devices: all there are, of all processes, which make the same calls in step
                and get the same rows.
            restore: finds a state by its name.
        """

    def run(self, done: Collection[str]) -> Iterator[list[jobs.Row]]:
        """Runs the lane on all devices of this process, from the beginning."""
        if self.left(done):
            for step in self.run_over(jax.local_devices(), lambda name: None):
                yield step.rows
