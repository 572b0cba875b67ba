# shellcheck shell=bash
# Sourced by run.sh and test.sh. `environment` makes .venv, with the versions that
# constraints.txt pins, unless it is finished and up to date: then it calls no
# installer and needs no network. Goes to the project's root.
#
#     PYTHON            the interpreter to make .venv with (default: one that fits)
#     RECALL_EXTRAS     more of pyproject.toml's extras, such as "cuda" or "cluster"

unset CDPATH
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." || exit 1
ROOT=$(pwd -P)
VENV=$ROOT/.venv
PYTHON_IN_VENV=$VENV/bin/python
STAMP=$VENV/recall-stamp            # three lines: root, fingerprint, extras
UNFINISHED=$VENV/recall-unfinished  # there while .venv is being changed

# JAX's C++ parts report errors only.
export TF_CPP_MIN_LOG_LEVEL=${TF_CPP_MIN_LOG_LEVEL:-2}

say() { printf 'recall: %s\n' "$*" >&2; }

# fingerprint: of what decides what is installed. From [tool.ruff] on, pyproject.toml
# says how the code is checked.
fingerprint() {
  { sed '/^\[tool\.ruff]/,$d' pyproject.toml && cat constraints.txt; } | cksum
}

# read_stamp: sets made_in, made_from and has (extras); fails if .venv was not finished.
read_stamp() {
  made_in='' made_from='' has=''
  [[ -x $PYTHON_IN_VENV && -f $STAMP && ! -e $UNFINISHED ]] || return 1
  { IFS= read -r made_in && IFS= read -r made_from && IFS= read -r has; } <"$STAMP"
}

# ready EXTRA...: whether .venv is finished, up to date, and has these extras.
ready() {
  local extra
  read_stamp && [[ $made_in == "$ROOT" && $made_from == "$(fingerprint)" ]] || return 1
  for extra in "$@"; do
    [[ " $has " == *" $extra "* ]] || return 1
  done
}

# find_python: prints the first interpreter that runs and that the pins fit.
find_python() {
  local candidate check
  check='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))'
  # Some systems leave out what `python -m venv` needs; uv does without it.
  command -v uv >/dev/null || check="import ensurepip, venv; $check"
  if [[ -n ${PYTHON:-} ]]; then
    set -- "$PYTHON"
  else
    set -- python3 python3.13 python3.12 python3.11 python3.14
  fi
  for candidate in "$@"; do
    # A name on the PATH need not run: version managers leave shims behind.
    if "$candidate" -c "$check" >/dev/null 2>&1; then
      printf '%s\n' "$candidate"
      return
    fi
  done
  say "no Python 3.11 to 3.14 with venv and pip among: $* (set PYTHON to one)."
  return 2
}

# new_venv PYTHON: an empty environment, marked as unfinished before anything else.
new_venv() {
  rm -rf "$VENV" && mkdir "$VENV" && : >"$UNFINISHED" || return 1
  if command -v uv >/dev/null; then
    uv venv --quiet --allow-existing --python "$1" "$VENV" && return
  fi
  "$1" -m venv "$VENV"
}

# install REQUIREMENT: the project in place, by uv, or else by pip, three times slower.
install() {
  if command -v uv >/dev/null; then
    uv pip install --quiet --python "$PYTHON_IN_VENV" -c constraints.txt -e "$1" &&
      return
    say "uv could not install it; trying pip."
  fi
  "$PYTHON_IN_VENV" -m pip --version >/dev/null 2>&1 ||
    "$PYTHON_IN_VENV" -m ensurepip >/dev/null || return 1
  # Compiling all 5,000 files takes 12 s; `compile_used` does the few that matter.
  "$PYTHON_IN_VENV" -m pip install -qq --no-compile --disable-pip-version-check \
    -c constraints.txt -e "$1"
}

# install_alone MODULE: installs a package of that name, and nothing that it asks for.
install_alone() {
  local has="import importlib.util, sys; sys.exit(importlib.util.find_spec('$1') is None)"
  "$PYTHON_IN_VENV" -c "$has" && return
  if command -v uv >/dev/null; then
    uv pip install --quiet --python "$PYTHON_IN_VENV" -c constraints.txt --no-deps "$1"
  else
    "$PYTHON_IN_VENV" -m pip install -qq --disable-pip-version-check \
      -c constraints.txt --no-deps "$1"
  fi
}

# compile_used: compiles what every start imports, also where a setting such as
# PYTHONDONTWRITEBYTECODE would have each start do it again.
compile_used() {
  env -u PYTHONDONTWRITEBYTECODE "$PYTHON_IN_VENV" -c '
import chex, flax, jax, jaxtyping, matplotlib.pyplot, ml_collections, optax, rich, scipy
' >/dev/null 2>&1 || true
}

# make_environment EXTRA...: makes or updates .venv. One process at a time.
make_environment() {
  local extra extras='' old=no python=$PYTHON_IN_VENV start=$SECONDS
  trap 'exit 130' INT
  trap 'exit 143' TERM
  ready "$@" && return  # another script has just made it
  # A .venv that was interrupted, moved, or lost its interpreter is made anew. One
  # that somebody else made has neither mark nor stamp, and is only added to.
  if [[ ! -x $PYTHON_IN_VENV || -e $UNFINISHED ]] ||
    { read_stamp && [[ $made_in != "$ROOT" ]]; }; then
    has=''
    python=$(find_python) || return
    say "making .venv with $python: about half a minute."
    new_venv "$python" || { say "could not make .venv with $python."; return 1; }
  else
    old=yes
    say "updating .venv."
    : >"$UNFINISHED"
  fi
  for extra in $has "$@"; do
    [[ " $extras " == *" $extra "* ]] || extras="${extras:+$extras }$extra"
  done
  if ! install ".${extras:+[${extras// /,}]}"; then
    # pip changes nothing when it fails, so an environment that worked still does.
    [[ $old == no ]] || rm -f "$UNFINISHED"
    say "could not install what pyproject.toml asks for (is there a network?)."
    return 1
  fi
  compile_used
  printf '%s\n' "$ROOT" "$(fingerprint)" "$extras" >"$STAMP" && rm -f "$UNFINISHED"
  say ".venv is ready (${extras:-no extras}), $((SECONDS - start)) s."
}

# environment EXTRA...: leaves a .venv with the project, its pins and these extras.
environment() {
  local wanted=${RECALL_EXTRAS:-}
  # shellcheck disable=SC2086  # one word per extra
  set -- "$@" ${wanted//,/ }
  ready "$@" && return
  # The lock is held by a subshell, so that what the script runs next does not hold it.
  (
    if command -v flock >/dev/null && ! flock -n 9; then
      say "waiting for another script that is making .venv."
      flock 9
    fi
    make_environment "$@"
  ) 9>"$ROOT/.venv.lock" || exit
}
