"""What schemathesis loads: it signs in again and again, because some of the requests it makes sign it out."""

import os

import httpx2
import schemathesis

from harness.api import PASSWORD


@schemathesis.auth(refresh_interval=2)
class Owner:
    """Uses the API with every permission, so that requests get past the door."""

    def get(self, case, context):
        body = {"email": os.environ["DOORWARD_FUZZ_EMAIL"], "password": PASSWORD}
        answer = httpx2.post(f"{os.environ['DOORWARD_FUZZ_URL']}/api/v2/users/login", json=body, timeout=30)
        answer.raise_for_status()
        return answer.json()["session_token"]

    def set(self, case, data, context):
        case.headers = {**(case.headers or {}), "Coder-Session-Token": data}
