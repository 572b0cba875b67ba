"""Checks in float64 that weights store facts, or that no weights do.

`separation` says what the two numbers prove. By numpy alone, from A_xy =
(u_f(x) - u_y) phi_x^T; checks do not depend on how the weights were computed.
"""

import numpy as np


def margins(
    W: np.ndarray, features: np.ndarray, outputs: np.ndarray, targets: np.ndarray
) -> np.ndarray:
    """Returns the right score less the best wrong one, `[N]`; +inf for M = 1."""
    scores = features @ W.T @ outputs.T
    rows = np.arange(len(targets))
    right = scores[rows, targets].copy()
    scores[rows, targets] = -np.inf
    return right - scores.max(axis=1)


def infeasibility(
    W: np.ndarray,
    correction: np.ndarray,
    features: np.ndarray,
    outputs: np.ndarray,
    targets: np.ndarray,
) -> float:
    """Returns the smaller of two bounds on the margin of all weights of norm one.

    One has for p_xy the softmax of the scores of W, without right answers; the other
    p_xy (1 + <correction, A_xy>), if that is negative nowhere.
    """
    scores = features @ W.T @ outputs.T
    p = np.exp(scores - scores.max(axis=1, keepdims=True))  # no overflow
    p /= p.sum(axis=1, keepdims=True)
    rows = np.arange(len(targets))
    p[rows, targets] = 0.0
    moved = features @ correction.T @ outputs.T
    factor = 1.0 + moved[rows, targets][:, None] - moved
    # Farkas' lemma needs p >= 0: a Newton step that leaves the cone proves nothing.
    candidates = [p, p * factor] if factor.min() >= 0 else [p]
    bounds = []
    for q in candidates:  # || sum q A || / sum q
        error = q.sum(axis=1)
        combined = (error[:, None] * outputs[targets] - q @ outputs).T @ features
        bounds.append(float(np.linalg.norm(combined) / max(error.sum(), 1e-300)))
    return min(bounds)
