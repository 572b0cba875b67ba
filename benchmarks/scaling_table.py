"""Tables of the times of steps: measured, fitted, predicted."""

import statistics
from collections.abc import Iterable

from benchmarks import scaling_summary
from recall.stats.table import Table
from recall.store.row import Row
from recall.theory import costs

UNITS = (("days", 86400.0), ("h", 3600.0), ("min", 60.0), ("s", 1.0), ("ms", 1e-3))


def tables(rows: Iterable[Row]) -> list[Table]:
    """Returns tables of sweeps, launchers, steps, lanes, predictions."""
    rows = list(rows)
    parts = (_sweeps, _launchers, _fitted, _saturation, _lanes, _weak, _predicted)
    return [part(rows) for part in parts]


def duration(seconds: float) -> str:
    """Returns seconds in the largest unit of which there is one or more."""
    for unit, size in UNITS:
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e6:.3g} us"


def _sweeps(rows: list[Row]) -> Table:
    """Returns cold and warm times of the quick sweep, and their ratio."""
    times = {
        (count, warm): [
            row["seconds"]
            for row in rows
            if row["kind"] == "sweep" and (row["devices"], row["warm"]) == (count, warm)
        ]
        for count in (1, 2)
        for warm in (False, True)
    }
    body = []
    for warm in (False, True):
        one, two = (statistics.median(times[count, warm]) for count in (1, 2))
        name = "warm, median of several" if warm else "cold, one run"
        body.append([name, f"{one:.1f} s", f"{two:.1f} s", f"{one / two:.2f}"])
    return Table("", ["quick sweep", "1 device", "2 devices", "ratio"], body)


def _launchers(rows: list[Row]) -> Table:
    """Returns times of a sweep of a minute in one process, and by Dask workers."""
    times = {
        launcher: [r["seconds"] for r in rows if r.get("launcher") == launcher]
        for launcher in ("local", "dask")
    }
    local, dask = (statistics.median(spent) for spent in times.values())
    label = f"{len(times['dask'])} commands each"
    body = [[label, f"{local:.1f} s", f"{dask:.1f} s", f"{dask / local - 1:+.0%}"]]
    names = ["sweep of a minute, medians", "one process", "Dask", "overhead"]
    return Table("", names, body)


def _fitted(rows: list[Row]) -> Table:
    """Returns steps of single lanes on one device, measured and by fitted rates."""
    core = scaling_summary.fitted(rows)
    rate = core.machine
    text = (
        f"Rates fitted to one CPU device: {duration(rate.step)} a step, "
        f"{rate.flops / 1e9:.3g} Gflop/s, {rate.bytes / 1e9:.3g} GB/s; "
        f"half of the steps are within {core.error:.0%}."
    )
    body = [
        [name(row), f"{row['n']:,}", duration(row["seconds"]), duration(seconds)]
        for row, seconds in zip(core.rows, core.seconds, strict=True)
    ]
    return Table("", ["lane", "facts", "measured", "fitted"], body, text)


def name(row: Row) -> str:
    """Returns the memory of a row, and its widths."""
    widths = [f"{key}={row[key]}" for key in ("d", "heads", "head_dim", "m")]
    shown = [text for text in widths if not text.endswith(("=None", "="))]
    return " ".join([row["memory"], *shown])


def _lanes(rows: list[Row]) -> Table:
    """Returns steps a second of all lanes together."""
    body = [
        [
            *(name(row), str(row["lanes"]), str(row["devices"])),
            f"{row['lanes'] / row['seconds']:,.0f}",
            f"{_flops(row) / 1e9:.2f}",
            f"{_flops(row) / row['product_flops']:.1%}",
        ]
        for row in rows
        if row["kind"] == "lanes"
    ]
    columns = ["lane", "lanes", "devices", "lane steps a second", "Gflop/s"]
    return Table("", [*columns, "of a large product"], body)


def _flops(row: Row) -> float:
    """Returns operations a second of all lanes."""
    return row["lanes"] * row["flops"] / row["seconds"]


def _saturation(rows: list[Row]) -> Table:
    """Returns the lanes that one device needs for nearly the most that they reach."""
    lanes = [r for r in rows if (r["kind"], r.get("devices")) == ("lanes", 1)]
    body = []
    for of in dict.fromkeys(map(name, lanes)):
        mine = [row for row in lanes if name(row) == of]
        most = max(map(_flops, mine))
        enough = min(row["lanes"] for row in mine if _flops(row) >= 0.9 * most)
        part = most / mine[0]["product_flops"]
        body.append([of, str(enough), f"{most / 1e9:.2f}", f"{part:.1%}"])
    columns = ["lane", "lanes for 90 % of the most", "most Gflop/s"]
    return Table("", [*columns, "of a large product"], body)


def _weak(rows: list[Row]) -> Table:
    """Returns steps of a large memory with as many facts on each device."""
    body = [
        [
            *(str(row["devices"]), f"{row['n']:,}", duration(row["seconds"])),
            f"{row['devices'] * row['flops'] / row['seconds'] / 1e9:.3g}",
            *(f"{row['sent']:,}", f"{row['summed']:,}"),
        ]
        for row in rows
        if row["kind"] == "weak"
    ]
    columns = ["devices", "facts", "a step", "Gflop/s of all", "bytes sent", "summed"]
    return Table("", columns, body)


def _predicted(rows: list[Row]) -> Table:
    """Returns predictions of runs that were not made, on assumed accelerators."""
    body = [
        [
            *(one.what, str(one.devices), duration(one.seconds), one.limit),
            "-" if one.held is None else f"{one.held / 1e9:,.2f}",
            "yes" if one.fits else "no",
        ]
        for one in [*scaling_summary.grids(rows), *scaling_summary.large()]
    ]
    text = (
        f"Not measured: H100s at {costs.ATTAINED:.0%} of their published peaks, of"
        " float32 without tensor cores; within a host of eight over NVLink, beyond it"
        " over InfiniBand."
    )
    columns = ["run", "accelerators", "time", "limited by", "GB a device", "fits"]
    return Table("", columns, body, text)
