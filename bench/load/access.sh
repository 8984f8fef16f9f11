#!/usr/bin/env bash
# Measures access control at scale: access.sh FOLDER postgres|sqlite
#
# Fills two databases with `doorward dev seed`, the second with ten times the data of the first, starts a server on each
# (with PostgreSQL: a cluster of its own) on core 0, and lets the load driver take turns between them from core 1. Prints
# the tables and leaves them with the JSON in FOLDER. Databases that are there already are used again.
#
#   DOORWARD     the binary to be measured           (doorward)
#   OAUTHBENCH   the load driver                     (target/release/oauthbench beside this script)
#   SCALE        of the larger database, as in `doorward dev seed --scale`   (1 with PostgreSQL, 0.1 with SQLite)
#   SECONDS_EACH, RUNS    of each measurement        (3, 3)
#   MAX_OTHERS   CPU % that others may take          (20)
#   PORT         the first of three ports            (4020)
#   PG_BIN, PG_USER   see cluster.sh
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
[ $# -eq 2 ] || { sed -n '2,/^set/p' "$0" | grep '^#' >&2; exit 2; }
mkdir -p "$1"; folder=$(cd "$1" && pwd) kind=$2
doorward=${DOORWARD:-doorward} driver=${OAUTHBENCH:-$here/target/release/oauthbench}
port=${PORT:-4020} database_port=$((${PORT:-4020} + 2))
case $kind in
  postgres) scale=${SCALE:-1} ;;
  sqlite) scale=${SCALE:-0.1} ;;
  *) echo "access.sh: postgres or sqlite, not $kind" >&2; exit 2 ;;
esac
tenth=$(awk "BEGIN { print $scale / 10 }")
work=$folder/$kind-$scale; mkdir -p "$work"

. "$here/cluster.sh"
pids=()
finish() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
  stop_cluster
}
trap finish EXIT

# --- PostgreSQL -----------------------------------------------------------------------------------------------------
[ "$kind" != postgres ] || start_cluster "$folder/pgdata" "$database_port"

# --- Databases and servers ------------------------------------------------------------------------------------------
# start NAME PORT SCALE: the smaller database has a hundred organizations too, so that the member of a hundred is alike
start() {
  local name=$1 port=$2 scale=$3 base=http://127.0.0.1:$2 more=() url=
  mkdir -p "$work/$name"
  if [ "$kind" = postgres ]; then
    # names of databases have no dot
    local database="doorward_${scale//./_}"
    url=postgres://postgres@127.0.0.1:$database_port/$database
    [ -f "$work/$name/seed.json" ] || fresh_database "$database" "$database_port"
  fi
  export DOORWARD__DATA_DIR=$work/$name DOORWARD__DATABASE__URL=$url
  if [ ! -f "$work/$name/seed.json" ]; then
    rm -f "$work/$name"/doorward.db*
    awk "BEGIN { exit !($scale < 0.1) }" && more=(--organizations 100)
    "$doorward" dev seed --scale "$scale" "${more[@]}" --json >"$work/$name/seed.tmp"
    mv "$work/$name/seed.tmp" "$work/$name/seed.json"
  fi
  DOORWARD__SERVER__LISTEN=127.0.0.1:$port DOORWARD__SERVER__WORKERS=1 DOORWARD__RATE_LIMIT__API=0 \
    DOORWARD__RATE_LIMIT__LOGIN=0 DOORWARD__LOG__FILTER=warn \
    DOORWARD__METRICS__ENABLED=true DOORWARD__METRICS__LISTEN=127.0.0.1:$((port + 10)) \
    taskset -c 0 "$doorward" serve >"$work/$name/out.log" 2>"$work/$name/err.log" &
  pids+=($!)
  for _ in $(seq 100); do curl -s -o /dev/null "$base/healthz" && break; sleep 0.1; done
  local ports=(); [ "$kind" = sqlite ] || ports=(--database-port "$database_port")
  "$driver" access --base "$base" --seed "$work/$name/seed.json" --name "$kind-$scale" "${ports[@]}" --out "$work/$name/profile.json"
}
start tenth "$port" "$tenth"
start full $((port + 1)) "$scale"
full_pid=${pids[1]} full_base=http://127.0.0.1:$((port + 1)) full_metrics=http://127.0.0.1:$((port + 11))

# --- Measuring ------------------------------------------------------------------------------------------------------
# only what the server has
scenarios() {
  local list=
  for name in "$@"; do
    if [ "$name" = introspect ] || grep -q "\"$name\": {" "$work/full/profile.json"; then list=$list,$name; fi
  done
  echo "${list#,}"
}
# measure NAME CONCURRENCY PROFILES... -- SCENARIOS...
measure() {
  local name=$1 concurrency=$2 profiles=(); shift 2
  while [ "$1" != -- ]; do profiles+=(--profile "$work/$1/profile.json"); shift; done; shift
  local list; list=$(scenarios "$@")
  [ -n "$list" ] || { echo "nothing to measure of: $*" >&2; return; }
  taskset -c 1 "$driver" run "${profiles[@]}" --scenarios "$list" --concurrency "$concurrency" --seconds "${SECONDS_EACH:-3}" \
    --warmup 1 --runs "${RUNS:-3}" --max-others "${MAX_OTHERS:-20}" --out "$work/$name.json" 2>&1 | tee "$work/$name.txt"
}
# the sum of the counters whose names match, over their labels
counter() {
  curl -s "$full_metrics/metrics" | awk -v name="$1" '$1 ~ "^" name "([{]|$)" { sum += $NF } END { printf "%d", sum }'
}
store_calls="doorward_store_(reads|writes|single_writes)_total"
memory() { awk -v field="$1:" '$1 == field { printf "%.1f MiB\n", $2 / 1024 }' "/proc/$full_pid/status"; }

echo "== one connection: latency, and the larger database ($scale) next to the smaller ($tenth)"
measure latency 1 tenth full -- authcheck-1 authcheck-1500 me users-first users-after users-active users-search \
  groups-has-member organizations organizations-all members members-default introspect

echo "== 16 connections on the larger database: throughput, and calls of the store"
for scenario in authcheck-1 me introspect; do
  calls=$(counter "$store_calls") requests=$(counter doorward_http_request_duration_seconds_count)
  measure "throughput-$scenario" 16 full -- "$scenario"
  calls=$(($(counter "$store_calls") - calls)) requests=$(($(counter doorward_http_request_duration_seconds_count) - requests))
  echo "$scenario: $calls store calls in $requests requests" | tee -a "$work/throughput-$scenario.txt"
done

echo "== the largest group, one connection: latency and memory"
{
  echo "resident before: $(memory VmRSS)"
  # makes the peak start anew
  echo 5 >"/proc/$full_pid/clear_refs"
  measure group 1 full -- group-large
  echo "peak during:     $(memory VmHWM)"
  sleep 5
  echo "resident after:  $(memory VmRSS)"
} | tee "$work/memory.txt"
