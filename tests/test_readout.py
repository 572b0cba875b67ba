"""Scores, margins, counts and losses: by hand, against float64, whole and in blocks."""

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from recall import facts, readout

N, M, D = 7, 10, 3  # of random fact sets
BLOCKS = [1, 21, 63]  # scores held at once: blocks of 1, 3 and 9 outputs of 10
LIVE = [(7, 10), (5, 8), (4, 3), (1, 1)]  # facts and outputs; whole blocks may be dead

margins = jax.jit(readout.margins, static_argnums=2)
num_correct = jax.jit(readout.num_correct, static_argnums=2)
loss = jax.jit(readout.loss, static_argnums=2)


def fact_set(outputs, targets, n=None, num_outputs=None):
    """Facts whose inputs do not matter, all of them live unless told."""
    outputs, targets = jnp.asarray(outputs, jnp.float32), jnp.asarray(targets)
    num_rows, d = len(targets), outputs.shape[1]
    return facts.Facts(
        inputs=jnp.zeros((num_rows, d)),
        outputs=outputs,
        targets=targets.astype(jnp.int32),
        n=jnp.asarray(num_rows if n is None else n, jnp.int32),
        num_outputs=jnp.asarray(
            len(outputs) if num_outputs is None else num_outputs, jnp.int32
        ),
    )


def random_case(n, num_outputs, seed=0):
    """Recalled vectors, and facts of which the first n and their outputs are live."""
    rng = np.random.default_rng(seed)
    targets = np.where(np.arange(N) < n, np.arange(N) % num_outputs, 0)
    fact = fact_set(rng.normal(size=(M, D)), targets, n, num_outputs)
    return jnp.asarray(2 * rng.normal(size=(N, D)), jnp.float32), fact


def cross_entropy(recalled, outputs, fact, max_scores=readout.MAX_SCORES):
    return readout.cross_entropy(recalled, fact._replace(outputs=outputs), max_scores)


@functools.partial(jax.jit, static_argnums=2)
def value_and_grads(recalled, fact, max_scores=readout.MAX_SCORES):
    value_and_grad = jax.value_and_grad(cross_entropy, argnums=(0, 1))
    return value_and_grad(recalled, fact.outputs, fact, max_scores)


#             scores of the outputs     right  margin
TABLE = [
    ([2, 1], [2.0, 1.0, -1.0], 0, 1.0),
    ([0, -1], [0.0, -1.0, -1.0], 0, 1.0),
    ([-1, 1], [-1.0, 1.0, 2.0], 2, 1.0),
    ([2, 1], [2.0, 1.0, -1.0], 1, -1.0),
    ([1, 1], [1.0, 1.0, 0.0], 0, 0.0),  # a tie is a failure
    ([3, 0], [3.0, 0.0, -3.0], 0, 3.0),  # this row is dead in the tests
]
RECALLED = jnp.asarray([row[0] for row in TABLE], jnp.float32)
OUTPUTS = [[1, 0], [0, 1], [-1, 1], [9, 9]]  # the last one is dead in the tests


@pytest.fixture
def table():
    return fact_set(OUTPUTS, [row[2] for row in TABLE], n=5, num_outputs=3)


def test_scores_by_hand(table):
    scores = readout.scores(RECALLED, table)
    assert_array_equal(scores[:, :3], [row[1] for row in TABLE])
    assert_array_equal(scores[:, 3], -np.inf)


def test_own_scores_by_hand(table):
    own = readout.own_scores(RECALLED, table)
    assert_array_equal(own, [2.0, 0.0, 2.0, 1.0, 1.0, 3.0])


@pytest.mark.parametrize("max_scores", [1, 12, 24])
def test_margins_by_hand_and_a_dead_row_cannot_fail(table, max_scores):
    expected = [row[3] for row in TABLE[:5]]
    found = margins(RECALLED, table, max_scores)
    assert_array_equal(found, [*expected, np.inf])
    assert int(num_correct(RECALLED, table, max_scores)) == 3


def test_accuracy_by_hand(table):
    assert_allclose(readout.accuracy(RECALLED, table), 3 / 5)


def test_dead_rows_are_not_counted_though_their_margin_is_infinite(table):
    counts = [num_correct(RECALLED, facts.take(table, jnp.int32(n))) for n in (1, 2, 3)]
    assert_array_equal(counts, [1, 2, 3])


def test_a_single_fact_has_no_rival():
    one = fact_set([[1, 0]], [0])
    recalled = jnp.asarray([[-1.0, 0.0]])
    assert_array_equal(margins(recalled, one), [np.inf])
    assert int(num_correct(recalled, one)) == 1
    assert float(readout.accuracy(recalled, one)) == 1.0
    assert float(loss(recalled, one).value) == 0.0


def test_no_facts_are_all_recalled():
    none = fact_set([[1, 0], [0, 1]], [0, 1], n=0)
    assert float(readout.accuracy(jnp.zeros((2, 2)), none)) == 1.0


@pytest.mark.parametrize("n", [41, 49, 165, 1000])
def test_counts_are_exact_where_a_mean_of_ones_need_not_be_one(n):
    whole = fact_set(jnp.eye(2), np.arange(1000) % 2, n)
    right = jnp.eye(2)[whole.targets]
    assert int(num_correct(right, whole)) == n
    assert float(readout.accuracy(right, whole)) == 1.0
    one_wrong = right.at[n // 2].multiply(-1.0)
    assert int(num_correct(one_wrong, whole)) == n - 1
    assert float(readout.accuracy(one_wrong, whole)) < 1.0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("max_scores", [3, 9])
def test_a_vector_that_is_not_finite_is_no_answer(bad, max_scores):
    whole = fact_set(jnp.eye(3), [0, 1, 2])
    recalled = jnp.eye(3).at[1].set(bad)
    assert int(num_correct(recalled, whole, max_scores)) == 2
    assert int(num_correct(jnp.full((3, 3), bad), whole, max_scores)) == 0


@pytest.mark.parametrize(("n", "num_outputs"), LIVE)
def test_loss_is_minus_the_log_softmax_of_float64(n, num_outputs):
    recalled, fact = random_case(n, num_outputs)
    U = np.asarray(fact.outputs, float)[:num_outputs]
    scores = np.asarray(recalled, float)[:n] @ U.T
    p = np.exp(scores) / np.exp(scores).sum(axis=-1, keepdims=True)
    p_right = p[np.arange(n), np.asarray(fact.targets)[:n]]
    found = loss(recalled, fact)
    assert_allclose(found.value, np.mean(-np.log(p_right)), rtol=1e-5, atol=1e-6)
    assert_allclose(found.error_prob, np.mean(1 - p_right), rtol=1e-5, atol=1e-6)
    assert_allclose(readout.cross_entropy(recalled, fact), found.value, atol=1e-6)


@pytest.mark.parametrize(("n", "num_outputs"), LIVE)
def test_gradient_is_that_of_a_plain_log_sum_exp(n, num_outputs):
    recalled, fact = random_case(n, num_outputs)

    @jax.jit
    @functools.partial(jax.value_and_grad, argnums=(0, 1))
    def plain(recalled, outputs):
        scores = recalled @ outputs.T
        own = jnp.take_along_axis(scores, fact.targets[:, None], axis=1)[:, 0]
        surprise = jax.nn.logsumexp(scores[:, :num_outputs], axis=-1) - own
        return jnp.mean(surprise[:n])

    expected = plain(recalled, fact.outputs)
    for max_scores in (21, N * M):
        found = value_and_grads(recalled, fact, max_scores)
        chex.assert_trees_all_close(found, expected, rtol=1e-5, atol=1e-6)


def test_wrong_probability_is_a_measurement_without_a_gradient():
    recalled, fact = random_case(N, M)
    grad = jax.grad(lambda r: readout.loss(r, fact).error_prob)(recalled)
    assert_array_equal(grad, 0.0)


@pytest.mark.parametrize("max_scores", BLOCKS)
@pytest.mark.parametrize(("n", "num_outputs"), LIVE)
def test_blocks_of_outputs_add_up_to_the_whole(max_scores, n, num_outputs):
    recalled, fact = random_case(n, num_outputs)
    chex.assert_trees_all_close(
        margins(recalled, fact, max_scores), margins(recalled, fact), atol=1e-5
    )
    assert_array_equal(
        num_correct(recalled, fact, max_scores), num_correct(recalled, fact)
    )
    chex.assert_trees_all_close(
        loss(recalled, fact, max_scores), loss(recalled, fact), atol=1e-6
    )
    chex.assert_trees_all_close(
        value_and_grads(recalled, fact, max_scores),
        value_and_grads(recalled, fact),
        atol=1e-6,
    )


def test_blocks_never_hold_the_whole_matrix_of_scores():
    size = 32
    square = fact_set(jnp.ones((size, 2)), np.arange(size))

    def holds_all_scores(max_scores):
        def everything(recalled):
            grads = value_and_grads(recalled, square, max_scores)
            return grads, readout.num_correct(recalled, square, max_scores)

        program = str(jax.make_jaxpr(everything)(jnp.ones((size, 2))))
        return f"[{size},{size}]" in program

    assert holds_all_scores(size * size)
    assert not holds_all_scores(size * size - 1)


@pytest.mark.parametrize("max_scores", [6, 9])
def test_extreme_scores_have_a_finite_loss_and_gradient(max_scores):
    # Rows: certain and right; certain and wrong; undecided between two outputs.
    whole = fact_set(jnp.eye(3), [0, 1, 2])
    recalled = 1e5 * jnp.asarray([[1.0, 0, 0], [1.0, 0, 0], [0, 1.0, 1.0]])
    p_right = jax.nn.softmax(readout.scores(recalled, whole))[jnp.arange(3), whole[2]]
    assert jnp.isinf(-jnp.log(p_right)).any()  # what a log of a softmax says

    value, (grad, grad_outputs) = value_and_grads(recalled, whole, max_scores)
    assert_allclose(value, (0 + 1e5 + np.log(2)) / 3, rtol=1e-6)
    expected = np.array([[0, 0, 0], [1, -1, 0], [0, 0.5, -0.5]]) / 3
    assert_allclose(grad, expected, atol=1e-2 / 3)
    assert_allclose(grad_outputs, expected.T @ np.asarray(recalled), rtol=1e-2)
    assert_allclose(loss(recalled, whole, max_scores).error_prob, 1.5 / 3, atol=1e-2)


@pytest.mark.parametrize("shift", [-1e4, 1e4])
def test_scores_may_lie_anywhere(shift):
    # All scores of a row move by `shift`: softmax does not see it.
    outputs = jnp.asarray([[0.0, 1.0], [1.0, 1.0]])
    whole = fact_set(outputs, [0])
    recalled = jnp.asarray([[1.0, shift]])
    assert_allclose(loss(recalled, whole).value, np.log1p(np.e), atol=2e-3)


@pytest.mark.parametrize("max_scores", [21, N * M])
def test_dead_rows_and_outputs_have_no_influence(max_scores):
    n, num_outputs = 4, 6
    recalled, fact = random_case(n, num_outputs)
    haunted = fact._replace(outputs=fact.outputs.at[num_outputs:].set(1e4))
    loud = recalled.at[n:].set(-1e4)

    found = value_and_grads(loud, haunted, max_scores)
    chex.assert_trees_all_close(
        found, value_and_grads(recalled, fact, max_scores), atol=1e-6
    )
    _, (grad, grad_outputs) = found
    assert_array_equal(grad[n:], 0.0)
    assert_array_equal(grad_outputs[num_outputs:], 0.0)
    assert jnp.all(jnp.any(grad[:n] != 0, axis=-1))
    assert jnp.all(jnp.any(grad_outputs[:num_outputs] != 0, axis=-1))

    chex.assert_trees_all_close(
        loss(loud, haunted, max_scores), loss(recalled, fact, max_scores), atol=1e-6
    )
    chex.assert_trees_all_equal(
        margins(loud, haunted, max_scores), margins(recalled, fact, max_scores)
    )
    assert_array_equal(
        num_correct(loud, haunted, max_scores), num_correct(recalled, fact, max_scores)
    )


def test_relabelling_the_outputs_changes_nothing():
    recalled, fact = random_case(N, M)
    order = np.random.default_rng(1).permutation(M)
    relabelled = fact._replace(
        outputs=fact.outputs[order],
        targets=jnp.asarray(np.argsort(order)[fact.targets], jnp.int32),
    )
    chex.assert_trees_all_close(
        margins(recalled, relabelled), margins(recalled, fact), atol=1e-5
    )
    chex.assert_trees_all_close(
        loss(recalled, relabelled), loss(recalled, fact), atol=1e-6
    )
