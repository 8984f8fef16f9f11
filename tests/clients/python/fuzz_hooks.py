"""What schemathesis loads: it takes a new key again and again, because some of the requests it makes end the one in use.

The session that makes the keys stays out of the requests. Signing in instead would not do: after all the wrong passwords
that are tried, the server lets this address wait.
"""

import io
import os
import tarfile
import zipfile

import schemathesis

from harness.api import Api

OWNER = Api(os.environ["DOORWARD_FUZZ_URL"], os.environ["DOORWARD_FUZZ_TOKEN"])


@schemathesis.auth(refresh_interval=2)
class Owner:
    """Uses the API with every permission, so that requests get past the door."""

    def get(self, case, context):
        return OWNER.call("POST", "/api/v2/users/me/keys", 201).json()["key"]

    def set(self, case, data, context):
        case.headers = {**(case.headers or {}), "Coder-Session-Token": data}


def content(value) -> bytes:
    value = getattr(value, "data", value)
    return value if isinstance(value, bytes) else str(value).encode(errors="surrogatepass")


@schemathesis.serializer("application/x-tar")
def tar(context, value) -> bytes:
    """Every second body is an archive that holds it."""
    data = content(value)
    if len(data) % 2:
        return data
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as file:
        entry = tarfile.TarInfo("main.tf")
        entry.size = len(data)
        file.addfile(entry, io.BytesIO(data))
    return archive.getvalue()


@schemathesis.serializer("application/zip")
def packed(context, value) -> bytes:
    data = content(value)
    if len(data) % 2:
        return data
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("main.tf", data)
    return archive.getvalue()
