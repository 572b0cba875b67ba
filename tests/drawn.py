"""Numbers that tests draw."""

import jax.numpy as jnp
import numpy as np


def normal(*shape: int, seed: int | tuple[int, ...] = 0):
    """Standard Gaussian numbers, others for every seed and shape."""
    words = [*np.atleast_1d(seed), *shape]
    return jnp.asarray(np.random.default_rng(words).normal(size=shape), jnp.float32)
