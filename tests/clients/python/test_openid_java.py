"""OpenID Connect in Java (the SDK of Connect2id), as Spring and many gateways use it."""

import os
import subprocess

from conftest import _server as run_server


def test_signs_in_with_all_that_the_sdk_checks(database):
    with run_server(database, **{"oauth2.registration.mode": "open"}) as server:
        app = server.owner.create_app("https://client.example/callback")
        user = server.api().sign_in(server.owner.create_user())
        command = ["java", "-cp", os.environ["DOORWARD_JAVA_CLIENT"], "OpenId"]
        command += [server.url, app.id, app.secret, user.user.id, user.token]
        run = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert run.returncode == 0, run.stdout + run.stderr + server.log()
        # Three clients: by header, by body, and without a secret.
        assert "49 checks passed" in run.stdout, run.stdout
