#!/usr/bin/env bash
# Measures provisioning by SCIM on PostgreSQL: scim.sh FOLDER
#
# Fills a database with `doorward dev seed`, starts a server on core 0 beside its PostgreSQL, and from core 1
#   - finds users by name, reads them, lists them and makes new ones, on 16 connections;
#   - provisions users and groups of them, by bulk requests and by single ones;
#   - switches a user with many tokens off, and sees when a second server on the same database refuses them.
# Prints the tables and leaves them with the JSON in FOLDER. A database that is there already is used again.
#
#   DOORWARD     the binary to be measured           (doorward)
#   OAUTHBENCH   the load driver                     (target/release/oauthbench beside this script)
#   USERS        in the database before              (100000)
#   NEW_USERS, NEW_GROUPS, MEMBERS    to be provisioned in each way   (10000, 1000, 100)
#   TOKENS       of the user who is switched off     (1000)
#   CONNECTIONS  of the load                         (16)
#   SCENARIOS    to be run                           (scim-filter,scim-get,scim-page,scim-create)
#   SECONDS_EACH, RUNS    of each measurement        (3, 3)
#   MAX_OTHERS   CPU % that others may take          (20)
#   PORT         the first of three ports            (4040)
#   PEER         the Python of an environment with peers/scim2-server/requirements.txt: measured beside, with PEER_USERS   ()
#   PEER_USERS   in the memory of the peer           (1000)
#   PG_BIN, PG_USER   see cluster.sh
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
[ $# -eq 1 ] || { sed -n '2,/^set/p' "$0" | grep '^#' >&2; exit 2; }
mkdir -p "$1"; folder=$(cd "$1" && pwd)
doorward=${DOORWARD:-doorward} driver=${OAUTHBENCH:-$here/target/release/oauthbench}
port=${PORT:-4040} database_port=$((${PORT:-4040} + 2)) users=${USERS:-100000} connections=${CONNECTIONS:-16}
base=http://127.0.0.1:$port other=http://127.0.0.1:$((port + 1)) key=0123456789abcdef0123456789abcdef
work=$folder/scim-$users; mkdir -p "$work"

. "$here/cluster.sh"
pids=()
finish() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
  stop_cluster
}
trap finish EXIT
start_cluster "$folder/pgdata" "$database_port"

export DOORWARD__DATABASE__URL=postgres://postgres@127.0.0.1:$database_port/scim_$users DOORWARD__DATA_DIR=$work
if [ ! -f "$work/seed.json" ]; then
  fresh_database "scim_$users" "$database_port"
  "$doorward" dev seed --users "$users" --organizations 1 --groups 10 --json >"$work/seed.tmp"
  mv "$work/seed.tmp" "$work/seed.json"
fi
owner=$(sed -E 's/.*"owner":\{"token":"([^"]+)".*/\1/' "$work/seed.json")

# start PORT CORE
start() {
  DOORWARD__SERVER__LISTEN=127.0.0.1:$1 DOORWARD__SERVER__WORKERS=1 DOORWARD__RATE_LIMIT__API=0 DOORWARD__RATE_LIMIT__LOGIN=0 \
    DOORWARD__SCIM__KEY=$key DOORWARD__LOG__FILTER=warn \
    taskset -c "$2" "$doorward" serve >"$work/out-$1.log" 2>"$work/err-$1.log" &
  pids+=($!)
  for _ in $(seq 100); do curl -s -o /dev/null "http://127.0.0.1:$1/healthz" && break; sleep 0.1; done
}
start "$port" 0
asked=(--base "$base" --key "$key")
load() { taskset -c 1 "$driver" "$@"; }

profiles=(--profile "$work/profile.json")
load scim-profile "${asked[@]}" --name "doorward-$users" --database-port "$database_port" --out "$work/profile.json"
if [ -n "${PEER:-}" ]; then
  peer_port=$((port + 3)) peer=http://127.0.0.1:$((port + 3))
  SCIM_KEY=$key taskset -c 0 "$PEER" -m gunicorn --chdir "$here/peers/scim2-server" -w 1 -k gthread --threads 4 --keep-alive 60 \
    -b "127.0.0.1:$peer_port" app:application >"$work/peer.log" 2>&1 &
  pids+=($!)
  for _ in $(seq 100); do curl -s -o /dev/null "$peer/" && break; sleep 0.1; done
  load scim-provision --base "$peer" --prefix /v2 --key "$key" --name peer --users "${PEER_USERS:-1000}" --groups 0 --connections 4 --out "$work/peer.json"
  load scim-profile --base "$peer" --prefix /v2 --key "$key" --name "scim2-server-${PEER_USERS:-1000}" --out "$work/peer-profile.json"
  profiles+=(--profile "$work/peer-profile.json")
fi

echo "== $connections connections, $users users"
load run "${profiles[@]}" --scenarios ${SCENARIOS:-scim-filter,scim-get,scim-page,scim-create} --concurrency "$connections" \
  --seconds "${SECONDS_EACH:-3}" --warmup 1 --runs "${RUNS:-3}" --max-others "${MAX_OTHERS:-20}" --out "$work/run.json" 2>&1 | tee "$work/run.txt"

echo "== provisioning"
for way in bulk single; do
  load scim-provision "${asked[@]}" --name "$way-$(date +%s)" --by "$way" --connections "$connections" --users "${NEW_USERS:-10000}" \
    --groups "${NEW_GROUPS:-1000}" --members "${MEMBERS:-100}" --out "$work/provision-$way.json" 2>&1 | tee "$work/provision-$way.txt"
done

echo "== deprovisioning"
start $((port + 1)) 1
load scim-deprovision "${asked[@]}" --other "$other" --owner "$owner" --tokens "${TOKENS:-1000}" --out "$work/deprovision.json" 2>&1 |
  tee "$work/deprovision.txt"
