#!/usr/bin/env bash
# Runs the tests and a quick sweep with other versions than constraints.txt pins:
#
#     scripts/test_versions.sh lowest               the oldest JAX that pyproject.toml admits
#     scripts/test_versions.sh newest               the newest of everything for this Python
#     PYTHON=python3.13 scripts/test_versions.sh newest
#
# Each makes an environment of its own beside .venv. More arguments go to pytest.
set -euo pipefail
unset CDPATH
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

which=${1:-}
case $which in
  lowest)
    oldest=$(sed -n 's/^ *"jax>=\([0-9.]*\)",$/\1/p' pyproject.toml)
    pins=("jax==$oldest" "jaxlib==$oldest") ;;
  newest) pins=() ;;
  *) printf 'Expected lowest or newest; got %q.\n' "$which" >&2; exit 2 ;;
esac
shift

python=${PYTHON:-python3}
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
venv=.venv-$which-$version
if [[ ! -x $venv/bin/python ]]; then
  "$python" -m venv "$venv"
  # uv finds versions that go with the oldest JAX in 13 s; pip had none in ten minutes.
  "$venv/bin/python" -m pip install -qq --disable-pip-version-check uv
fi
"$venv/bin/python" -m uv pip install -q --python "$venv/bin/python" --upgrade \
  -e '.[dev]' ${pins[@]+"${pins[@]}"}
"$venv/bin/python" -c '
import sys
from importlib.metadata import version
print("Python", sys.version.split()[0], *(f"{n} {version(n)}" for n in ("jax", "jaxlib", "flax", "numpy")))'

export TF_CPP_MIN_LOG_LEVEL=${TF_CPP_MIN_LOG_LEVEL:-2}
workdir=$(mktemp -d)
trap 'rm -rf "$workdir"' EXIT
"$venv/bin/python" -m recall.main --config=configs/linear_capacity.py:quick --workdir="$workdir"
"$venv/bin/python" -m pytest -n 2 "$@"
