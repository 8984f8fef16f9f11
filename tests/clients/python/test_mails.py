"""Notifications as a mail server and a receiver of webhooks that we did not write see them."""

import base64
import hashlib
import hmac
import re
import time
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from harness.mailbox import Authority, MailServer, WebhookReceiver
from harness.server import doctor

ANOTHER = "Another-Correct-Horse-9"


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


def settings(mails, authority, security, **more):
    return {
        "smtp.smarthost": f"localhost:{mails.port}",
        "smtp.from": "Doorward <door@example.com>",
        "smtp.security": security,
        "smtp.username": mails.USER,
        "smtp.password": mails.PASSWORD,
        "smtp.ca_file": str(authority.file),
        "notifications.retry_pause": "1s",
        **more,
    }


@pytest.mark.parametrize("security", ["starttls", "implicit"])
def test_a_test_comes_over_tls_with_a_password(database, serve, authority, security):
    with MailServer(authority.context, implicit=security == "implicit") as mails:
        with serve(database, **settings(mails, authority, security)) as server:
            owner = server.owner
            methods = owner.call("GET", "/api/v2/notifications/dispatch-methods", 200).json()
            assert methods == {"available": ["smtp"], "default": "smtp"}
            owner.call("POST", "/api/v2/notifications/test", 204)
            mail = mails.wait("A test notification", owner.user.email)
            assert mail["From"] == "Doorward <door@example.com>"
            assert re.fullmatch(r"<[0-9a-f-]{36}@[\w.]+>", mail["Message-ID"])
            assert mail["Auto-Submitted"] == "auto-generated"
            assert "This is a test notification." in mail.get_body(("plain",)).get_content()
            assert "<p>This is a test notification.</p>" in mail.get_body(("html",)).get_content()
            assert mails.secured == [True]
            inbox = owner.call("GET", "/api/v2/notifications/inbox", 200).json()
            assert inbox["unread_count"] == 1


def test_a_server_whose_certificate_nobody_vouches_for_gets_nothing(database, serve, authority):
    with MailServer(authority.context) as mails:
        wrong = {**settings(mails, authority, "starttls"), "smtp.ca_file": "", "notifications.attempts_max": "1"}
        with serve(database, **wrong) as server:
            server.owner.call("POST", "/api/v2/notifications/test", 204)
            deadline = time.monotonic() + 30
            while "was given up" not in server.log():
                assert time.monotonic() < deadline, server.log()
                time.sleep(0.05)
            assert "certificate" in server.log()
            assert MailServer.PASSWORD not in server.log()
        assert mails.mails == []


def test_what_is_refused_for_now_comes_once_when_it_is_tried_again(database, serve, authority):
    with MailServer(authority.context) as mails:
        mails.refusals = ["451 try again", "421 busy"]
        with serve(database, **settings(mails, authority, "starttls")) as server:
            server.owner.call("POST", "/api/v2/notifications/test", 204)
            mails.wait("A test notification")
            time.sleep(1)
            assert len(mails.mails) == 1


def test_a_forgotten_password_is_replaced_by_the_link_in_the_mail(database, serve, authority):
    with MailServer(authority.context) as mails:
        with serve(database, **settings(mails, authority, "starttls")) as server:
            user = server.owner.create_user()
            mails.wait(f"User account '{user.username}' has been created", server.owner.user.email)
            anybody = server.api()
            anybody.call("POST", "/api/v2/users/otp/request", 204, json={"email": "nobody@example.com"})
            anybody.call("POST", "/api/v2/users/otp/request", 204, json={"email": user.email})
            mail = mails.wait("Your one-time passcode", user.email)
            link = re.search(r"https?://\S+/reset-password/change\?\S+", mail.get_body(("plain",)).get_content())[0]
            query = parse_qs(urlsplit(link).query)
            assert query["email"] == [user.email]
            with httpx2.Client() as browser:
                page = browser.get(link)
                assert page.status_code == 200 and page.headers["cache-control"] == "no-store"
                token = re.search(r'name="csrf_token" value="([^"]+)"', page.text)[1]
                form = {"csrf_token": token, "email": user.email, "otp": query["otp"][0], "password": ANOTHER}
                done = browser.post(f"{server.url}/reset-password/change", data=form)
                assert (done.status_code, done.headers["location"]) == (303, "/login?done=password")
            login = {"email": user.email, "password": user.password}
            anybody.call("POST", "/api/v2/users/login", 401, json=login)
            anybody.call("POST", "/api/v2/users/login", 201, json={**login, "password": ANOTHER})
            assert query["otp"][0] not in server.log()


def test_a_webhook_is_signed_and_tried_again(database, serve):
    secret = base64.b64encode(b"0123456789abcdef01234567").decode()
    with WebhookReceiver() as receiver:
        receiver.statuses = [503]
        webhook = {
            "webhook.endpoint": receiver.url,
            "webhook.secret": f"whsec_{secret}",
            "fetch.development": "true",
            "notifications.retry_pause": "1s",
        }
        with serve(database, **webhook) as server:
            owner = server.owner
            owner.call("POST", "/api/v2/notifications/test", 204)
            refused, _, _ = receiver.wait()
            headers, message, body = receiver.wait()
            assert headers["webhook-id"] == refused["webhook-id"] == message["msg_id"]
            signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
            expected = base64.b64encode(hmac.new(base64.b64decode(secret), signed, hashlib.sha256).digest()).decode()
            assert headers["webhook-signature"] == f"v1,{expected}"
            assert abs(time.time() - int(headers["webhook-timestamp"])) < 60
            assert message["title"] == "A test notification"
            assert message["payload"]["user_email"] == owner.user.email


@pytest.mark.parametrize("security", ["starttls", "implicit"])
def test_the_doctor_signs_in_over_tls_and_sends_nothing(authority, security):
    with MailServer(authority.context, implicit=security == "implicit") as mails:
        is_well, said = doctor(**settings(mails, authority, security))
        assert is_well, said
        assert f"the mail server localhost:{mails.port}" in said
        assert mails.sign_ins == [True] and mails.mails == []


@pytest.mark.parametrize("security", ["starttls", "implicit"])
@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"smtp.ca_file": ""}, "certificate"),
        ({"smtp.password": "wrong"}, "password is refused"),
    ],
)
def test_the_doctor_says_what_is_wrong_with_the_mail_server(authority, security, wrong, why):
    with MailServer(authority.context, implicit=security == "implicit") as mails:
        is_well, said = doctor(**{**settings(mails, authority, security), **wrong})
        assert not is_well and why in said, said
        assert MailServer.PASSWORD not in said


def test_the_doctor_says_that_a_certificate_is_for_another_name(authority):
    # The same machine, by an address that the certificate does not have.
    with MailServer(authority.context, implicit=True, host="127.0.0.2") as mails:
        other = {"smtp.smarthost": f"127.0.0.2:{mails.port}"}
        is_well, said = doctor(**{**settings(mails, authority, "implicit"), **other})
        assert not is_well and "certificate" in said, said
        assert mails.sign_ins == []


def test_the_doctor_says_that_a_server_offers_no_tls(authority):
    with MailServer() as mails:
        is_well, said = doctor(**settings(mails, authority, "starttls"))
        assert not is_well and "STARTTLS" in said, said
        assert mails.sign_ins == [], "no password goes over an open connection"
