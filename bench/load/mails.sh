#!/usr/bin/env bash
# Measures the outbox of mail on PostgreSQL: mails.sh FOLDER
#
# Starts a server on a database of its own, and the SMTP server of the PyPI package aiosmtpd. Notices are queued while notifications are
# paused, each in a request and a transaction of its own; then they are delivered, and the server is killed (SIGKILL) and started again
# several times meanwhile. Counted is which mails came, came twice, or did not come, and what the server lists as given up.
# Prints the lines and leaves them with the JSON in FOLDER. Ends with an error when a mail came twice, or is neither here nor listed.
#
#   DOORWARD     the binary to be measured           (doorward)
#   PYTHON       the Python of an environment with aiosmtpd   (python3)
#   NOTICES, KILLS   how many                        (10000, 5)
#   CONNECTIONS  that queue                          (8)
#   RESEND_UNKNOWN   1: a mail that may have been sent is sent again (`notifications.resend_unknown`)   ()
#   SERVER_CORES, DRIVER_CORE      where the server, and what queues and takes the mail, run   (0, 1)
#   PORT         the first of three ports            (4060)
#   PG_BIN, PG_USER   see cluster.sh
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
[ $# -eq 1 ] || { sed -n '2,/^set/p' "$0" | grep '^#' >&2; exit 2; }
mkdir -p "$1"; folder=$(cd "$1" && pwd)
port=${PORT:-4060} database_port=$((${PORT:-4060} + 2)) doorward=$(command -v "${DOORWARD:-doorward}")

. "$here/cluster.sh"
trap stop_cluster EXIT
start_cluster "$folder/pgdata" "$database_port"
fresh_database mails "$database_port"
echo '== mails'
taskset -c "${DRIVER_CORE:-1}" "${PYTHON:-python3}" "$here/mails.py" --folder "$folder" --doorward "$doorward" \
  --database "postgres://postgres@127.0.0.1:$database_port/mails" --pg-bin "$pg_bin" --port "$port" --cores "${SERVER_CORES:-0}" \
  --notices "${NOTICES:-10000}" --kills "${KILLS:-5}" --connections "${CONNECTIONS:-8}" ${RESEND_UNKNOWN:+--resend-unknown} |
  tee "$folder/mails.txt"
