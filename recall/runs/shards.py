"""A plan divided between machines: by a rule that they share, without a word.

The lanes of a plan are numbered, those of its cells first. A part of a plan keeps some
of them, in the programs and the padded shapes that they had, so that nothing they find
depends on how a plan was divided or on what is done already.
"""

import itertools
import math
import re
from collections.abc import Collection
from typing import NamedTuple, TypeVar

from recall.runs import planning
from recall.sweeps import cells, jobs

PIECES = 4  # of work for each worker, so that all end at about the same time
WORTH = 4.0  # compilations that a piece of work is worth
_Member = TypeVar("_Member")


class Shard(NamedTuple):
    """One of `count` equal parts of a plan: lanes index, index + count, ..."""

    index: int
    count: int

    def __str__(self) -> str:
        """As it is written on the command line."""
        return f"{self.index}/{self.count}"


def parse(text: str) -> Shard:
    """Reads "i/n".

    Raises:
        ValueError: unless 0 <= i < n.
    """
    found = re.fullmatch(r"(\d+)/(\d+)", text)
    if found is None or not int(found[1]) < int(found[2]):
        raise ValueError(f"Expected shard=i/n with 0 <= i < n; got shard={text}.")
    return Shard(int(found[1]), int(found[2]))


def share(plan: planning.Plan, shard: Shard) -> planning.Plan:
    """The part of a plan that is a shard's: every lane is in exactly one."""
    lanes = len(planning.lanes(plan))
    return part(plan, range(shard.index, lanes, shard.count))


def part(plan: planning.Plan, numbers: Collection[int]) -> planning.Plan:
    """The part of a plan that has the lanes of these numbers."""
    at, kept_cells, kept_jobs = 0, [], []
    for cell in plan.cells:
        own = [i for i in range(len(cell.searches)) if at + i in numbers]
        at += len(cell.searches)
        kept_cells += [_cell_part(cell, own)] if own else []
    for job in plan.jobs:
        lanes = len(job.lanes)
        own = tuple(i for i in range(lanes) if at + i in numbers)
        at += lanes
        whole = len(own) == lanes
        kept_jobs += [job if whole else jobs.Part(job=job, own=own)] if own else []
    return plan._replace(cells=kept_cells, jobs=kept_jobs)


def units(plan: planning.Plan, workers: int) -> list[range]:
    """Divides a plan into pieces of work to be handed out, the longest first.

    A piece is some lanes of one program, by their numbers. It is worth several times
    its compilation, and there are several for each worker if there is work enough;
    pieces of a program have as many lanes, but for its last.
    """
    programs = _programs(plan)
    fair = sum(program.seconds for program in programs) / (PIECES * max(workers, 1))
    found: list[tuple[float, range]] = []
    for first, lanes, seconds, compiling in programs:
        pieces = round(seconds / max(fair, WORTH * compiling, 1e-9))
        size = math.ceil(lanes / min(max(pieces, 1), lanes))
        for at in range(0, lanes, size):
            own = range(first + at, first + min(at + size, lanes))
            found.append((len(own) * seconds / lanes, own))
    return [own for _, own in sorted(found, key=lambda f: (-f[0], f[1].start))]


class _Program(NamedTuple):
    """Lanes that share a program.

    Attributes:
        first: number of the first.
        lanes: how many there are.
        seconds: estimate of their work.
        compiling: estimate of compiling it.
    """

    first: int
    lanes: int
    seconds: float
    compiling: float


def _programs(plan: planning.Plan) -> list[_Program]:
    """The programs of a plan, in order; jobs share one with those beside them."""
    found, at = [], 0
    for cell in plan.cells:
        lanes, compiling = len(cell.searches), cell.searches[0].compile_seconds
        found.append(_Program(at, lanes, cells.core_seconds(cell), compiling))
        at += lanes
    for _, some in itertools.groupby(plan.jobs, key=jobs.program_of):
        alike = list(some)
        lanes = sum(len(job.lanes) for job in alike)
        seconds = sum(job.core_seconds for job in alike)
        found.append(_Program(at, lanes, seconds, alike[0].compile_seconds))
        at += lanes
    return found


def _cell_part(cell: cells.Cell, own: Collection[int]) -> cells.Cell:
    """Some searches of a cell, in its shape."""

    def some(members: tuple[_Member, ...]) -> tuple[_Member, ...]:
        return tuple(members[i] for i in own)

    return cells.Cell(
        searches=some(cell.searches),
        shape=cell.shape,
        firsts=some(cell.firsts),
        behind=some(cell.behind),
    )
