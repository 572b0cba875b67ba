"""A run whose stages are watched, small enough for tests."""

from recall.experiments.learning_stages import lanes as stage_lanes
from recall.experiments.learning_stages import measure as stage_jobs
from recall.experiments.learning_stages import shared as stage_common

SMALL = stage_lanes.StageLane(
    subjects=4,
    relations=2,
    answers=2,
    noise=3,
    length=6,
    structured=True,
    **stage_common.SIMPLIFIED,
    attention="linear",
    init="published",
    init_scale=1e-2,
    optimizer="sgd",
    learning_rate=0.5,
    loss="sampled",
    batch=16,
    share=4,
    checks=2,
    num_steps=256,
    check_every=4,
    until_learned=False,
    seed=0,
)


def rows_of(*lanes, trace=False, done=()):
    """The rows of a job of these lanes."""
    job = stage_jobs.StageBatch(lanes=tuple(lanes), trace=trace)
    return [row for batch in job.measure(job.left(done)) for row in batch]
