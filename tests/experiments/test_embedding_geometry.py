"""Laws of coherence, fitted to rows that follow one; and the experiment's plan."""

from typing import Any

import configs_made
import numpy as np
import pytest
from capacity_rows import search
from numpy.testing import assert_allclose

from recall.experiments.embedding_geometry import figure as figures
from recall.experiments.embedding_geometry import lanes as geometry_lanes
from recall.experiments.embedding_geometry import summary as geometry_laws
from recall.experiments.embedding_geometry import table as reports

OVERLAPS = (1.0, 1.5, 2.0, 3.0, 5.0, 8.0, 12.0)


def table(memory="outer_product"):
    """Capacity 100 overlap^-2 exp(-3 spread^2), of geometries named by a number."""
    rows = []
    for i, overlap in enumerate(OVERLAPS):
        name, spread = (
            geometry_laws.RANDOM if i == 0 else f"power_law:{i}",
            0.1 * (i % 3),
        )
        rms, n = np.sqrt(overlap / 16), 1e6 * overlap**-2 * np.exp(-6 * spread**2)
        sides = {
            f"{side}_{key}": {"rms_overlap": rms, "norm_spread": spread}.get(
                key, 0.1 * i
            )
            for side in ("inputs", "outputs")
            for key in geometry_laws.MEASURES
        }
        for seed in range(3):
            same = {"embedding": name, "d": 16, "seed": seed}
            kind = {"memory": memory, "m": None, "activation": None, "trained": False}
            capacity = round(n) + seed - 1
            rows.append(search(capacity, threshold=0.99, recipe=None, **kind, **same))
            key = f"{name}:{seed}"
            rows.append({"kind": "run", "key": key, "predicted": 2 * n} | same | sides)
    return rows


def test_a_law_is_found_again():
    (own,) = geometry_laws.by_memory(geometry_laws.entries(table())).values()
    assert [e.overlap for e in own] == pytest.approx(OVERLAPS)
    fit = geometry_laws.law(own)
    assert_allclose([fit.constant, fit.overlap, fit.spread], [1e6, -2, -3], rtol=1e-2)
    assert_allclose(fit.mean, 0.0, atol=1e-2)
    assert_allclose([fit.error, fit.unfitted, fit.bias], [1, 2, 0.5], rtol=1e-2)
    assert_allclose(fit.ranks["predicted"], 1.0)
    assert_allclose(fit.ranks["rms_overlap"], -1.0)
    assert_allclose(own[-1].relative, own[-1].point.median / 1e6)
    with pytest.raises(ValueError, match="at least 6 geometries for a law; got 5"):
        geometry_laws.law(own[:5])


def test_figures_and_tables_show_every_geometry():
    rows = table() + table("whitened")
    left, right = figures.geometry(rows).axes
    container: Any = left.containers[0]
    x, y = np.asarray(container.lines[0].get_data(), float)
    assert_allclose(x, 2 * y, rtol=1e-3)
    assert len(right.collections) == 2
    geometries, laws = reports.tables(rows)
    assert len(geometries.rows) == 2 * len(OVERLAPS)
    assert [line[1] for line in laws.rows] == ["7", "7"]
    (axes,) = figures.real(rows).axes
    assert len(axes.containers) == 2
    assert len(axes.get_xticklabels()) == len(OVERLAPS)
    for draw in (figures.geometry, figures.real):
        with pytest.raises(ValueError, match=r"^Expected rows of capacities"):
            draw([])


def test_a_lane_measures_the_facts_of_its_seed():
    lane = geometry_lanes.GeometryLane(
        embedding="shared_mean:0.7", d=8, seed=0, threshold=0.99, num_points=64
    )
    job = geometry_lanes.GeometryBatch(lanes=(lane,))
    ((row,),) = job.measure(job.lanes)
    assert row["kind"] == "run"
    assert_allclose(row["inputs_mean_share"], 0.7, atol=0.1)
    assert row["inputs_norm_spread"] < 0.3
    assert 1 <= row["predicted"] < 20
    assert not list(job.run([], {lane.digest()}, lambda name: None))


# Its config

GEOMETRY = "embedding_geometry"
WRONG = [
    (GEOMETRY, {"parts": ("all",)}, ["parts", "'all'", "'built'"]),
    (GEOMETRY, {"num_points": 1}, ["num_points", "1", ">= 16"]),
    (GEOMETRY, {"threshold": 0.0}, ["threshold", "0.0", "(0, 1]"]),
    (GEOMETRY, {"built__geometries": ("cube",)}, ["embedding", "'cube'", "'sphere'"]),
    (GEOMETRY, {"built__geometries": ("sphere>cube",)}, ["embedding", "'cube'"]),
    (GEOMETRY, {"built__geometries": ("low_rank:99",)}, ["99 <= d", "d=64"]),
    (GEOMETRY, {"built__geometries": ("power_law:9",)}, ["exponent", "'9'", "<= 8"]),
    (GEOMETRY, {"transformer__geometries": ("a>b",)}, ["one geometry", "'a>b'"]),
    ("real_embeddings", {"built__d": (385,)}, ["<= 384", "d=385"]),
]


@pytest.mark.usefixtures("language_model")
@pytest.mark.parametrize(("name", "changes", "words"), WRONG)
def test_a_wrong_value_is_named_with_its_field_and_what_is_allowed(
    name, changes, words
):
    configs_made.refuses(name, changes, words)
