#!/usr/bin/env bash
# Measures versions of Doorward next to each other in one run: versions.sh FOLDER NAME=BINARY NAME=BINARY ...
#
# Starts a server of each on core 0, on SQLite and then on PostgreSQL (a cluster of its own), and lets the load driver take
# turns between them from core 1: tokens, introspection, refresh, metadata, the whole sign-on flow, and lists of a filled
# database. The ratios in the tables are to the first version. Then the same in the other order, for of two servers on one
# core the place in the row counts too. Prints the tables and leaves them with the JSON in FOLDER.
#
#   OAUTHBENCH   the load driver                     (target/release/oauthbench beside this script)
#   CONNECTIONS  of the load                         (16)
#   SECONDS_EACH, RUNS    of each measurement        (2, 5)
#   SCALE        of the databases for lists, as in `doorward dev seed --scale`   (0.02)
#   DATABASES    which                               (sqlite postgres postgres-off; the last is with synchronous_commit off)
#   PARTS        what                                (tokens lists)
#   MAX_OTHERS   CPU % that others may take          (20)
#   PORT         the first of some ports             (4060)
#   PG_BIN, PG_USER   see cluster.sh
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
[ $# -ge 2 ] || { sed -n '2,/^set/p' "$0" | grep '^#' >&2; exit 2; }
mkdir -p "$1"; folder=$(cd "$1" && pwd); shift
driver=${OAUTHBENCH:-$here/target/release/oauthbench}
database_port=$((${PORT:-4060} + 20)) scale=${SCALE:-0.02} connections=${CONNECTIONS:-16}
databases=${DATABASES:-sqlite postgres postgres-off}

. "$here/cluster.sh"
finish() { stop_servers; stop_cluster; }
trap finish EXIT
stop_servers() {
  local file
  for file in "$folder"/*/*/pid; do [ -f "$file" ] && { kill "$(cat "$file")" 2>/dev/null || true; rm -f "$file"; }; done
  sleep 1
}
case $databases in *postgres*) start_cluster "$folder/pgdata" "$database_port" ;; esac

# place WORK KIND NAME: the URL of an empty database, or nothing for SQLite
place() {
  rm -rf "${1:?}/$3"; mkdir -p "$1/$3"
  [ "$2" != sqlite ] || return 0
  local database; database=$(echo "versions_$3" | tr -c 'a-z0-9\n' _)
  fresh_database "$database" "$database_port" 2>/dev/null
  [ "$2" != postgres-off ] || "$pg_bin/psql" -h 127.0.0.1 -p "$database_port" -U postgres -qc "ALTER DATABASE $database SET synchronous_commit = off"
  echo "postgres://postgres@127.0.0.1:$database_port/$database"
}

# run WORK NAME SCENARIOS CONNECTIONS VERSIONS...
run() {
  local work=$1 name=$2 scenarios=$3 connections=$4 profiles=() version; shift 4
  for version in "$@"; do profiles+=(--profile "$work/$version/profile.json"); done
  taskset -c 1 "$driver" run "${profiles[@]}" --scenarios "$scenarios" --concurrency "$connections" --seconds "${SECONDS_EACH:-2}" \
    --warmup 1 --runs "${RUNS:-5}" --max-others "${MAX_OTHERS:-20}" --out "$work/$name.json" 2>&1 | tee "$work/$name.txt"
}

versions=() backwards=()
for pair in "$@"; do versions+=("${pair%%=*}"); backwards=("${pair%%=*}" "${backwards[@]}"); done
for kind in $databases; do
  work=$folder/$kind; mkdir -p "$work"
  case " ${PARTS:-tokens lists} " in *" tokens "*)
    echo "== $kind: tokens, $connections connections"
    port=${PORT:-4060}
    for pair in "$@"; do
      name=${pair%%=*} url=$(place "$work" "$kind" "${pair%%=*}")
      DOORWARD=${pair#*=} DATABASE_PORT=$database_port "$here/doorward.sh" "$work/$name" "$port" "$url" DOORWARD__DATA_DIR="$work/$name/data"
      port=$((port + 1))
    done
    run "$work" tokens introspect,token,refresh,metadata,flow_sso "$connections" "${versions[@]}"
    echo "== the same in the other order"
    run "$work" tokens-backwards introspect,token,refresh,metadata,flow_sso "$connections" "${backwards[@]}"
    stop_servers ;;
  esac
  case "$kind ${PARTS:-tokens lists} " in postgres-off*) ;; *" lists "*)
    echo "== $kind: lists, one connection"
    port=${PORT:-4060} lists=
    for pair in "$@"; do
      name=${pair%%=*} binary=${pair#*=} url=$(place "$work" "$kind" "${pair%%=*}")
      export DOORWARD__DATABASE__URL=$url DOORWARD__DATA_DIR=$work/$name/data
      mkdir -p "$work/$name/data"
      "$binary" dev seed --scale "$scale" --organizations 100 --json >"$work/$name/seed.json" 2>"$work/$name/seed.log"
      DOORWARD__SERVER__LISTEN=127.0.0.1:$port DOORWARD__SERVER__WORKERS=1 DOORWARD__RATE_LIMIT__API=0 DOORWARD__RATE_LIMIT__LOGIN=0 \
        DOORWARD__LOG__FILTER=warn taskset -c 0 "$binary" serve >"$work/$name/out.log" 2>"$work/$name/err.log" &
      echo $! >"$work/$name/pid"
      for _ in $(seq 100); do curl -s -o /dev/null "http://127.0.0.1:$port/healthz" && break; sleep 0.1; done
      "$driver" access --base "http://127.0.0.1:$port" --seed "$work/$name/seed.json" --name "$name" --out "$work/$name/profile.json"
      port=$((port + 1))
    done
    unset DOORWARD__DATABASE__URL DOORWARD__DATA_DIR
    for scenario in authcheck-1 authcheck-1500 me users-first users-after users-active users-search groups-has-member organizations members \
      members-default; do
      missing=0
      for name in "${versions[@]}"; do grep -q "\"$scenario\": {" "$work/$name/profile.json" || missing=1; done
      [ $missing = 1 ] || lists=$lists,$scenario
    done
    run "$work" lists "${lists#,}" 1 "${versions[@]}"
    stop_servers ;;
  esac
done
