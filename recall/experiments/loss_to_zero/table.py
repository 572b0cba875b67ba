"""The table of final losses, and of slopes beside theory."""

import statistics
from collections.abc import Iterable

from recall.stats.table import Table
from recall.store.row import Row

KEPT = ("run", "trace")

_COLUMNS = (
    *("method", "facts", "S, R, D", "alpha", "loss [range]", "slope [range]"),
    *("slope of\ntheory", "alignment", "drift", "seeds"),
)


def tables(rows: Iterable[Row]) -> list[Table]:
    """Returns the ends of all settings, a line for the seeds of each."""
    settings: dict[tuple, list[Row]] = {}
    for row in rows:
        if row["kind"] == "run" and row["finite"]:
            sizes = f"{row['subjects']}, {row['relations']}, {row['answers']}"
            setting = row["method"], row["facts"], sizes, row["init_scale"]
            settings.setdefault(setting, []).append(row)
    lines = [_line(*setting, rows=settings[setting]) for setting in sorted(settings)]
    caption = (
        "slope: -d ln loss / d ln t over the last two doublings of time; theory: "
        "li(u) ln(u) / u at u = 1 / loss. alignment: cosine between weights and minus "
        "the gradient. drift: most that w(z)^2 - sum_a V(a, z)^2 moved. Medians."
    )
    return [Table("Loss towards zero", _COLUMNS, lines, caption, num_labels=3)]


def _line(
    method: str, facts: str, sizes: str, scale: float, *, rows: list[Row]
) -> list[str]:
    return [
        *(method, facts, sizes, f"{scale:g}"),
        _range([row["loss"] for row in rows], ".1e"),
        _range([row["slope"] for row in rows if row["slope"] is not None], ".3f"),
        _median([row["predicted_slope"] for row in rows if row["slope"]], ".3f"),
        _median([row["alignment"] for row in rows], ".3f"),
        f"{max(row['drift'] for row in rows):.0e}",
        str(len(rows)),
    ]


def _median(values: list[float], digits: str) -> str:
    return f"{statistics.median(values):{digits}}" if values else "-"


def _range(values: list[float], digits: str) -> str:
    if not values:
        return "-"
    low, high = (f"{pick(values):{digits}}" for pick in (min, max))
    return f"{_median(values, digits)} [{low}, {high}]"
