"""The command line: `python -m recall.main --config=configs/x.py[:preset]`.

Exit codes: 0; 1 failure; 2 bad input; 130 and 143 stopped, to be resumed by the same
command.
"""

import os
import sys
from pathlib import Path
from typing import Any

from absl import app, flags, logging
from ml_collections import config_flags

from recall.cli import arguments

CONFIG = config_flags.DEFINE_config_file("config", None, "Config file, with a preset.")
WORKDIR = flags.DEFINE_string("workdir", None, "Rows and figures (runs/<experiment>).")
PLAN = flags.DEFINE_bool("plan", False, "Print what would run, and run nothing.")
STATUS = flags.DEFINE_bool("status", False, "Print how far the run in --workdir is.")
DEVICES = flags.DEFINE_integer("devices", 0, "Local devices to use; 0 for all.")
SHARD = flags.DEFINE_string("shard", None, "Run part i of n of all lanes: i/n, i < n.")
LAUNCHER = flags.DEFINE_enum(
    "launcher", "local", ["local", "dask"], "Who runs the lanes: this process, or Dask."
)
SCHEDULER = flags.DEFINE_string(
    "scheduler", None, "With --launcher=dask: its address; else a worker for each core."
)
GRACE = flags.DEFINE_float(
    "grace", 20.0, "Seconds from a SIGTERM to the end of the process; 0 for any.", 0.0
)
ASK = flags.DEFINE_string("ask", None, 'A question to a saved model: "s3 r5".')
SEED = flags.DEFINE_integer("seed", 0, "With --ask: whose model to ask.")
REPORT = flags.DEFINE_bool(
    "report", False, "Write a page of HTML: all committed results, or --workdir's."
)
OUT = flags.DEFINE_string("out", None, "With --report: the file to write.")
DIAGNOSE = flags.DEFINE_bool("diagnose", False, "Say what is wrong with a run.")
CLAIMS = flags.DEFINE_bool(
    "claims", False, "Print every claim and what rows say of it."
)
DISTRIBUTED = flags.DEFINE_bool("distributed", False, "One of several processes.")
COORDINATOR = flags.DEFINE_string("coordinator", None, "host:port of the first one.")
PROCESSES = flags.DEFINE_integer("num_processes", None, "How many there are.")
PROCESS = flags.DEFINE_integer("process_id", None, "Which of them this one is.")
CACHE = flags.DEFINE_bool("compile_cache", True, "Keep compiled programs for later.")


def main(argv: list[str]) -> None:
    """Runs the experiment of a config, or shows one that was run."""
    _check(argv)
    if REPORT.value or DIAGNOSE.value or CLAIMS.value:
        return _look()
    # Imports of JAX wait until here: help and typing errors are answered in .3 s.
    from recall.runs import setup

    few = 0 < DEVICES.value < setup.num_cores()
    devices = DEVICES.value if few else None
    setup.configure(compile_cache=CACHE.value, cpu_devices=devices)
    from rich.console import Console

    from recall.runs import cluster, signals
    from recall.store import files

    console = (
        Console() if sys.stdout.isatty() else Console(width=110)
    )  # a file has none
    workdir = arguments.workdir_of(WORKDIR.value, CONFIG.value)
    try:
        if STATUS.value or ASK.value is not None:
            _show(workdir, ASK.value, console)
        else:
            sys.exit(_run(CONFIG.value, workdir, console))
    except (files.StoreError, cluster.ClusterError) as error:
        arguments.refuse(error)
    except cluster.LostError as error:
        console.print(error)
        sys.exit(1)
    except signals.Stopped as stopped:
        console.print(f"{stopped}; the same command goes on from here.")
        sys.exit(stopped.exit_code)


def _check(argv: list[str]) -> None:
    """Refuses flags that do not go together."""
    status = STATUS.value and WORKDIR.value is not None
    looks = REPORT.value or DIAGNOSE.value or CLAIMS.value or status
    wants = looks or CONFIG.value is not None or ASK.value is not None
    _check_company()
    if len(argv) > 1 or not wants:
        extra = f"; got {argv[1]!r}" if len(argv) > 1 else ""
        wanted = "--config=configs/<name>.py[:preset]"
        wanted += " or --workdir=<folder of a run>" * STATUS.value
        arguments.refuse(f"Expected {wanted}{extra}.")
    dask = LAUNCHER.value == "dask"
    if SCHEDULER.value is not None and not dask:
        arguments.refuse(f"Expected --launcher=dask with scheduler={SCHEDULER.value}.")
    if DISTRIBUTED.value and (dask or SHARD.value is not None):
        arguments.refuse("Expected --distributed without --shard or --launcher=dask.")
    if SHARD.value is not None and dask:
        arguments.refuse(f"Expected --launcher=local with shard={SHARD.value}.")


def _check_company() -> None:
    """Refuses flags that mean nothing without another, and two verbs at once."""
    verbs = REPORT, DIAGNOSE, CLAIMS, PLAN, STATUS, ASK
    chosen = [f"--{flag.name}" for flag in verbs if flag.value]
    if len(chosen) > 1:
        allowed = ", ".join(f"--{flag.name}" for flag in verbs)
        arguments.refuse(f"Expected one of {allowed}; got {', '.join(chosen)}.")
    needs = [(flag, DISTRIBUTED) for flag in (COORDINATOR, PROCESSES, PROCESS)]
    for flag, other in [*needs, (OUT, REPORT)]:
        if flag.value is not None and not other.value:
            wanted = f"--{other.name} with {flag.name}={flag.value}"
            arguments.refuse(f"Expected {wanted}.")


def _look() -> None:
    """Looks at rows of a run, or of all committed results."""
    from recall.cli import show

    workdir = WORKDIR.value
    if workdir is None and CONFIG.value is not None:
        workdir = str(arguments.workdir_of(None, CONFIG.value))
    try:
        if REPORT.value:
            from recall.pages import report

            print(f"page    {report.write(workdir, OUT.value)}")
        elif DIAGNOSE.value:
            show.diagnose(workdir, compile_cache=CACHE.value)
        else:
            show.claims()
    except ValueError as error:
        arguments.refuse(error)


def _show(workdir: Path, question: str | None, console: Any) -> None:
    """Shows the status of a run, or the answers of a model that it left."""
    from recall.cli import show

    try:
        if question is None:
            show.print_status(workdir, console)
        else:
            show.ask(question, workdir, SEED.value, console)
    except ValueError as error:
        arguments.refuse(error)


def _run(config: Any, workdir: Path, console: Any) -> int:
    """Runs a config or a part of it, and shows it; returns the exit code."""
    from recall.cli import show
    from recall.runs import cluster, launching, planning, processes, shards, signals

    dask = LAUNCHER.value == "dask" and not PLAN.value
    try:
        if DISTRIBUTED.value:
            processes.join(COORDINATOR.value, PROCESSES.value, PROCESS.value)
        devices = [] if dask else show.devices_to_use(DEVICES.value)
        whole = part = planning.plan_of(config)
        if not dask:  # whose driver leaves all devices to its workers
            whole = part = processes.fitting(whole, devices)
        if DISTRIBUTED.value:
            part = processes.share(whole)
        elif SHARD.value is not None:
            part = shards.share(whole, shards.parse(SHARD.value))
    except ValueError as error:
        arguments.refuse(error)
    if PLAN.value:
        console.print(planning.plan_table(part, devices).rich())
        return 0
    if dask:
        same = {"grace": GRACE.value, "compile_cache": CACHE.value}
        cluster.run(config, whole, workdir, SCHEDULER.value, console, **same)
    else:
        launching.run(config, part, workdir, devices, console, GRACE.value)
    if DISTRIBUTED.value:
        if not processes.speaks_last():
            return 0
        part = whole  # this process concludes for all
    with signals.caught(GRACE.value) as request:
        code = show.conclude(config, whole, part, workdir, console)
        request.check()
    return code


def run() -> None:
    """The entry point of the `recall` command."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if __name__ != "__main__":  # else --help of the command `recall` finds no flags
        sys.argv[0], sys.modules["__main__"].__doc__ = __name__, __doc__
    logging.set_verbosity(logging.WARNING)
    try:
        app.run(main, flags_parser=arguments.parse)
    except KeyboardInterrupt:  # before the run listens for it, or after
        sys.exit(130)


if __name__ == "__main__":
    run()
