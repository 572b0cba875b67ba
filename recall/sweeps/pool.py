"""Runs batches: those of one device side by side, a thread a device, others in turn."""

import contextlib
import itertools
import queue
import threading
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from typing import Any

import jax

from recall.sweeps import failures
from recall.sweeps.batch import ONE, Batch, Restore, Step, ended

Finished = Callable[[], Collection[str]]  # digests of the lanes that are over by now


def run(
    batches: Sequence[Batch],
    devices: Sequence[Any],
    finished: Finished = tuple,
    restore: Restore = lambda name: None,
) -> Generator[tuple[int, Step], None, None]:
    """Runs batches in order; yields the position of a batch with each of its steps.

    A batch begins with a step of no rows and ends with one that is `last`; it has only
    the latter if its lanes are over. One that raises tells why in a row for each lane
    that it had left; the others go on. Closing the iterator lets each device finish
    the step it is in.

    Args:
        batches: what to run; neighbours of one device each run side by side.
        devices: what to compute on.
        finished: tells which lanes are over when a batch is about to begin, since
            other processes may work on the same run.
        restore: finds the state that an earlier run left.
    """
    numbered = list(enumerate(batches))
    for single, some in itertools.groupby(
        numbered, lambda pair: pair[1].devices == ONE
    ):
        if single:
            with contextlib.closing(_pool(list(some), devices, finished)) as steps:
                yield from steps
        else:
            for index, batch in some:
                for step in _steps(batch, devices, finished(), restore):
                    yield index, step


def _steps(
    batch: Batch, devices: Sequence[Any], done: Collection[str], restore: Restore
) -> Iterator[Step]:
    """Yields steps of a batch, its failure if it raises, and marks of start and end."""
    if batch.left(done):
        yield Step([])
        over = set(done)
        try:
            for step in batch.run(devices, done, restore):
                over |= ended(step.rows)
                yield step
        except Exception as error:  # whatever it is, other batches must go on
            program, reason = batch.about().program, failures.reason(error)
            yield Step(failures.rows_of(batch.left(over), program, reason))
    yield Step([], last=True)


def _pool(
    numbered: Sequence[tuple[int, Batch]], devices: Sequence[Any], finished: Finished
) -> Generator[tuple[int, Step], None, None]:
    """Hands batches to threads, one for each device, and yields what they report."""
    waiting: queue.SimpleQueue = queue.SimpleQueue()
    done = finished()
    for pair in numbered:
        waiting.put(pair)
    steps: queue.SimpleQueue = queue.SimpleQueue()
    stop = threading.Event()
    threads = [
        threading.Thread(target=_work, args=(waiting, steps, stop, device, done))
        for device in devices
    ]
    for thread in threads:
        thread.start()
    try:
        for _ in threads:  # each ends with None, also one that raised
            while (item := steps.get()) is not None:
                yield item
    finally:  # the caller closes the iterator when somebody asks to stop
        stop.set()
        for thread in threads:
            thread.join()


def _work(
    waiting: queue.SimpleQueue,
    steps: queue.SimpleQueue,
    stop: threading.Event,
    device: Any,
    done: Collection[str],
) -> None:
    """Takes batches until there is none, or somebody asks to stop; None comes last."""
    try:
        with jax.default_device(device):
            while not stop.is_set():
                try:
                    index, batch = waiting.get_nowait()
                except queue.Empty:
                    break
                # Nothing to restore: measurements are short enough to be run again.
                for step in _steps(batch, [device], done, lambda name: None):
                    steps.put((index, step))
                    if stop.is_set():
                        return
    finally:
        steps.put(None)
