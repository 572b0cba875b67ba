#!/usr/bin/env bash
# Runs `python -m recall.main`, in an environment that it makes if there is none.
#
#     scripts/run.sh --config=configs/mlp_capacity.py:quick
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/environment.sh"

environment
exec "$PYTHON_IN_VENV" -m recall.main "$@"
