"""Figure 1 as a user would write it today: the loop that our times are held against.

One memory, one seed, one N after the other: draw embeddings of that size, compile a
training step for it, call it once per Python iteration, count every so often, bisect.
Settings are those of the paper's code: Adam 1000 and at most 4,096 steps for the linear
memory, Adam .03 and at most 32,768 steps for the MLP, both stopping above 99 %.
Cross-entropy is taken from logits: the log of a softmax is NaN at that learning rate.

    python -m benchmarks.reference linear 8 11 16 22 32
    python -m benchmarks.reference mlp 8x8 8x32 11x22 16x16
"""

import argparse
import time
from typing import Any

import jax
import jax.numpy as jnp
import optax

from recall.runs import setup


def sphere(key: jax.Array, n: int, d: int) -> jax.Array:
    z = jax.random.normal(key, (n, d))
    return z / jnp.linalg.norm(z, axis=-1, keepdims=True)


def linear(params: dict, x: jax.Array) -> jax.Array:
    return x @ params["W"].T


def mlp(params: dict, x: jax.Array) -> jax.Array:
    return jax.nn.relu(x @ params["W"].T + params["b"]) @ params["V"]


def init(key: jax.Array, d: int, m: int | None) -> dict:
    if m is None:
        return {"W": jax.random.normal(key, (d, d)) / d**0.5}
    key_in, key_out = jax.random.split(key)
    return {
        "W": jax.random.normal(key_in, (m, d)) / d**0.5,
        "b": jnp.zeros(m),
        "V": jax.random.normal(key_out, (m, d)) / m**0.5,
    }


def accuracy_reached(
    key: jax.Array, n: int, d: int, m: int | None, steps: int, check: int, rate: float
) -> float:
    """Trains one memory on n facts; stops above 99 %."""
    key_x, key_u, key_p = jax.random.split(key, 3)
    x, u, params = sphere(key_x, n, d), sphere(key_u, n, d), init(key_p, d, m)
    apply = linear if m is None else mlp
    adam = optax.adam(rate)
    targets = jnp.arange(n)

    def loss(params: dict) -> jax.Array:
        scores = apply(params, x) @ u.T
        return optax.softmax_cross_entropy_with_integer_labels(scores, targets).mean()

    @jax.jit
    def step(params: dict, state: Any) -> Any:
        updates, state = adam.update(jax.grad(loss)(params), state)
        return optax.apply_updates(params, updates), state

    @jax.jit
    def accuracy(params: dict) -> jax.Array:
        return jnp.mean(jnp.argmax(apply(params, x) @ u.T, axis=-1) == targets)

    state, reached = adam.init(params), 0.0
    for i in range(steps):
        params, state = step(params, state)
        if (i + 1) % check == 0:
            reached = float(accuracy(params))
            if reached > 0.99:
                break
    return reached


def capacity(seed: int, d: int, m: int | None) -> int:
    """Bisects N as the paper's code does, until hi / lo <= 1.01 or hi - lo <= 1."""
    lower, upper = (d, d * d // 2) if m is None else (m, m * d)
    steps, check, rate = (4096, 32, 1000.0) if m is None else (32768, 256, 0.03)
    key = jax.random.key(seed)
    while upper - lower > 1 and upper / lower > 1.01:
        n = (lower + upper) // 2
        key, key_n = jax.random.split(key)
        if accuracy_reached(key_n, n, d, m, steps, check, rate) > 0.99:
            lower = n
        else:
            upper = n
    return lower


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("memory", choices=("linear", "mlp"))
    parser.add_argument("sizes", nargs="+", help="d, or dxm for MLPs")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    setup.configure(compile_cache=False)
    start = time.perf_counter()
    for size in args.sizes:
        d, _, m = size.partition("x")
        hidden = int(m) if args.memory == "mlp" else None
        stored = capacity(args.seed, int(d), hidden)
        spent = time.perf_counter() - start
        print(f"{size}: N99 {stored}, {spent:.1f} s since the start", flush=True)


if __name__ == "__main__":
    main()
