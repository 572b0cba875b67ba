"""Settings of JAX, and checks of shapes and types, that every test runs under."""

import functools

import jax
import jaxtyping
import pytest

jax.config.update("jax_num_cpu_devices", 2)
jax.config.update("jax_default_matmul_precision", "highest")
jax.config.update("jax_numpy_rank_promotion", "raise")
# Two checks stay off. jax_debug_nans: in a search, a lane that is not finite is data.
# jax_debug_key_reuse: it rejects sound code, a scan over split keys under vmap among
# it, and our tests give one key to two functions that have to agree.

# From here on, a call into `recall` whose arguments do not fit its shapes fails.
jaxtyping.install_import_hook("recall", "beartype.beartype")


@pytest.fixture(scope="session", autouse=True)
def programs_are_compiled_once():
    """Lets fleets of like searches share their programs: most of a test's time.

    A program is a pure function of a search's kind, a mesh and a group, and compiling
    it again changes nothing; what counts traces or compilations makes its own.
    """
    from recall.runs import setup
    from recall.sweeps import lanes, memory_search, transformer_search

    kinds = {}

    def shared(advance):
        def shared_advance(search, shape):
            return kinds.setdefault((*search.kind(), shape), advance(search, shape))

        return shared_advance

    with pytest.MonkeyPatch.context() as patch:
        for kind in (memory_search.MemorySearch, transformer_search.RecallSearch):
            patch.setattr(kind, "advance", shared(kind.advance))
        patch.setattr(setup, "release", lambda: None)
        patch.setattr(lanes, "program", functools.cache(lanes.program))
        yield
