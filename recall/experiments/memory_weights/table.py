"""Tables of the fewest weights that store given facts."""

from collections.abc import Iterable

import numpy as np

from recall.stats.table import Table
from recall.store.row import Row

KEPT = ("run", "probe")

_COLUMNS = (
    *("method", "d", "facts", "width", "weights [range]", "plain MLP"),
    *("F ln F / weights", "seeds"),
)
_CAPTION = (
    "weights: all of them, random ones too. plain MLP: of the plain MLP that"
    " computes the same. Closed forms, without any iteration, are so marked."
)


def tables(rows: Iterable[Row]) -> list[Table]:
    """Returns weights of each method and set of facts, with ranges over seeds."""
    lines = _lines([row for row in rows if row["kind"] == "run"])
    return [Table("Fewest weights that store all facts", _COLUMNS, lines, _CAPTION)]


def _lines(found: list[Row]) -> list[list[str]]:
    """Returns a line for each method and set of facts."""
    keys = dict.fromkeys((row["method"], row["d"], row["facts"]) for row in found)
    lines = []
    for method, d, facts in keys:
        mine = [
            r for r in found if (r["method"], r["d"], r["facts"]) == (method, d, facts)
        ]
        stored = [row for row in mine if row["weights"] is not None]
        form = "" if mine[0]["iterative"] else " (closed form)"
        line = [method.replace("_", " ") + form, str(d), f"{facts:,}"]
        lines.append(line + _numbers(stored, facts) + [f"{len(stored)} of {len(mine)}"])
    return lines


def _plain(row: Row) -> int | None:
    """Weights 2 m d of the plain MLP of G gates, m = G (d + 1), zeros among them."""
    if row["method"] != "sign_gates":
        return None
    d = row["d"]
    return 2 * d * (d + 1) * -(-row["width"] // d)


def _numbers(stored: list[Row], facts: int) -> list[str]:
    if not stored:
        return ["-"] * 4
    weights = np.array([row["weights"] for row in stored], float)
    median = float(np.median(weights))
    plain = [count for row in stored if (count := _plain(row)) is not None]
    return [
        f"{np.median([row['width'] for row in stored]):g}",
        f"{median:,.0f} [{weights.min():,.0f}, {weights.max():,.0f}]",
        f"{np.median(plain):,.0f}" if plain else "-",
        f"{facts * np.log(facts) / median:.2f}",
    ]
