# shellcheck shell=bash disable=SC2086  # extras are split into words
# Sourced: goes to the root of the project. `environment EXTRA...` leaves a .venv of PYTHON,
# with what constraints.txt pins, these extras, and those of RECALL_EXTRAS="cuda,cluster".
unset CDPATH
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." || exit 1
ROOT=$(pwd -P) PYTHON_IN_VENV=$(pwd -P)/.venv/bin/python STAMP=.venv/recall-stamp
export TF_CPP_MIN_LOG_LEVEL=${TF_CPP_MIN_LOG_LEVEL:-2} # errors only, of JAX's C++ parts
say() { printf 'recall: %s\n' "$*" >&2; }
have() { command -v "$1" >/dev/null; }
install() { # ARGUMENT...: compiling all 5,000 files would take pip 12 s more
  local pip=("$PYTHON_IN_VENV" -m pip install --no-compile)
  ! have uv || pip=(uv pip install --python "$PYTHON_IN_VENV")
  "${pip[@]}" -qq -c constraints.txt "$@" || ! say "could not install '${*: -1}'."
}
install_alone() { # MODULE: without what it asks for
  "$PYTHON_IN_VENV" -c "import importlib.util as u; exit(not u.find_spec('$1'))" ||
    install --no-deps "$1"
}
finished() { # EXTRA...: .venv was made in this folder, of these pins, with these extras
  stamp=$(cat "$STAMP" 2>/dev/null); read -r _ has folder <<<"$stamp"
  extras=$(printf '%s\n' "$@" ${has//[.,\[\]]/ } | sort -u | paste -sd, -)
  wanted=$(sed '/^\[tool\.ruff]/q' constraints.txt pyproject.toml | cksum | tr ' ' -)
  wanted+=" .${extras:+[$extras]} $ROOT"
  [[ -x $PYTHON_IN_VENV && $stamp == "$wanted" ]]
}
environment() ( # a subshell, so that what is run next does not hold the lock
  set -- "$@" ${RECALL_EXTRAS:+${RECALL_EXTRAS//,/ }} && finished "$@" && exit
  say "making .venv: about half a minute."
  exec 9>.venv.lock && { ! have flock || flock 9; }
  trap 'exit 130' INT
  finished "$@" && exit # another script has made it
  if [[ ! -x $PYTHON_IN_VENV || (-e $STAMP && $folder != "$ROOT") ]]; then # or cut short
    stamp='' python=${PYTHON:-python3} && rm -rf .venv && mkdir .venv && : >"$STAMP"
    have uv && uv venv -q --allow-existing -p "$python" .venv || "$python" -m venv .venv
  fi || ! say "could not make .venv with $python." || exit
  [[ ! -e $STAMP ]] || : >"$STAMP" # empty until all is installed
  ! install -e ".${extras:+[$extras]}" || stamp=$wanted # it changes nothing if it fails
  [[ -z $stamp ]] || echo "$stamp" >"$STAMP"
  [[ $stamp == "$wanted" ]]
)
