# Makes ready the Python environment that run, test and bench share; sourced by them, never run.
#
# After `source scripts/setup.sh`: the working directory is the project's root and $BIN is the environment's bin.
# GRIDGOV_VENV puts the environment elsewhere, GRIDGOV_PYTHON names the interpreter it is made with.
# Everything said here goes to standard error: standard output belongs to the command.

set -euo pipefail
unset PYTHONPATH PYTHONHOME
cd "$(dirname "${BASH_SOURCE[0]}")/.."

VENV=${GRIDGOV_VENV:-.venv}
[[ $VENV = /* ]] || VENV=$PWD/$VENV
BIN=$VENV/bin

say() { printf '%s\n' "$*" >&2; }
die() { say "setup: $*"; exit 1; }

# The first interpreter that is new enough; fails where there is none.
find_python() {
  local candidate
  for candidate in ${GRIDGOV_PYTHON:+"$GRIDGOV_PYTHON"} python3 python3.14 python3.13 python3.12 python3.11; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
  return 1
}

# Debian and Ubuntu ship Python without the modules that make an environment: put them in, or say how.
install_venv_module() {
  local package
  package=$("$1" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
  if ! command -v apt-get >/dev/null; then
    die "$1 lacks the modules venv and ensurepip: install them, or set GRIDGOV_PYTHON to a Python that has them"
  fi
  [ "$(id -u)" = 0 ] || die "$1 lacks the modules venv and ensurepip: sudo apt-get install $package"
  say "setup: INSTALLING THE SYSTEM PACKAGE $package: $1 lacks the modules venv and ensurepip"
  export DEBIAN_FRONTEND=noninteractive
  { apt-get update -qq && apt-get install -y -qq --no-install-recommends "$package"; } >&2 ||
    die "apt-get could not install $package"
}

make_environment() {
  local python
  python=$(find_python) || die "needs Python 3.11 or newer (python3); none found"
  if [ -e "$VENV" ] && [ -n "$(ls -A "$VENV")" ] && [ ! -e "$VENV/pyvenv.cfg" ]; then
    die "$VENV is not a Python environment and not empty: point GRIDGOV_VENV elsewhere"
  fi
  "$python" -c 'import venv, ensurepip' 2>/dev/null || install_venv_module "$python"
  say "setup: making the environment $VENV with $python"
  "$python" -m venv --clear "$VENV" || die "$python could not make an environment"
}

# What the environment must match: the lock, the metadata, and the place an editable install points at.
wanted_stamp() { { cat requirements.lock pyproject.toml; printf '%s\n' "$PWD"; } | sha256sum | cut -d' ' -f1; }

prepare() {
  local stamp
  stamp=$(wanted_stamp)
  if [ -x "$BIN/python" ] && [ "$(cat "$VENV/gridgov.stamp" 2>/dev/null)" = "$stamp" ]; then return; fi
  "$BIN/python" -m pip --version >/dev/null 2>&1 || make_environment
  say "setup: installing what requirements.lock names (about a minute the first time)"
  local pip=("$BIN/python" -m pip --disable-pip-version-check --quiet install)
  "${pip[@]}" --require-hashes -r requirements.lock >&2 || die "the locked dependencies could not be installed"
  "${pip[@]}" --no-deps --no-build-isolation -e . >&2 || die "the project itself could not be installed"
  printf '%s\n' "$stamp" >"$VENV/gridgov.stamp"
}

# One at a time: two commands started together would install over each other. The lock is let go before the
# command starts, so that a running server holds up nobody.
if command -v flock >/dev/null; then
  mkdir -p "$(dirname "$VENV")"
  exec 9>"$VENV.lock"
  flock 9
  prepare
  exec 9>&-
else
  prepare
fi
