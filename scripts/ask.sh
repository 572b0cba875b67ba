#!/usr/bin/env bash
# Asks a trained transformer for a fact: bash scripts/ask.sh "s3 r5" [--workdir=runs/x]
set -euo pipefail
cd "$(dirname "$0")/.."
exec bash scripts/run.sh --ask="${1:?Expected a prompt such as \"s3 r5\".}" "${@:2}"
