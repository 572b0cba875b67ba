# shellcheck shell=bash
# Sourced by launch_*.sh: reads their arguments, prints or runs a command.

unset CDPATH
ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)

# usage CODE: the comment at the head of the script.
usage() {
  sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0"
  exit "$1"
}

# refuse TEXT: says what was expected.
refuse() { printf 'recall: Expected %s.\n' "$1" >&2; exit 2; }

# begin [--dry-run] COUNT FLAG...: sets DRY, COUNT and FLAGS, or says what is wrong.
begin() {
  DRY=no
  [[ ${1:-} == --help || ${1:-} == -h ]] && usage 0
  [[ ${1:-} == --dry-run ]] && DRY=yes && shift
  [[ ${1:-} =~ ^[1-9][0-9]*$ ]] || refuse "a number of tasks >= 1; got ${1:-nothing}"
  COUNT=$1 FLAGS=("${@:2}")
  [[ " ${FLAGS[*]} " == *" --config="* && " ${FLAGS[*]} " == *" --workdir=/"* ]] ||
    refuse "--config=... and --workdir=/...; got ${FLAGS[*]:-nothing}"
  for flag in "${FLAGS[@]}"; do # of those by which the script itself divides the run
    [[ ! $flag =~ ^--?(no)?(shard|distributed|launcher)(=|$) ]] || refuse \
      "no --shard, --distributed or --launcher, as this script divides the run; got $flag"
  done
}

# needs COMMAND: says so if it is missing, unless commands are only printed.
needs() {
  [[ $DRY == yes ]] || command -v "$1" >/dev/null ||
    refuse "$1 on the PATH; got none (--dry-run needs none)"
}

# launch COMMAND...: runs it, or prints it.
launch() {
  if [[ $DRY == no ]]; then "$@"; else printf '%q ' "$@" && echo; fi
}
