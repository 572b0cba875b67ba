"""Claims about factual recall, each judged from committed rows by a rule beside it.

A claim is a statement and the checks that decide it: numbers that rows give, with
the range that the statement allows. Verdicts follow from checks and are never typed.
"""

from collections.abc import Mapping, Sequence

from recall.claims import checks, factual, learning, questions, storage

CLAIMS: tuple[checks.Claim, ...] = (
    *storage.CLAIMS,
    *factual.CLAIMS,
    *learning.CLAIMS,
    *questions.CLAIMS,
)


def judge_all(
    tables: Mapping[str, Sequence[checks.Row]],
) -> list[tuple[checks.Claim, checks.Judgement]]:
    """Judges every claim by the tables of rows there are, by name of experiment."""
    return [(claim, checks.judge(claim, tables)) for claim in CLAIMS]
