#!/usr/bin/env bash
# Asks a trained transformer for a fact: bash scripts/ask.sh "s3 r5" [--workdir=runs/x]
set -euo pipefail
cd "$(dirname "$0")/.."
if [[ -z ${1:-} ]]; then
  printf 'recall: Expected a prompt such as "s3 r5".\n' >&2
  exit 2
fi
exec bash scripts/run.sh --ask="$1" "${@:2}"
