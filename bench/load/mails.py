"""Queues notices, has them delivered by mail while the server is killed again and again, and counts what came. See mails.sh."""

import argparse
import atexit
import email
import email.policy
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from aiosmtpd.controller import Controller

PASSWORD = "correct horse battery"


class Sink:
    """Takes every mail and remembers which notice it was."""

    def __init__(self):
        self.subjects, self.ids, self.notices, self.last = Counter(), Counter(), 0, time.monotonic()

    async def handle_DATA(self, server, session, envelope):
        head = email.message_from_bytes(envelope.content[:4096], policy=email.policy.default)
        self.subjects[head["Subject"]] += 1
        self.ids[head["Message-ID"]] += 1
        self.notices += head["Subject"].startswith("notice ")
        self.last = time.monotonic()
        return "250 taken"


class Server:
    """`doorward serve`, which is killed and started again."""

    def __init__(self, arguments, smtp_port):
        self.arguments, self.starts, self.process = arguments, 0, None
        self.environment = {
            **os.environ,
            "DOORWARD__SERVER__LISTEN": f"127.0.0.1:{arguments.port}",
            "DOORWARD__SERVER__WORKERS": "1",
            "DOORWARD__RATE_LIMIT__API": "0",
            "DOORWARD__RATE_LIMIT__LOGIN": "0",
            "DOORWARD__LOG__FILTER": "warn",
            "DOORWARD__DATABASE__URL": arguments.database,
            "DOORWARD__DATA_DIR": os.path.join(arguments.folder, "data"),
            "DOORWARD__SMTP__SMARTHOST": f"127.0.0.1:{smtp_port}",
            "DOORWARD__SMTP__FROM": "Doorward <door@example.com>",
            "DOORWARD__SMTP__SECURITY": "none",
            "DOORWARD__NOTIFICATIONS__RESEND_UNKNOWN": "true" if arguments.resend_unknown else "false",
        }

    def start(self):
        log = open(os.path.join(self.arguments.folder, f"server-{self.starts}.log"), "wb")
        self.starts += 1
        command = ["taskset", "-c", self.arguments.cores, self.arguments.doorward, "serve"]
        self.process = subprocess.Popen(command, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        for _ in range(600):
            try:
                if self.call("GET", "/healthz")[0] == 200:
                    return
            except OSError:
                time.sleep(0.05)
        sys.exit("the server does not answer")

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)

    def call(self, method, path, body=None, token="", connection=None):
        mine = connection or http.client.HTTPConnection("127.0.0.1", self.arguments.port, timeout=30)
        text = json.dumps(body) if body is not None else None
        headers = {"Content-Type": "application/json", **({"Coder-Session-Token": token} if token else {})}
        mine.request(method, path, text, headers)
        answer = mine.getresponse()
        content = answer.read()
        return answer.status, json.loads(content) if content.startswith((b"{", b"[")) else content


def rows(arguments, condition):
    query = f"SELECT count(*) FROM {condition}"
    command = [os.path.join(arguments.pg_bin, "psql"), "-XAtq", arguments.database, "-c", query]
    return int(subprocess.check_output(command))


def queue(server, token, how_many, connections):
    """Posts so many notices, and answers how long each took, in ms."""
    local = threading.local()

    def post(number):
        if not hasattr(local, "connection"):
            local.connection = http.client.HTTPConnection("127.0.0.1", server.arguments.port, timeout=30)
        began = time.perf_counter()
        body = {"content": {"title": f"notice {number:06}", "message": "This is one of many."}}
        status, said = server.call("POST", "/api/v2/notifications/custom", body, token, local.connection)
        assert status == 204, (status, said)
        return (time.perf_counter() - began) * 1e3

    with ThreadPoolExecutor(connections) as pool:
        return sorted(pool.map(post, range(how_many)))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--doorward", required=True)
    parser.add_argument("--database", required=True)
    parser.add_argument("--pg-bin", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--cores", default="0")
    parser.add_argument("--notices", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--resend-unknown", action="store_true")
    arguments = parser.parse_args()

    sink = Sink()
    controller = Controller(sink, hostname="127.0.0.1", port=arguments.port + 1)
    controller.start()
    server = Server(arguments, arguments.port + 1)
    atexit.register(server.kill)
    server.start()
    address = "alice@example.com"
    server.call("POST", "/api/v2/users/first", {"email": address, "username": "alice", "password": PASSWORD})
    _, session = server.call("POST", "/api/v2/users/login", {"email": address, "password": PASSWORD})
    token = session["session_token"]
    status, said = server.call("PUT", "/api/v2/notifications/settings", {"notifier_paused": True}, token)
    assert status == 200, (status, said)

    began = time.monotonic()
    times = queue(server, token, arguments.notices, arguments.connections)
    queueing = time.monotonic() - began
    at = lambda share: times[min(len(times) - 1, int(len(times) * share))]
    print(f"queued {arguments.notices} notices in {queueing:.1f} s ({arguments.notices / queueing:.0f}/s): "
          f"p50 {at(0.5):.2f} ms, p99 {at(0.99):.2f} ms", flush=True)

    status, said = server.call("PUT", "/api/v2/notifications/settings", {"notifier_paused": False}, token)
    assert status == 200, (status, said)
    began, sink.last, pauses = time.monotonic(), time.monotonic(), []
    for number in range(1, arguments.kills + 1):
        while sink.notices < arguments.notices * number // (arguments.kills + 1):
            assert time.monotonic() - sink.last < 120, "nothing comes any more"
            time.sleep(0.005)
        server.kill()
        killed = time.monotonic()
        server.start()
        # what was on its way when it was killed has come by now
        seen = sink.notices
        while sink.notices <= seen:
            assert time.monotonic() - killed < 120, "nothing comes after a kill"
            time.sleep(0.005)
        pauses.append(time.monotonic() - killed)
    left = "(SELECT 1 FROM notification_notices UNION ALL SELECT 1 FROM notification_deliveries WHERE dead_at IS NULL) AS rest"
    while rows(arguments, left):
        assert time.monotonic() - sink.last < 120, "the queue does not empty"
        time.sleep(0.2)
    took = sink.last - began
    dead = rows(arguments, "notification_deliveries WHERE dead_at IS NOT NULL")
    server.stop()
    controller.stop(no_assert=True)

    notices = {f"notice {number:06}" for number in range(arguments.notices)}
    came = [subject for subject in sink.subjects if subject in notices]
    twice = sum(1 for subject in came if sink.subjects[subject] > 1)
    missing = arguments.notices - len(came)
    outage = sum(pauses)
    result = {
        "notices": arguments.notices, "kills": arguments.kills, "queued_per_s": arguments.notices / queueing,
        "queue_p50_ms": at(0.5), "queue_p99_ms": at(0.99), "delivered": len(came), "more_than_once": twice,
        "not_delivered": missing, "given_up_and_listed": dead, "seconds": took,
        "seconds_until_mail_after_a_kill": pauses, "mails_per_s_while_running": len(came) / max(took - outage, 1e-9),
    }
    print(f"{len(came)} of {arguments.notices} delivered with {arguments.kills} kills in {took:.1f} s, "
          f"{result['mails_per_s_while_running']:.0f}/s while a server ran; after a kill the next came within "
          f"{max(pauses, default=0):.1f} s", flush=True)
    print(f"{twice} came more than once; {missing} did not come; {dead} are listed as given up "
          f"({dead - missing} of them had come)", flush=True)
    with open(os.path.join(arguments.folder, "mails.json"), "w") as file:
        json.dump(result, file, indent=2)
    # what is not delivered must be listed, and nothing comes twice unless that was asked for
    sys.exit(0 if missing <= dead and (arguments.resend_unknown or not twice) else 1)


if __name__ == "__main__":
    main()
