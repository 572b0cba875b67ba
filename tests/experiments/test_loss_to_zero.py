"""The loss falls along the flow as theory says, and settings of it are checked."""

import math

import jax
import pytest
from matplotlib.figure import Figure
from scipy import integrate

from configs import loss_to_zero
from recall.experiments.loss_to_zero import claims, figure, measure, table
from recall.runs import planning
from recall.stats import claims as rules


def config(**changes):
    made = loss_to_zero.get_config("quick")
    small = {"worlds": ((4, 2, 2),), "seeds": (0,), "doublings": 6, "duration": 20.0}
    made.update(small | changes)
    return made


@pytest.fixture(scope="module")
def rows():
    return list(planning.rows_of(config(init_scales=(0.1,)), jax.devices()[:1]))


def test_every_run_ends_below_its_checks_and_near_the_rate_of_theory(rows):
    runs = [row for row in rows if row["kind"] == "run"]
    assert len(runs) == 4  # two kinds of facts, two methods
    for run in runs:
        own = [
            r["loss"]
            for r in rows
            if r["kind"] == "trace" and r["search"] == run["search"]
        ]
        assert own == sorted(own, reverse=True)
        assert run["loss"] == own[-1] < 5e-3
        assert run["slope"] == pytest.approx(run["predicted_slope"], rel=0.12)
        assert run["alignment"] > 0.9


def test_the_flow_conserves_and_descent_stays_close_to_it(rows):
    by_method = {
        method: [r for r in rows if r["kind"] == "run" and r["method"] == method]
        for method in measure.METHODS
    }
    assert len(by_method["flow"]) == 2
    for flow, descent in zip(*by_method.values(), strict=True):
        assert flow["drift"] < 1e-3
        assert descent["loss"] == pytest.approx(flow["loss"], rel=0.05)


@pytest.mark.parametrize("loss", [0.1, 1e-3, 1e-6])
def test_the_slope_of_theory_solves_its_differential_equation(loss):
    """Of du/dt = ln u, followed from u = 2 to 1/loss, t being li up to a constant."""
    u = 1 / loss
    time = integrate.quad(lambda x: 1 / math.log(x), 2, u, limit=200)[0]
    li_2 = 1.0451637801174927
    assert measure.slope_of(loss) == pytest.approx(
        (time + li_2) * math.log(u) / u, rel=1e-6
    )


def test_rows_are_drawn_tabulated_and_judged(rows):
    assert isinstance(figure.draw(rows), Figure)
    (made,) = table.tables(rows)
    assert len(made.rows) == 4
    (claim,) = claims.CLAIMS
    slow = [r | {"loss": 0.1} if r["kind"] == "run" else r for r in rows]
    assert rules.judge(claim, {"loss_to_zero": slow}).verdict == rules.REFUTED
    small = [r | {"loss": 1e-5} if r["kind"] == "run" else r for r in rows]
    assert rules.judge(claim, {"loss_to_zero": small}).verdict == rules.HOLDS
    with pytest.raises(ValueError, match="Expected rows of checks"):
        figure.draw([])


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("worlds", ((4, 2),), "Expected worlds of"),
        ("worlds", ((4, 2, 1),), "two answers or more"),
        ("methods", ("newton",), "methods"),
        ("learning_rate", 0.0, "learning_rate"),
        ("doublings", 1, "doublings"),
    ],
)
def test_wrong_fields_are_named(field, value, message):
    with pytest.raises(ValueError, match=message):
        planning.plan_of(config(**{field: value}))


def test_lanes_are_named_by_their_settings():
    plan = planning.plan_of(config())
    assert len({lane.digest() for lane in plan.lanes}) == len(plan.lanes) == 12
    assert all(batch.about().core_seconds > 0 for batch in plan.batches)
