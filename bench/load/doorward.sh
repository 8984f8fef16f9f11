#!/usr/bin/env bash
# Starts Doorward on core 0 for the load driver and writes its profile: doorward.sh FOLDER PORT [DATABASE_URL] [KEY=VALUE ...]
# The folder keeps data, logs, the process id and profile.json.
set -euo pipefail
folder=$1 port=$2 url=${3:-}
shift; shift; [ $# -gt 0 ] && shift
mkdir -p "$folder"; cd "$folder"
binary=${DOORWARD:-doorward}
export DOORWARD__SERVER__LISTEN=127.0.0.1:$port DOORWARD__DATABASE__URL=$url DOORWARD__SERVER__WORKERS=1 \
  DOORWARD__RATE_LIMIT__API=0 DOORWARD__RATE_LIMIT__LOGIN=0 DOORWARD__LOG__FILTER=${LOG_FILTER:-info}
for pair in "$@"; do export "${pair?}"; done
taskset -c 0 "$binary" serve >out.log 2>err.log &
echo $! >pid
base=http://127.0.0.1:$port
for _ in $(seq 100); do curl -s -o /dev/null "$base/healthz" && break; sleep 0.1; done
[ -f profile.json ] && exit
field() { sed -E "s/.*\"$1\":\"([^\"]+)\".*/\1/"; }
password='correct horse battery'
# The link of the set-up is told at the start of an empty server.
token=$(cat out.log err.log | grep -o 'setup?token=[A-Za-z0-9_-]*' | head -1 | cut -d= -f2 || true)
curl -s "$base/api/v2/users/first?token=$token" -H 'content-type: application/json' -d "{\"email\":\"alice@example.com\",\"username\":\"alice\",\"password\":\"$password\"}" >/dev/null
session=$(curl -s "$base/api/v2/users/login" -H 'content-type: application/json' -d "{\"email\":\"alice@example.com\",\"password\":\"$password\"}" | field session_token)
app=$(curl -s "$base/api/v2/oauth2-provider/apps" -H "Coder-Session-Token: $session" \
  -H 'content-type: application/json' -d '{"name":"bench","callback_url":"http://127.0.0.1:9999/cb","service_account":true}' | sed -E 's/^\{"id":"([^"]+)".*/\1/')
secret=$(curl -s -X POST "$base/api/v2/oauth2-provider/apps/$app/secrets" -H "Coder-Session-Token: $session" | field client_secret_full)
database='"database_port": '${DATABASE_PORT:-5544},
[ -n "$url" ] || database=
cat >profile.json <<JSON
{ "name": "$(basename "$folder")", "base": "$base", $database
  "endpoints": { "metadata": "/.well-known/oauth-authorization-server", "token": "/oauth2/tokens",
    "introspection": "/oauth2/introspect", "authorization": "/oauth2/authorize" },
  "client": { "id": "$app", "secret": "$secret", "auth": "basic" },
  "client_credentials": {}, "introspection": { "token_from": "client_credentials" },
  "flow": { "redirect_uri": "http://127.0.0.1:9999/cb", "authorize": {}, "pages": [
    { "when_path": "/login", "form": "name=\"password\"", "fields": { "email": "alice@example.com", "password": "$password" } },
    { "when_path": "/oauth2/authorize", "form": "allow-form", "fields": {} } ] } }
JSON
