"""The table of claims: verdicts, and the numbers that they follow from."""

import math
from collections.abc import Iterable, Mapping, Sequence

from recall import experiments
from recall.stats import claims as checks
from recall.stats.table import Table

_COLUMNS = ("id", "claim", "verdict", "measured", "published", "rows and command")
_CAPTION = (
    "value [interval over seeds, or range] (what the claim allows). A check marked ~ "
    "only limits a claim that it misses; any other refutes it; x: missed. Open: rows "
    "are missing, or the claim names no number that could decide it."
)


def everything() -> list[checks.Claim]:
    """Returns the claims of all experiments: storage, recall, learning, questions."""
    claims = [claim for part in experiments.parts("claims") for claim in part.CLAIMS]
    # Not by the alphabet: in the order in which the paper makes them.
    return sorted(claims, key=lambda claim: ("SRLQ".index(claim.name[0]), claim.name))


def judge_all(tables: checks.Tables) -> list[tuple[checks.Claim, checks.Judgement]]:
    """Judges every claim by the tables of rows there are, by name of experiment."""
    return [(claim, checks.judge(claim, tables)) for claim in everything()]


def table(tables: checks.Tables) -> Table:
    """Returns every claim with the checks that decide it."""
    lines = [
        (
            claim.name,
            claim.statement,
            judgement.verdict,
            "\n".join(_measured(judgement)),
            claim.published,
            _source(claim),
        )
        for claim, judgement in judge_all(tables)
    ]
    # All columns are labels: sentences wrap in a terminal, numbers would not.
    return Table("Claims", _COLUMNS, lines, _CAPTION, num_labels=len(_COLUMNS))


def counts(tables: Mapping[str, Sequence[checks.Row]]) -> str:
    """Returns a line that counts the claims of each verdict."""
    verdicts = [judgement.verdict for _, judgement in judge_all(tables)]
    kinds = (checks.HOLDS, checks.CONDITIONS, checks.REFUTED, checks.OPEN)
    parts = ", ".join(f"{verdicts.count(kind)} {kind}" for kind in kinds)
    return f"{len(verdicts)} claims: {parts}."


def _measured(judgement: checks.Judgement) -> Iterable[str]:
    if judgement.missing:
        return [f"no rows of {', '.join(judgement.missing)}: run the command"]
    return map(_check, judgement.checks)


def _check(check: checks.Check) -> str:
    mark = "" if check.passed else "x "
    value = _number(check.value)
    if not math.isnan(check.low):  # a check of one number has no interval
        value += f" [{_number(check.low)}, {_number(check.high)}]"
    limits = "~" if check.limits else ""
    return f"{mark}{check.what}: {value} ({limits}{_allowed(check)})"


def _allowed(check: checks.Check) -> str:
    if math.isinf(check.least):
        return f"<= {_number(check.most)}"
    if math.isinf(check.most):
        return f">= {_number(check.least)}"
    return f"{_number(check.least)} to {_number(check.most)}"


def _number(value: float | int) -> str:
    if math.isnan(value):
        return "none"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _source(claim: checks.Claim) -> str:
    files = [f"results/{name}.csv" for name in claim.tables]
    return "\n".join([*files, f"--config=configs/{claim.config}"])
