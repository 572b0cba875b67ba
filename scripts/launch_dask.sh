#!/usr/bin/env bash
# Runs a config on machines that you can ssh to: a Dask scheduler here, workers there.
#
#     HOSTS="one two" scripts/launch_dask.sh [--dry-run] WORKERS \
#         --config=... --workdir=/shared/folder [...]
#
# WORKERS processes run on each host, one thread and one device each: as many as it has
# cores, or GPUs. Every host has this checkout under this path, and sees the workdir.
# Machines may die and come back: what they had is run elsewhere. If this script dies,
# launch it again. PORT=8786 is the scheduler's. On one machine no script is needed:
# `scripts/run.sh --launcher=dask ...` starts a worker for each core.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/launch_common.sh"

begin "$@"
[[ -n ${HOSTS:-} ]] || refuse 'HOSTS="<host> <host> ..." in the environment'
needs ssh
port=${PORT:-8786}
address=tcp://$(hostname -f):$port
# Workers look dead during a long compilation; memory is ours to watch.
settings=(env DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL=None)
settings+=(DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES=3)
dask=$ROOT/.venv/bin/dask
if [[ $DRY == no ]]; then
  source "$ROOT/scripts/environment.sh"
  environment cluster
  trap 'kill $(jobs -p) 2>/dev/null' EXIT
fi

# aside COMMAND...: launches it in the background.
aside() {
  if [[ $DRY == yes ]]; then launch "$@"; else launch "$@" & fi
}

aside "${settings[@]}" "$dask" scheduler "--port=$port" --no-dashboard
for host in $HOSTS; do
  for ((worker = 0; worker < COUNT; worker++)); do
    aside ssh "$host" "cd ${ROOT@Q} && CUDA_VISIBLE_DEVICES=$worker exec .venv/bin/dask \
worker $address --nworkers=1 --nthreads=1 --memory-limit=0 --no-dashboard"
  done
done
launch "$ROOT/.venv/bin/python" -m recall.main "${FLAGS[@]}" --launcher=dask \
  "--scheduler=$address"
