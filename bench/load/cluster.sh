# A PostgreSQL of one's own for the scripts beside this one, which source this file. On core 0, like all that is measured.
#
#   PG_BIN       where initdb and pg_ctl are         (/usr/lib/postgresql/15/bin)
#   PG_USER      whom PostgreSQL runs as where the script runs as root   (postgres)
pg_bin=${PG_BIN:-/usr/lib/postgresql/15/bin}
cluster=

as_postgres() {
  if [ "$(id -u)" = 0 ]; then setpriv --reuid "${PG_USER:-postgres}" --regid "${PG_USER:-postgres}" --clear-groups "$@"; else "$@"; fi
}

# start_cluster DATA PORT: one that is there already is used again
start_cluster() {
  local data=$1 port=$2
  if [ ! -f "$data/PG_VERSION" ]; then
    mkdir -p "$data"; [ "$(id -u)" != 0 ] || chown "${PG_USER:-postgres}" "$data"
    (cd / && as_postgres "$pg_bin/initdb" -D "$data" -A trust -U postgres --no-locale -E UTF8 >/dev/null)
    printf '%s\n' "listen_addresses = '127.0.0.1'" "unix_socket_directories = ''" "shared_buffers = 512MB" \
      "max_connections = 200" "max_wal_size = 4GB" | as_postgres tee -a "$data/postgresql.conf" >/dev/null
  fi
  (cd / && as_postgres taskset -c 0 "$pg_bin/pg_ctl" -D "$data" -o "-p $port" -l "$data/log" -w start >/dev/null)
  cluster=$data
}

stop_cluster() {
  [ -z "$cluster" ] || as_postgres "$pg_bin/pg_ctl" -D "$cluster" -m fast stop >/dev/null
}

# fresh_database NAME PORT
fresh_database() {
  "$pg_bin/dropdb" -h 127.0.0.1 -p "$2" -U postgres --if-exists "$1"
  "$pg_bin/createdb" -h 127.0.0.1 -p "$2" -U postgres "$1"
}
