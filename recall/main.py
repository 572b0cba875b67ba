"""The command line: `python -m recall.main --config=configs/x.py[:preset]`.

Exit codes: 0; 1 failure; 2 bad input; 130 and 143 stopped, to be resumed by the same
command.
"""

import os
import sys
from typing import Any

from absl import app, flags, logging
from ml_collections import config_flags

from recall import arguments

CONFIG = config_flags.DEFINE_config_file("config", None, "Config file, with a preset.")
WORKDIR = flags.DEFINE_string("workdir", None, "Rows and figures (runs/<experiment>).")
PLAN = flags.DEFINE_bool("plan", False, "Print what would run, and run nothing.")
DEVICES = flags.DEFINE_integer("devices", 0, "Local devices to use; 0 for all.")
ASK = flags.DEFINE_string("ask", None, 'A question to a saved model: "s3 r5".')
SEED = flags.DEFINE_integer("seed", 0, "With --ask: whose model to ask.")
REPORT = flags.DEFINE_bool(
    "report", False, "Write a page of HTML: all results, or a run."
)
OUT = flags.DEFINE_string("out", None, "With --report: the file to write.")
DIAGNOSE = flags.DEFINE_bool("diagnose", False, "Say what is wrong with a run.")
SHARD = flags.DEFINE_string("shard", None, "Run part i of n of the lanes: --shard=i/n.")
DISTRIBUTED = flags.DEFINE_bool("distributed", False, "One of several processes.")
COORDINATOR = flags.DEFINE_string("coordinator", None, "host:port of the first one.")
PROCESSES = flags.DEFINE_integer("num_processes", None, "How many there are.")
PROCESS = flags.DEFINE_integer("process_id", None, "Which of them this one is.")
CACHE = flags.DEFINE_bool("compile_cache", True, "Keep compiled programs for later.")


def main(argv: list[str]) -> None:
    """Runs the experiment of a config, or looks at what one left."""
    looks = REPORT.value or DIAGNOSE.value
    asked = looks or CONFIG.value is not None or ASK.value is not None
    if len(argv) > 1 or not asked:
        extra = f"; got {argv[1]!r}" if len(argv) > 1 else ""
        arguments.refuse(f"Expected --config=configs/<name>.py[:preset]{extra}.")
    if looks:
        from recall import looking

        if REPORT.value:
            looking.report(WORKDIR.value, OUT.value)
        if DIAGNOSE.value:
            looking.diagnose(WORKDIR.value, compile_cache=CACHE.value)
        return
    from recall import setup

    setup.configure(compile_cache=CACHE.value)
    from rich.console import Console

    from recall import cli, distributed, interrupt, journal, launching, planning, shards

    config: Any = CONFIG.value
    console = Console()
    if not sys.stdout.isatty():
        console = Console(width=110)
    try:
        if ASK.value is not None:
            workdir = cli.workdir_of(WORKDIR.value, config)
            cli.ask(ASK.value, workdir, SEED.value, console)
            return
        if DISTRIBUTED.value:
            if SHARD.value is not None:
                raise ValueError("Expected --distributed or --shard; got both.")
            distributed.join(COORDINATOR.value, PROCESSES.value, PROCESS.value)
        devices = cli.devices_to_use(DEVICES.value)
        whole = plan = distributed.fitting(planning.plan_of(config), devices)
        if DISTRIBUTED.value:
            plan = distributed.share(whole)
        elif SHARD.value is not None:
            plan = shards.share(whole, shards.parse(SHARD.value))
    except ValueError as error:
        arguments.refuse(error)
    if PLAN.value:
        console.print(planning.plan_table(plan, devices))
        return
    workdir = cli.workdir_of(WORKDIR.value, config)
    try:
        launching.run(config, plan, workdir, devices, console)
        distributed.wait("end")
        if not distributed.is_first():
            return
        plan = whole if DISTRIBUTED.value else plan
        sys.exit(cli.conclude(config, whole, plan, workdir, console))
    except journal.JournalError as error:
        arguments.refuse(error)
    except interrupt.Stopped as stopped:
        console.print(f"{stopped}; the same command goes on from here.")
        sys.exit(stopped.exit_code)


def run() -> None:
    """The entry point of the `recall` command."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    logging.set_verbosity(logging.WARNING)
    try:
        app.run(main, flags_parser=arguments.parse)
    except KeyboardInterrupt:  # before the run listens for it, or after
        sys.exit(130)


if __name__ == "__main__":
    run()
