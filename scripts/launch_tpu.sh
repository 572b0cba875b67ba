#!/usr/bin/env bash
# Runs a config on the hosts of a Cloud TPU slice: each host is a shard of the lanes.
#
#     TPU=name ZONE=zone scripts/launch_tpu.sh [--dry-run] HOSTS \
#         --config=... --workdir=/shared/folder [...]
#
# HOSTS is the number of hosts of the slice (a v4-16 has 2, a v5litepod-16 has 4). Each
# host has a checkout in ~/recall (REMOTE=...), and the workdir is a disk that all of
# them mount. Lanes need no network between chips, so each host runs by itself: JAX is
# told that its slice is one host, of CHIPS=2,2,1 chips. Launch again after a
# preemption: what is left is run. The last to end writes tables and the figure.
# (Not run on a TPU by its authors; a test checks the commands it prints.)
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/launch_common.sh"

begin "$@"
[[ -n ${TPU:-} && -n ${ZONE:-} ]] ||
  refuse "TPU=<name> and ZONE=<zone> in the environment"
needs gcloud
alone="TPU_PROCESS_BOUNDS=1,1,1 TPU_CHIPS_PER_PROCESS_BOUNDS=${CHIPS:-2,2,1}"
alone+=" TPU_SKIP_MDS_QUERY=1 TPU_WORKER_HOSTNAMES=localhost TPU_WORKER_ID=0"
printf -v quoted ' %q' "${FLAGS[@]}"
for ((host = 0; host < COUNT; host++)); do
  run="$alone RECALL_EXTRAS=tpu ${REMOTE:-recall}/scripts/run.sh$quoted"
  launch gcloud compute tpus tpu-vm ssh "$TPU" "--zone=$ZONE" "--worker=$host" \
    --command="$run --shard=$host/$COUNT" &
  [[ $DRY == no ]] || wait # so that commands are printed in order
done
code=0
for job in $(jobs -p); do
  wait "$job" || code=$?
done
exit "$code"
