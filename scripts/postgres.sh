# Puts in PostgreSQL and PostGIS where tests would be skipped without them; sourced by scripts/test, never run.
#
# Needs scripts/setup.sh before it. Only root on Debian or Ubuntu gets them put in; elsewhere, and where that fails,
# one loud line says what is left unproven and the run goes on: its tests skip, and with CI=true a skip is a failure.

# Debian's packages of its one PostgreSQL version; Debian starts a server of its own with them, on 127.0.0.1:5432.
install_postgres_packages() {
  local version
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq || return 1
  version=$(apt-cache depends postgresql | sed -n 's/.*Depends: postgresql-\([0-9]*\)$/\1/p' | head -n 1)
  [ -n "$version" ] || return 1
  apt-get install -y -qq --no-install-recommends "postgresql-$version" "postgresql-$version-postgis-3"
}

provide_postgres() {
  local missing
  if missing=$("$BIN/python" -m scripts.postgres); then return; fi
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    say "test: INSTALLING THE SYSTEM PACKAGES postgresql AND postgresql-NN-postgis-3: $missing"
    if install_postgres_packages >&2; then return; fi
    missing="apt-get could not install it"
  fi
  say "test: THE TESTS AGAINST POSTGRESQL AND POSTGIS WILL BE SKIPPED: $missing"
}
