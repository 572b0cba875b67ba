"""Whether weights store facts, and whether none do, checked in float64 by numpy alone.

See `separation` for what the two numbers prove. Written out with one fact and one
output in mind, A_xy = (u_f(x) - u_y) phi_x^T; how weights were found is not asked.
"""

import numpy as np


def margins(
    W: np.ndarray, features: np.ndarray, outputs: np.ndarray, targets: np.ndarray
) -> np.ndarray:
    """Right score less the best wrong one, of every fact, in the dtype of the weights.

    +inf where there is no other output.
    """
    scores = features @ W.T @ outputs.T
    rows = np.arange(len(targets))
    own = scores[rows, targets].copy()
    scores[rows, targets] = -np.inf
    return own - scores.max(axis=1)


def infeasibility(
    W: np.ndarray,
    correction: np.ndarray,
    features: np.ndarray,
    outputs: np.ndarray,
    targets: np.ndarray,
) -> float:
    """The smaller of two bounds on the margin of all weights of norm one.

    p_xy is the softmax of the scores of W over wrong answers, weighted by how wrong a
    fact is; and p_xy (1 + <correction, A_xy>), where that is negative nowhere.
    """
    scores = features @ W.T @ outputs.T
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    rows = np.arange(len(targets))
    p[rows, targets] = 0.0
    moved = features @ correction.T @ outputs.T
    factor = 1.0 + moved[rows, targets][:, None] - moved
    candidates = [p, p * factor] if factor.min() >= 0 else [p]
    return min(_residual(q, features, outputs, targets) for q in candidates)


def _residual(
    p: np.ndarray, features: np.ndarray, outputs: np.ndarray, targets: np.ndarray
) -> float:
    """|| sum p A || / sum p."""
    wrong = p.sum(axis=1)
    combined = (wrong[:, None] * outputs[targets] - p @ outputs).T @ features
    return float(np.linalg.norm(combined) / max(wrong.sum(), 1e-300))
