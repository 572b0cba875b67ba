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
    found = [claim for module in experiments.parts("claims") for claim in module.CLAIMS]
    return sorted(found, key=lambda claim: ("SRLQ".index(claim.name[0]), claim.name))


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
    return Table("Claims", _COLUMNS, lines, _CAPTION, num_labels=len(_COLUMNS))


def counts(tables: Mapping[str, Sequence[checks.Row]]) -> str:
    """How many claims have each verdict, in a line."""
    verdicts = [judgement.verdict for _, judgement in judge_all(tables)]
    kinds = (checks.HOLDS, checks.CONDITIONS, checks.REFUTED, checks.OPEN)
    told = [f"{verdicts.count(kind)} {kind}" for kind in kinds]
    return f"{len(verdicts)} claims: {', '.join(told)}."


def _measured(judgement: checks.Judgement) -> Iterable[str]:
    if judgement.missing:
        return [f"no rows of {', '.join(judgement.missing)}: run the command"]
    return map(_check, judgement.checks)


def _check(check: checks.Check) -> str:
    mark = "" if check.passed else "x "
    ends = ""
    if not math.isnan(check.low):
        ends = f" [{_number(check.low)}, {_number(check.high)}]"
    limits = "~" if check.limits else ""
    return (
        f"{mark}{check.what}: {_number(check.value)}{ends} ({limits}{_allowed(check)})"
    )


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
