"""A plan divided between machines by a rule, so that they need not communicate.

The lanes of a plan are numbered in the order of its batches. A part of a plan keeps
some of them, in the programs and the padded shapes that they had, so that no result
depends on how a plan was divided or on what is done already.
"""

import itertools
import math
import re
from collections.abc import Collection
from typing import NamedTuple

from recall.sweeps.batch import Plan

UNITS = 4  # for each worker, so that all end at about the same time
WORTH = 4.0  # compilations that a unit is worth, or compiling would dominate


class Shard(NamedTuple):
    """One of `count` equal parts of a plan: lanes index, index + count, ..."""

    index: int
    count: int

    def __str__(self) -> str:
        """Returns i/n, as it is written on the command line."""
        return f"{self.index}/{self.count}"


def parse(text: str) -> Shard:
    """Reads a shard that is written "i/n".

    Raises:
        ValueError: unless 0 <= i < n.
    """
    numbers = re.fullmatch(r"(\d+)/(\d+)", text)
    if numbers is None or not int(numbers[1]) < int(numbers[2]):
        raise ValueError(f"Expected shard=i/n with 0 <= i < n; got shard={text}.")
    return Shard(int(numbers[1]), int(numbers[2]))


def share(plan: Plan, shard: Shard) -> Plan:
    """Returns a shard of a plan: every lane is in exactly one."""
    # Lane k to shard k mod n: neighbours cost alike, so that shards end together.
    return part(plan, range(shard.index, len(plan.lanes), shard.count))


def part(plan: Plan, numbers: Collection[int]) -> Plan:
    """Returns the part of a plan that has the lanes of these numbers."""
    at, batches = 0, []
    for batch in plan.batches:
        positions = [i for i in range(len(batch.lanes)) if at + i in numbers]
        at += len(batch.lanes)
        batches += [batch.part(positions)] if positions else []
    return plan._replace(batches=batches)


def units(plan: Plan, workers: int) -> list[range]:
    """Divides a plan into units of work to be handed out, the longest first.

    A unit is some lanes of one program, by their numbers. It is worth several times
    its compilation, and there are several for each worker if there is work enough;
    units of a program have as many lanes, but for its last.
    """
    programs = _programs(plan)
    fair = sum(program.seconds for program in programs) / (UNITS * max(workers, 1))
    units: list[tuple[float, range]] = []
    for first, lanes, seconds, compiling in programs:
        count = round(seconds / max(fair, WORTH * compiling, 1e-9))
        size = math.ceil(lanes / min(max(count, 1), lanes))
        for at in range(0, lanes, size):
            numbers = range(first + at, first + min(at + size, lanes))
            units.append((len(numbers) * seconds / lanes, numbers))
    by_cost = sorted(units, key=lambda unit: (-unit[0], unit[1].start))
    return [numbers for _, numbers in by_cost]


class _Program(NamedTuple):
    """Lanes that share a program.

    Attributes:
        first: number of the first lane.
        lanes: the number of lanes.
        seconds: estimate of their work.
        compiling: estimate of compiling the program.
    """

    first: int
    lanes: int
    seconds: float
    compiling: float


def _programs(plan: Plan) -> list[_Program]:
    """Returns the programs of a plan in order; neighbouring batches may share one."""
    programs, at = [], 0
    sized = [(batch.about(), len(batch.lanes)) for batch in plan.batches]
    for _, some in itertools.groupby(sized, key=lambda pair: pair[0].program):
        alike = list(some)
        lanes = sum(count for _, count in alike)
        seconds = sum(about.core_seconds for about, _ in alike)
        compiling = alike[0][0].compile_seconds
        programs.append(_Program(at, lanes, seconds, compiling))
        at += lanes
    return programs
