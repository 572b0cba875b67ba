"""The table of claims: verdicts, and the numbers that they follow from."""

import math
from collections.abc import Iterable, Mapping, Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from recall import experiments
from recall.stats import claims as checks

COLUMNS = ("id", "claim", "verdict", "measured", "published", "rows and command")
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
    """Every claim with the checks that decide it."""
    drawn = Table(
        title="Claims",
        caption=Text(_CAPTION),
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        show_lines=True,
    )
    for column, width in zip(COLUMNS, (3, 24, 10, 40, 20, 20), strict=True):
        drawn.add_column(column, ratio=width, overflow="fold")
    for line in lines(tables, "\n"):
        drawn.add_row(*map(Text, line))
    return drawn


def lines(tables: checks.Tables, separator: str) -> list[tuple[str, ...]]:
    """The cells of every claim, by COLUMNS."""
    return [
        (
            claim.name,
            claim.statement,
            judgement.verdict,
            separator.join(_measured(judgement)),
            claim.published,
            _source(claim, separator),
        )
        for claim, judgement in judge_all(tables)
    ]


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


def _source(claim: checks.Claim, separator: str) -> str:
    files = [f"results/{name}.csv" for name in claim.tables]
    return separator.join([*files, f"--config=configs/{claim.config}"])
