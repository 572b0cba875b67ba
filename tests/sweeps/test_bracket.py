"""The sizes that five searches probe, one after the other, whatever is true."""

import hashlib
import json

import pytest

from recall.experiments.constructions import lanes as construction_lanes
from recall.experiments.constructions import measure as constructions
from recall.experiments.learned_embeddings import lanes as learned_lanes
from recall.experiments.learned_embeddings import measure as learned
from recall.experiments.memory_weights import measure as memory_weights
from recall.experiments.real_facts import measure as real_facts
from recall.experiments.separability import measure as separability
from recall.sweeps import bracket

ODD = -1  # stands for answers that are not monotone


def stores(smallest):
    """Returns the answer at each size: from `smallest` on, or an odd pattern."""
    if smallest == ODD:
        return lambda size: size * 7919 % 13 < 5
    return lambda size: size >= smallest


def of_facts(first, limit, smallest, loss=0):
    """Probes for all facts, and again for most of them, which take `loss` less."""
    sizes = [3 * i + 2 for i in range(limit)]
    probed = []
    for least in (smallest, smallest - loss if smallest >= 0 else ODD):
        ok = {size: stores(least)(sizes.index(size)) for size in probed}
        while (size := real_facts.next_size(sizes, sizes[first - 1], ok)) is not None:
            probed.append(size)
            ok[size] = stores(least)(sizes.index(size))
    return probed


def probed_by(next_size, smallest):
    """Returns what a rule probes that reads the answers so far."""
    answers = {}
    while (size := next_size(answers)) is not None:
        answers[size] = stores(smallest)(size)
    return list(answers)


def of_weights(first, limit, smallest, resolution=0.0):
    rule = lambda stored: memory_weights.next_width(stored, first, limit, resolution)  # noqa: E731
    return probed_by(rule, smallest)


def of_learned(first, limit, smallest):
    lane = learned_lanes.WidthLane(
        memory="linear",
        mode="both",
        facts=12,
        num_outputs=None,
        seed=0,
        learning_rate=0.1,
        num_steps=64,
        check_every=16,
        expected=first,
        most=limit,
    )
    return probed_by(lambda stored: learned.next_width(lane, stored), smallest)


def of_separability(first, limit, smallest, undecided=0, resolution=0.0):
    """Probes where sizes below `smallest` are stored and some then stay undecided."""
    known, probed = separability.Known(), []
    while True:
        n = separability.next_size(known, first, limit, resolution)
        if n is None:
            return probed
        probed.append(n)
        verdict = "stored"
        if stores(smallest)(n):
            verdict = "undecided" if n < smallest + undecided else "impossible"
        known = separability.learn(known, n, verdict)


def of_constructions(monkeypatch, first, limit, smallest):
    lane = construction_lanes.Lane(
        construction="plain",
        subjects=4,
        relations=4,
        answers=2,
        width=None,
        sizes=tuple(range(limit)),
        claim=first - 1,
        head_size=1,
        keys="sum",
        sharpness=1.0,
        ladder=(),
        lengths=(),
        contexts=1,
        embedding="sphere",
        seed=0,
    )
    probed = []

    def ask(_, size, *__):
        probed.append(size)
        return [{"stored": stores(smallest)(size)}]

    monkeypatch.setattr(construction_lanes, "build", lambda *_: "a model")
    monkeypatch.setattr(constructions, "_ask", ask)
    monkeypatch.setattr(constructions, "_end", lambda *_: {})
    list(constructions._search(lane))
    return probed


GRID = [
    (first, limit, smallest)
    for limit in (1, 2, 3, 10, 33, 200)
    for first in sorted({1, 2, 7, limit // 2, limit} & set(range(1, limit + 1)))
    for smallest in (ODD, *range(limit + 2))
]


def sequences(probes, **settings):
    """Returns what is probed from each guess, below each limit, for each truth."""
    grid = [g for g in GRID if g[2] != ODD] if "undecided" in settings else GRID
    return [probes(*g, **settings) for g in grid]


def digest(found):
    return hashlib.sha256(json.dumps(found).encode()).hexdigest()[:16]


@pytest.mark.parametrize(
    ("probes", "settings", "expected"),
    [
        (of_facts, {}, "6e69f2a5ca52bde0"),
        (of_facts, {"loss": 3}, "8fe5d8f792357196"),
        (of_weights, {}, "05cba669130189f6"),
        (of_weights, {"resolution": 0.01}, "7fdb9aa139ac605e"),
        (of_weights, {"resolution": 0.1}, "fe20a523377576aa"),
        (of_learned, {}, "05cba669130189f6"),
        (of_separability, {"undecided": 0}, "b25d7ee9cf92fd07"),
        (of_separability, {"undecided": 4}, "a13723a75a992f7c"),
        (of_separability, {"undecided": 4, "resolution": 0.05}, "2e62f8c6988431f5"),
    ],
)
def test_committed_rows_hold_just_these_probes(probes, settings, expected):
    assert digest(sequences(probes, **settings)) == expected


def test_committed_rows_of_constructions_hold_just_these_probes(monkeypatch):
    found = [of_constructions(monkeypatch, *g) for g in GRID]
    assert digest(found) == "7d17ef92ae3b5fea"


def test_a_few_sequences_spelled_out(monkeypatch):
    assert of_facts(16, 33, 5) == [47, 44, 41, 35, 23, 2, 11, 17, 14]
    assert of_weights(10, 30, 40) == [10, 12, 14, 16, 18, 21, 24, 27, 30]
    assert of_weights(20, 99, 15) == of_learned(20, 99, 15) == [20, 17, 15, 13, 14]
    assert of_separability(50, 80, 44) == [50, 47, 44, 41, 42, 43]
    assert of_separability(50, 80, 63, undecided=5) == [
        *(50, 52, 54, 56, 58, 60, 62, 64, 63),  # the largest that is stored
        *(66, 68, 67),  # the smallest that is impossible
    ]
    assert of_constructions(monkeypatch, 16, 33, 5) == [15, 7, 3, 5, 4]


def test_a_no_above_the_smallest_yes_is_no_end():
    assert bracket.of({}) == bracket.Bracket()
    assert bracket.of({5: False, 3: True, 8: True}) == bracket.Bracket(high=3)
    assert bracket.of({0: True, 4: False}) == bracket.Bracket(high=0)
    answers = {2: False, 9: False, 1: False, 7: True}
    assert bracket.of(answers) == bracket.Bracket(low=2, high=7)


@pytest.mark.parametrize(
    ("known", "gap", "expected"),
    [
        ({}, 1, 4),
        ({"low": 4}, 1, 8),  # an end that is missing is looked for by the stride
        ({"low": 6}, 1, 9),  # and never beyond the last of the sizes
        ({"low": 8}, 5, 9),  # a gap is for two known ends
        ({"low": 9}, 1, None),
        ({"high": 8}, 1, 4),
        ({"high": 2}, 1, 1),
        ({"high": 1}, 1, None),
        ({"low": 3, "high": 8}, 4, 5),
        ({"low": 3, "high": 8}, 5, None),
    ],
)
def test_the_next_size_is_inside_of_what_is_left(known, gap, expected):
    stride, sizes = bracket.geometric(2.0, 2.0), range(1, 10)
    ends = bracket.Bracket(**known)
    assert bracket.next_size(ends, sizes, 4, stride, gap) == expected
