#!/usr/bin/env bash
# Checks the format, the style, the types and the tests; stops at the first failure.
# Makes the environment if there is none. Arguments go to pytest:
#
#     scripts/test.sh tests/test_facts.py -k padded
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/environment.sh"

step() {
  local name=$1 start=$SECONDS code=0
  shift
  printf '== %s\n' "$name"
  "$@" || code=$?
  if ((code)); then
    printf '== %s failed after %d s\n' "$name" "$((SECONDS - start))" >&2
    exit "$code"
  fi
  printf '== %s: %d s\n' "$name" "$((SECONDS - start))"
}

step environment environment dev
step "ruff format" "$PYTHON_IN_VENV" -m ruff format --check
step "ruff check" "$PYTHON_IN_VENV" -m ruff check
step basedpyright "$PYTHON_IN_VENV" -m basedpyright
step pytest "$PYTHON_IN_VENV" -m pytest -n 2 "$@"
