"""Settings of JAX, and checks of shapes and types, that every test runs under."""

import jax
import jaxtyping

jax.config.update("jax_num_cpu_devices", 2)
jax.config.update("jax_default_matmul_precision", "highest")
jax.config.update("jax_numpy_rank_promotion", "raise")
# Two checks stay off. jax_debug_nans: in a search, a lane that is not finite is data.
# jax_debug_key_reuse: it rejects sound code, a scan over split keys under vmap among
# it, and our tests give one key to two functions that have to agree.

# From here on, a call into `recall` whose arguments do not fit its shapes fails.
jaxtyping.install_import_hook("recall", "beartype.beartype")
