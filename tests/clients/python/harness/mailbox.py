"""A mail server, and a receiver of webhooks, that keep what they get."""

import datetime
import email
import email.policy
import ipaddress
import json
import queue
import socket
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PATIENCE = 30


class Authority:
    """Signs the certificate of a server on this machine. Files go into the folder."""

    def __init__(self, folder):
        folder = Path(folder)
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority of the tests")])
        root = self._certificate(name, name, key.public_key(), key, is_authority=True)
        self.file = folder / "authority.pem"
        self.file.write_bytes(root.public_bytes(serialization.Encoding.PEM))
        server_key = ec.generate_private_key(ec.SECP256R1())
        server_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        certificate = self._certificate(server_name, name, server_key.public_key(), key, is_authority=False)
        chain = folder / "server.pem"
        chain.write_bytes(
            certificate.public_bytes(serialization.Encoding.PEM)
            + server_key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(chain)

    def _certificate(self, subject, issuer, key, signer, is_authority):
        now = datetime.datetime.now(datetime.UTC)
        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        )
        if not is_authority:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(signer, hashes.SHA256())


def free_port():
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class MailServer:
    """Takes mail for anybody who knows the password. Use it in a `with` statement."""

    USER, PASSWORD = "door", "correct horse"

    def __init__(self, context=None, implicit=False, host="127.0.0.1"):
        self._context, self._implicit, self._host = context, implicit, host
        self.mails, self.secured, self.refusals, self.sign_ins = [], [], [], []

    async def handle_DATA(self, server, session, envelope):
        if self.refusals:
            return self.refusals.pop(0)
        self.secured.append(session.ssl is not None or self._implicit)
        self.mails.append((envelope, email.message_from_bytes(envelope.content, policy=email.policy.default)))
        return "250 taken"

    def _authenticate(self, server, session, envelope, mechanism, data):
        known = (data.login, data.password) == (self.USER.encode(), self.PASSWORD.encode())
        self.sign_ins.append(known)
        # aiosmtpd says so to the client, as nothing here has.
        return AuthResult(success=known, handled=False)

    def __enter__(self):
        mailbox = self
        arguments = {"authenticator": self._authenticate, "auth_required": True, "hostname": "sink"}
        if self._implicit:
            arguments["auth_require_tls"] = False
        elif self._context:
            arguments.update(tls_context=self._context, require_starttls=True)

        class Listener(Controller):
            def factory(self):
                return SMTP(mailbox, **arguments)

        options = {"ssl_context": self._context} if self._implicit else {}
        self.port = free_port()
        self._controller = Listener(self, hostname=self._host, port=self.port, **options)
        self._controller.start()
        return self

    def __exit__(self, *_):
        self._controller.stop(no_assert=True)

    def wait(self, subject, to=None):
        """The one mail with this subject."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            found = [
                mail for envelope, mail in self.mails
                if mail["Subject"] == subject and (to is None or envelope.rcpt_tos == [to])
            ]
            if found:
                assert len(found) == 1, f"{subject} came {len(found)} times"
                return found[0]
            time.sleep(0.02)
        raise AssertionError(f"no mail {subject!r} came; there were {[mail['Subject'] for _, mail in self.mails]}")


class WebhookReceiver:
    """Use it in a `with` statement."""

    def __enter__(self):
        requests = self._requests = queue.Queue()
        receiver = self
        self.statuses = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                requests.put((dict(self.headers.items()), body))
                self.send_response(receiver.statuses.pop(0) if receiver.statuses else 204)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self._listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._listener.daemon_threads = True
        self.url = f"http://localhost:{self._listener.server_port}/hook"
        threading.Thread(target=self._listener.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown()
        self._listener.server_close()

    def wait(self):
        """The headers and the body of the next request, and the body as it was sent."""
        headers, body = self._requests.get(timeout=PATIENCE)
        return {name.lower(): value for name, value in headers.items()}, json.loads(body), body
