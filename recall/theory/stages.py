r"""Predicted stages of training: rates, exact stage times, flows of a few variables.

Linear attention, one-hot embeddings, weights small and alike at first, facts asked
about uniformly. If answers are structured, a*(s, r) = k(s) + r D, the logits of an
answer (r', k) are a sum of a part in r' and a part in k, so that softmax is a product,
p(r', k | s, r) = p(r' | r) p(k | s), and the loss is one of relations plus one of
subjects. By symmetry each part keeps two variables, the score w of its tokens and the
gap v between the right and the wrong values of a token; with C classes

    loss = ln(1 + (C - 1) e^-q),   q = w v,   e = 1 - p(right),
    w' = f e v,   v' = g e w,                                     gradient flow,

where C = R, f = 1/R, g = 1/((R - 1) D) for relations, C = D, f = 1/S,
g = D / ((D - 1) S R) for subjects. Both start at v = 0; noise and end tokens stay.
g w^2 - f v^2 is conserved, so w = w_0 cosh x, v = w_0 sqrt(g/f) sinh x and
x' = sqrt(f g) e(q(x)): an integral over x is the time to any loss, exactly. Times are
learning rate x steps.

Status: derived here, for D >= 2, R >= 2, S a multiple of D; tested against training.
Small-init rates agree with arXiv 2412.06538, Theorem 6, up to its constants.
"""

from typing import NamedTuple

import numpy as np
from scipy import integrate

from recall.theory import clock

Floats = np.ndarray
_POINTS = 4096  # of curves


class Part(NamedTuple):
    """The constants C, f and g of the relation part, or of the subject part."""

    classes: int
    score: float
    value: float

    @property
    def rate(self) -> float:
        """Returns the growth rate of small weights, sqrt(f g) (C - 1) / C."""
        return float(np.sqrt(self.score * self.value)) * (1 - 1 / self.classes)


def relation_part(S: int, R: int, D: int) -> Part:
    """Returns the part that picks a block of answers; rate sqrt(1 - 1/R)/(R sqrt D)."""
    del S  # subjects are averaged over
    return Part(classes=R, score=1 / R, value=1 / ((R - 1) * D))


def subject_part(S: int, R: int, D: int) -> Part:
    """Returns the part that picks the index in it; rate sqrt(1 - 1/D) / (S sqrt R)."""
    return Part(classes=D, score=1 / S, value=D / ((D - 1) * S * R))


def token_rates(
    answers: np.ndarray, num_answers: int, num_noise: int, length: int
) -> Floats:
    """Returns the growth rate of every token's pair (w(z), V(., z)) at small weights.

    |c(., z)| with c(a, z) = E[count of z (1[a right] - 1/A)], for any table of answer
    ids `[S, R]`: the linearised flow is w' = <c, V>, V' = c w. The `[S + R + 2]` rates
    are of subjects, relations, a noise token and the end token. Derived.
    """
    S, R = answers.shape
    right = (answers[:, :, None] == np.arange(num_answers)) - 1 / num_answers
    of_any = right.mean((0, 1))
    c = [right.mean(1) / S, right.mean(0) / R]
    c += [(length - 3) / num_noise * of_any[None], of_any[None]]
    return np.linalg.norm(np.concatenate(c), axis=1)


def escape_time(rate: float, w0: float) -> float:
    """Returns when w_0 cosh(rate t) reaches 1 for small w_0: ln(2 / w_0) / rate."""
    # Alone it is early by up to 48 % over 50 settings; `gap_curve`, which goes on to
    # the transition after the escape, is off by 2.1 % at most.
    return float(np.log(2 / w0) / rate)


def part_loss(q: Floats | float, classes: int) -> Floats:
    """Returns the loss of a part at logit gap q, in nats."""
    return np.asarray(np.logaddexp(0, np.log(classes - 1) - np.asarray(q, float)))


def gap_curve(part: Part, w0: float, most: float = 12.0) -> tuple[Floats, Floats]:
    """Returns times and logit gaps q along gradient flow, until q = `most`."""
    scale = w0**2 * np.sqrt(part.value / part.score) / 2  # q = scale sinh 2x
    x = np.linspace(0, np.arcsinh(most / scale) / 2, _POINTS)
    q = scale * np.sinh(2 * x)
    # dt/dx = 1 / (sqrt(f g) e), as smooth in x as it is stiff in t.
    slowness = (1 + np.exp(q) / (part.classes - 1)) / np.sqrt(part.score * part.value)
    return integrate.cumulative_trapezoid(slowness, x, initial=0), q


def gradient_stages(S: int, R: int, D: int, w0: float) -> clock.Stages:
    """Computes stage times of gradient flow from the exact curves of both parts."""
    curves = [gap_curve(part(S, R, D), w0) for part in (relation_part, subject_part)]
    at = np.union1d(*(times for times, _ in curves))  # each part is slow at its time
    of_r = part_loss(np.interp(at, *curves[0]), R)
    of_s = part_loss(np.interp(at, *curves[1]), D)
    return clock.stages(at, of_r + of_s, of_r, np.log(D), np.log(R))


class Task(NamedTuple):
    """The sizes of a world, and N noise tokens, and T tokens in a sequence."""

    S: int
    R: int
    D: int
    N: int
    T: int


def flow_stages(
    task: Task, optimizer: str, attention: str, w0: float, reach: float = 1e7
) -> clock.Stages:
    """Computes stage times of a flow on symmetric weights; nan for what never happens.

    State: scores of a subject, a relation, a noise token and the end, and the gaps of
    subjects and relations. "gradient": descent at once. "sign": every weight moves at
    speed one. "spectral": the value matrix moves by the polar factor of its gradient,
    whose subject and relation parts are orthogonal, so v_S' = sqrt(D / (S R)) and
    v_R' = 1 / sqrt D whatever their sizes; W_KQ, of rank one, by its gradient over its
    norm. For D = S these are the flows of the draft behind
    github.com/xuheng-li99/Muon-associative-memory; here for any D. Derived.
    """
    flow = integrate.solve_ivp(
        lambda t, y: _velocity(task, optimizer, attention, y),
        (0, reach),
        np.array([w0, w0, w0, w0, 0.0, 0.0]),
        # Descent is stiff; signs are not smooth, so that a high order buys nothing.
        method="LSODA" if optimizer == "gradient" else "RK23",
        events=_Learned(task, attention),
        rtol=1e-8 if optimizer == "gradient" else 1e-4,
        atol=1e-12,  # gaps start at zero
        dense_output=True,
    )
    at = np.linspace(0, flow.t[-1], _POINTS)
    q = np.array([gaps(task, attention, y) for y in flow.sol(at).T]).T
    of_s, of_r = part_loss(q[0], task.D), part_loss(q[1], task.R)
    return clock.stages(at, of_s + of_r, of_r, np.log(task.D), np.log(task.R))


class _Learned(NamedTuple):
    """An event that ends a flow: the loss is a third of ln D, past the last stage."""

    task: Task
    attention: str
    terminal: bool = True
    direction: float = -1.0

    def __call__(self, t: float, y: Floats) -> float:
        del t
        of_s, of_r = gaps(self.task, self.attention, y)
        both = part_loss(of_s, self.task.D) + part_loss(of_r, self.task.R)
        return float(both - np.log(self.task.D) / 3)


def attention_weights(task: Task, attention: str, y: Floats) -> Floats:
    """Returns attention `[4]` to subject, relation, one noise position and the end."""
    if attention == "linear":
        return y[:4]
    weights = np.exp(y[:4] - y[:4].max())  # never overflows
    return weights / (weights @ np.array([1, 1, task.T - 3, 1]))


def gaps(task: Task, attention: str, y: Floats) -> tuple[float, float]:
    """Returns the logit gaps of the subject part and of the relation part."""
    of_s, of_r = attention_weights(task, attention, y)[:2]
    return float(of_s * y[4]), float(of_r * y[5])


def pulls(task: Task, attention: str, y: Floats) -> tuple[Floats, Floats, Floats]:
    """Computes attention `[4]`, misses 1 - p(right) `[2]`, downhill slopes `[4]`.

    Misses are of the subject and of the relation part, slopes of the four scores.
    """
    a, q = attention_weights(task, attention, y), gaps(task, attention, y)
    others = np.array([task.D - 1, task.R - 1])
    e = 1 / (1 + np.exp(np.minimum(q, 700.0)) / others)  # e^709 overflows
    pull = e * y[4:]  # of attention to the subject, and to the relation
    slope = np.array([pull[0], pull[1], 0, 0])
    if attention == "softmax":  # the Jacobian diag(a) - a a^T, T - 3 noise positions
        slope = a * np.array([1, 1, task.T - 3, 1]) * (slope - a[:2] @ pull)
    return a, e, slope / np.array([task.S, task.R, task.N, 1])  # one of S is seen


def _velocity(task: Task, optimizer: str, attention: str, y: Floats) -> Floats:
    """Returns the time derivative of the state of `flow_stages`, `[6]`."""
    S, R, D = task.S, task.R, task.D
    a, e, slope = pulls(task, attention, y)
    if optimizer == "gradient":
        parts = subject_part(S, R, D), relation_part(S, R, D)
        return np.concatenate([slope, a[:2] * e * [part.value for part in parts]])
    if optimizer == "sign":
        return np.concatenate([np.sign(slope), 2 * np.sign(a[:2])])  # up and down
    norm = np.sqrt(np.array([S, R, task.N, 1]) @ slope**2)  # tokens share their score
    value = np.sign(a[:2]) * [np.sqrt(D / (S * R)), 1 / np.sqrt(D)]
    return np.concatenate([slope / max(norm, 1e-300), value])
