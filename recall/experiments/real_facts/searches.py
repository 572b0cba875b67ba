"""Transformers that learn a table of named facts, all of it: a single size."""

import dataclasses
from typing import Any, ClassVar

from typing_extensions import override

from recall.data import fact_tables, recall_task
from recall.models import fit
from recall.sweeps import transformer_search

WHOLE = 1  # the only size: all facts of the table


@dataclasses.dataclass(frozen=True, kw_only=True)
class FactSearch(transformer_search.RecallSearch):
    """One transformer, trained on the facts of a table.

    Attributes:
        facts_of: the table.
        source: what rows call it.
        noise: noise tokens; None for S + R of them.
    """

    compile_seconds: ClassVar[float] = 8.0

    facts_of: fact_tables.FactTable
    source: str = "facts"
    noise: int | None = None
    world: str = "given"  # facts are read, so worlds of other sizes are not drawn
    expected: int = WHOLE
    limit: int = WHOLE

    @override
    def sizes(self, n: Any) -> recall_task.Sizes:
        del n
        S, R = len(self.facts_of.subjects), len(self.facts_of.relations)
        D = -(-len(self.facts_of.answers) // R)  # R D answers have room for all
        noise = S + R if self.noise is None else self.noise
        return recall_task.Sizes(subjects=S, relations=R, answers=D, noise=noise)

    @override
    def own_columns(self) -> dict[str, Any]:
        return super().own_columns() | {"source": self.source, "num_outputs": None}

    @override
    def size_columns(self, n: int) -> dict[str, Any]:
        counts = super().size_columns(n)
        return counts | {"n": self.facts(n), "answers": len(self.facts_of.answers)}

    @override
    def facts(self, n: int) -> int:
        return self.facts_of.num_facts  # pairs without an answer are none

    @override
    def own_shape(self) -> transformer_search.Shape:
        widths = self.d, self.heads, self.head_dim, self.m
        return transformer_search.Shape(WHOLE, self.sizes(WHOLE).answers, *widths)

    @override
    def problem(self, shape: transformer_search.Shape) -> fit.Problem:
        ids, num_answers = self.facts_of.ids, len(self.facts_of.answers)
        world = recall_task.world_of_ids(ids, num_answers, self.sizes(WHOLE).noise)
        return super().problem(shape)._replace(world=world)

    @override
    def sampling(self, shape: transformer_search.Shape) -> fit.Sampling:
        reads = self.reads
        # Facts are drawn from a list: a table with gaps has no grid of pairs.
        batch = min(reads.batch, self.facts_of.num_facts)
        facts = min(reads.share, batch)
        return fit.Sampling(
            length=reads.length,
            layout=reads.layout,
            contexts=batch // facts,
            facts=facts,
            checks=reads.checks,
        )

    @override
    def kind(self) -> tuple:
        return *super().kind(), self.facts_of, self.noise
