"""Transformers that learn a table of named facts, all of it: a single size."""

import dataclasses
from typing import Any, ClassVar

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
    world: str = "given"
    expected: int = WHOLE
    limit: int = WHOLE

    def sizes(self, n: Any) -> recall_task.Sizes:
        """Those of the table, whatever n; R D answers have room for all."""
        del n
        S, R = len(self.facts_of.subjects), len(self.facts_of.relations)
        D = -(-len(self.facts_of.answers) // R)
        noise = S + R if self.noise is None else self.noise
        return recall_task.Sizes(subjects=S, relations=R, answers=D, noise=noise)

    def own_columns(self) -> dict[str, Any]:
        """What rows say about this transformer and its facts."""
        return super().own_columns() | {"source": self.source, "num_outputs": None}

    def size_columns(self, n: int) -> dict[str, Any]:
        """Facts, and what they are made of."""
        counts = super().size_columns(n)
        return counts | {"n": self.facts(n), "answers": len(self.facts_of.answers)}

    def facts(self, n: int) -> int:
        """Pairs that have an answer."""
        return self.facts_of.num_facts

    def own_shape(self) -> transformer_search.Shape:
        """Of the table; there is one size."""
        widths = self.d, self.heads, self.head_dim, self.m
        return transformer_search.Shape(WHOLE, self.sizes(WHOLE).answers, *widths)

    def problem(self, shape: transformer_search.Shape) -> fit.Problem:
        """Embeddings and initial weights of a random world, and the facts."""
        sizes = self.sizes(WHOLE)
        given = self.facts_of.ids, len(self.facts_of.answers), sizes.noise
        return super().problem(shape)._replace(world=recall_task.world_of_ids(*given))

    def sampling(self, shape: transformer_search.Shape) -> fit.Sampling:
        """Contexts of a step and facts in each, wherever these are in the table."""
        reads = self.reads
        batch = min(reads.batch, self.facts_of.num_facts)
        facts = min(reads.share, batch)
        return fit.Sampling(
            length=reads.length,
            layout=reads.layout,
            contexts=batch // facts,
            facts=facts,
            checks=reads.checks,
        )

    def kind(self) -> tuple:
        """What searches must share to share a program."""
        return *super().kind(), self.facts_of, self.noise
