"""Settings of JAX before its first use: devices, precision, compile cache."""

import contextlib
import ctypes
import gc
import hashlib
import os
from importlib import metadata
from pathlib import Path

import jax


def configure(*, compile_cache: bool, cpu_devices: int | None = None) -> None:
    """Makes CPU devices, float32 throughout, and programs kept for later.

    Args:
        compile_cache: whether compiled programs are kept on disk.
        cpu_devices: the number of devices, each with one thread; one per core if None.
    """
    if cpu_devices:
        # XLA reads it; else a device multiplies by threads of all cores: 20 products of
        # 1500 x 1500 took .28 s on "one device" and on two, and now .54 and .28 s.
        os.environ["NPROC"] = str(cpu_devices)
    # TF32 would move accuracies by up to .002, which thresholds of 99 % would notice.
    jax.config.update("jax_default_matmul_precision", "highest")
    if jax.config.values["jax_num_cpu_devices"] < 1:
        jax.config.update("jax_num_cpu_devices", cpu_devices or num_cores())
    if compile_cache:
        jax.config.update("jax_compilation_cache_dir", str(cache_folder()))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)


def release() -> None:
    """Gives the memory of programs that have run back to the system."""
    # 22 programs of transformers held 3.6 GiB, 25 MiB each in caches and the rest in
    # the arenas of glibc; 280 MiB stay like this.
    jax.clear_caches()
    gc.collect()
    with contextlib.suppress(AttributeError, OSError):  # there is only one glibc
        ctypes.CDLL(None).malloc_trim(0)


def resident_bytes() -> int:
    """Returns the memory that this process holds; 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def cache_folder() -> Path:
    """Returns the user's folder of programs of this jaxlib and this processor."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    mark = hashlib.sha256(_processor().encode()).hexdigest()[:8]
    return Path(base) / "recall" / f"jaxlib-{metadata.version('jaxlib')}-{mark}"


def num_cores() -> int:
    """Returns the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _processor() -> str:
    """Returns the instruction sets of the processor, or "unknown"."""
    # Programs compiled for another processor of a shared home folder may not run.
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return "unknown"
    return next((line for line in lines if line.startswith(("flags", "Features"))), "")
