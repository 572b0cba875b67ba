# shellcheck shell=bash
# Sourced by launch_*.sh: reads their arguments, prints or runs a command.

unset CDPATH
ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)

# usage CODE: the comment at the head of the script.
usage() {
  sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0"
  exit "$1"
}

# begin [--dry-run] COUNT FLAG...: sets DRY, COUNT and FLAGS, or says what is wrong.
begin() {
  DRY=no
  [[ ${1:-} == --help || ${1:-} == -h ]] && usage 0
  [[ ${1:-} == --dry-run ]] && DRY=yes && shift
  if [[ ! ${1:-} =~ ^[1-9][0-9]*$ ]]; then
    printf 'recall: Expected a number of tasks >= 1; got %s.\n' "${1:-nothing}" >&2
    exit 2
  fi
  COUNT=$1
  FLAGS=("${@:2}")
  if [[ " ${FLAGS[*]} " != *" --config="* || " ${FLAGS[*]} " != *" --workdir=/"* ]]; then
    printf 'recall: Expected --config=... and --workdir=/...; got %s.\n' \
      "${FLAGS[*]:-nothing}" >&2
    exit 2
  fi
  for flag in "${FLAGS[@]}"; do
    [[ $flag =~ ^--?(no)?(shard|distributed|launcher)(=|$) ]] || continue
    printf 'recall: Expected no --shard, --distributed or --launcher, as this script ' >&2
    printf 'divides the run; got %s.\n' "$flag" >&2
    exit 2
  done
}

# needs COMMAND: says so if it is missing, unless commands are only printed.
needs() {
  if [[ $DRY == no ]] && ! command -v "$1" >/dev/null; then
    printf 'recall: Expected %s on the PATH; got none (--dry-run needs none).\n' "$1" >&2
    exit 2
  fi
}

# launch COMMAND...: runs it, or prints it.
launch() {
  if [[ $DRY == yes ]]; then
    printf '%q ' "$@"
    printf '\n'
  else
    "$@"
  fi
}
