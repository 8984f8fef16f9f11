#!/usr/bin/env bash
# Measures provisioner daemons on PostgreSQL: provisioners.sh FOLDER
#
# Starts two servers on a database of their own and connects daemons that speak the real wire (WebSocket, yamux, DRPC, protobuf):
#   idle       a thousand that wait for jobs: memory of the server above what it had, and its CPU
#   delivery   a job from posting to delivery while a hundred wait, posted at their server and at the other one
#   claim      ten thousand queued jobs, claimed and ended by fifty daemons over both servers, each exactly once
#   gate       what a request pays for asking whether a licence gives a feature (crates/bench, no store call)
# Prints the lines and leaves them with the JSON in FOLDER.
#
#   DOORWARD     the binary to be measured           (doorward)
#   DAEMONS      the load driver                     (target/release/daemons beside this script)
#   PARTS        what is measured                    (idle,delivery,claim,gate)
#   IDLE, SECONDS_IDLE             daemons, and for how long their CPU is looked at   (1000, 60)
#   WAITING, POSTED                daemons that wait, and jobs that are posted        (100, 1000)
#   CLAIMERS, QUEUED               daemons that claim, and jobs that are queued       (50, 10000)
#   SERVER_CORES, DRIVER_CORE      where servers and the driver run                   (0, 1)
#   PORT         the first of three ports            (4050)
#   PG_BIN, PG_USER   see cluster.sh
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
[ $# -eq 1 ] || { sed -n '2,/^set/p' "$0" | grep '^#' >&2; exit 2; }
mkdir -p "$1"; folder=$(cd "$1" && pwd)
doorward=${DOORWARD:-doorward} driver=${DAEMONS:-$here/target/release/daemons}
port=${PORT:-4050} database_port=$((${PORT:-4050} + 2)) parts=,${PARTS:-idle,delivery,claim,gate},
one=http://127.0.0.1:$port other=http://127.0.0.1:$((port + 1)) psk=0123456789abcdef0123456789abcdef
ulimit -n 8192 2>/dev/null || true

. "$here/cluster.sh"
pids=()
stop_servers() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
  pids=()
}
finish() { stop_servers; stop_cluster; }
trap finish EXIT
start_cluster "$folder/pgdata" "$database_port"

# start PORT: a server, and wait until it answers
start() {
  DOORWARD__SERVER__LISTEN=127.0.0.1:$1 DOORWARD__SERVER__WORKERS=1 DOORWARD__RATE_LIMIT__API=0 DOORWARD__RATE_LIMIT__LOGIN=0 \
    DOORWARD__PROVISIONERS__PSK=$psk DOORWARD__PROVISIONERS__CONNECTIONS_MAX=2000 DOORWARD__LOG__FILTER=warn \
    DOORWARD__DATABASE__URL=postgres://postgres@127.0.0.1:$database_port/provisioners DOORWARD__DATA_DIR=$folder/data \
    taskset -c "${SERVER_CORES:-0}" "$doorward" serve >"$folder/out-$1.log" 2>"$folder/err-$1.log" &
  pids+=($!)
  for _ in $(seq 100); do curl -s -o /dev/null "http://127.0.0.1:$1/healthz" && return; sleep 0.1; done
  cat "$folder/err-$1.log" >&2; exit 1
}
field() { sed -E "s/.*\"$1\":\"([^\"]+)\".*/\1/"; }
# fresh: both servers on an empty database, with a first user and a file
fresh() {
  stop_servers
  fresh_database provisioners "$database_port"
  start "$port"; start $((port + 1))
  local password='correct horse battery'
  curl -s "$one/api/v2/users/first" -d "{\"email\":\"alice@example.com\",\"username\":\"alice\",\"password\":\"$password\"}" >/dev/null
  session=$(curl -s "$one/api/v2/users/login" -d "{\"email\":\"alice@example.com\",\"password\":\"$password\"}" | field session_token)
  mkdir -p "$folder/source"; echo >"$folder/source/doorward.toml"
  tar -C "$folder/source" -cf "$folder/source.tar" doorward.toml
  file=$(curl -s "$one/api/v2/files" -H "Coder-Session-Token: $session" -H 'Content-Type: application/x-tar' \
    --data-binary "@$folder/source.tar" | field hash)
}
load() { taskset -c "${DRIVER_CORE:-1}" "$driver" "$@"; }
# measure PART ARGUMENTS...
measure() {
  local part=$1; shift
  echo "== $part"
  load "$part" "$@" --psk "$psk" 2>"$folder/$part.txt" >"$folder/$part.json" || { cat "$folder/$part.txt" >&2; exit 1; }
  cat "$folder/$part.txt"
}

if [[ $parts == *,idle,* ]]; then
  fresh
  measure idle --base "$one" --daemons "${IDLE:-1000}" --seconds "${SECONDS_IDLE:-60}"
fi
if [[ $parts == *,delivery,* ]]; then
  fresh
  measure delivery --base "$one" --base "$other" --session "$session" --file "$file" --daemons "${WAITING:-100}" --jobs "${POSTED:-1000}"
fi
if [[ $parts == *,claim,* ]]; then
  fresh
  measure claim --base "$one" --base "$other" --session "$session" --file "$file" --daemons "${CLAIMERS:-50}" --jobs "${QUEUED:-10000}"
fi
if [[ $parts == *,gate,* ]]; then
  echo '== gate'
  (cd "$here/../../crates/bench" && taskset -c "${DRIVER_CORE:-1}" cargo bench --quiet --bench gate 2>/dev/null | grep -E 'time:' | tee "$folder/gate.txt")
fi
