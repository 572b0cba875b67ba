"""Stage times of curves that were made up."""

import numpy as np
import pytest

from recall.theory import clock

LN2, LN4 = np.log(2), np.log(4)


def read(loss, relation_loss):
    at = np.arange(len(loss)) * 10.0
    return clock.stages(at, np.array(loss), np.array(relation_loss), LN4, LN2)


def test_stages_of_a_plateau():
    loss = [2.1, 2.0, LN4 + 0.05, LN4, LN4 - 0.09, 1.0, 0.6, 0.1]
    relation = [0.7, 0.5, 0.2, 0.1, 0.1, 0.1, 0.1, 0.1]
    found = read(loss, relation)
    assert found.relation == pytest.approx(10 + 10 * (0.5 - LN2 / 2) / 0.3)
    assert (found.plateau_start, found.plateau_end) == (20, 40)
    assert found.facts == pytest.approx(50 + 10 * (1 - LN4 / 2) / 0.4)


def test_a_loss_that_passes_by_before_the_relation_is_known_is_no_plateau():
    found = read([2.1, LN4, 1.0, 0.5, 0.1], [0.7, 0.7, 0.7, 0.1, 0.0])
    assert np.isnan(found.plateau_start)
    assert np.isnan(found.plateau_end)
    assert 20 < found.relation < 30


def test_a_plateau_ends_at_its_first_gap():
    found = read([2.0, LN4, LN4, 1.0, LN4, LN4], [0.7] + [0.0] * 5)
    assert (found.plateau_start, found.plateau_end) == (10, 20)


def test_what_never_happens_is_nan_and_what_lasts_ends_with_the_run():
    assert all(np.isnan(read([2.0, 2.0], [0.7, 0.7])))
    found = read([2.0, LN4, LN4], [0.7, 0.1, 0.1])
    assert (found.plateau_start, found.plateau_end) == (10, 20)
    assert np.isnan(found.facts)


def test_a_diverged_loss_is_never_learned():
    found = read([2.0, np.nan, np.nan], [0.7, np.nan, np.nan])
    assert all(np.isnan(found))
