#!/usr/bin/env bash
# Runs a config on a SLURM cluster: an array of N tasks, each a shard of the lanes.
#
#     scripts/launch_slurm.sh [--dry-run] N --config=... --workdir=/shared/folder [...]
#
# The tasks share nothing but the workdir, which all nodes have to see. They may start
# at different times, end in any order, be preempted (they save and are requeued) or
# never start: launch the same command again and what is left is run. The last to end
# writes tables and the figure. `recall --status --workdir=...` says how far they are.
#
# Partition, time, memory and devices are sbatch's own variables or a site's defaults:
#
#     SBATCH_PARTITION=gpu SBATCH_TIMELIMIT=4:00:00 SBATCH_GPUS=1 scripts/launch_slurm.sh ...
#
# Run scripts/run.sh --help once before, on a node with a network: it makes .venv.
# (Not run on a SLURM cluster by its authors; a test checks the command it prints.)
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/launch_common.sh"

begin "$@"
needs sbatch
printf -v quoted ' %q' "${FLAGS[@]}"
# `exec` makes the run itself the batch step, which gets the SIGTERM.
run="exec ${ROOT@Q}/scripts/run.sh$quoted --shard=\$SLURM_ARRAY_TASK_ID/$COUNT"
launch sbatch --job-name=recall "--array=0-$((COUNT - 1))" --requeue \
  --open-mode=append --signal=B:TERM@60 --wrap="$run"
