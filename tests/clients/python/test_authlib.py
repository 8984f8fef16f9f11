"""authlib: the code flow with PKCE, refresh, revocation, introspection, and what it is told when something is wrong."""

import time
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.httpx_client import OAuth2Client
from authlib.oauth2.rfc6749.errors import MissingCodeException
from authlib.oauth2.rfc6749.parameters import parse_authorization_code_response
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata

from harness.server import Server

CALLBACK = "https://client.example/callback"
VERIFIER = "v" * 64


def client_of(server, app, **options):
    """authlib's client, told about the endpoints by the server's metadata."""
    method = options.pop("method", "client_secret_basic" if app.secret else "none")
    return OAuth2Client(
        client_id=app.id,
        client_secret=app.secret,
        token_endpoint_auth_method=method,
        revocation_endpoint_auth_method=method,
        redirect_uri=app.callback_url,
        code_challenge_method="S256",
        leeway=0,
        timeout=30,
        **server.metadata(),
        **options,
    )


def authorize(client, user, **parameters):
    """Sends the user to the server, who allows; the address they come back with."""
    url, state = client.create_authorization_url(
        client.metadata["authorization_endpoint"], code_verifier=VERIFIER, **parameters
    )
    location = user.allow(url)
    answer = answer_in(location)
    assert answer["state"] == state
    assert answer["iss"] == client.metadata["issuer"]
    return location


def answer_in(location):
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}


def exchange(client, location, **parameters):
    parameters = {"code_verifier": VERIFIER, **parameters}
    return client.fetch_token(client.metadata["token_endpoint"], authorization_response=location, **parameters)


def sign_in(client, user, **parameters):
    """The whole code flow."""
    resource = {"resource": parameters["resource"]} if "resource" in parameters else {}
    return exchange(client, authorize(client, user, **parameters), **resource)


def introspect(client, token):
    return client.introspect_token(client.metadata["introspection_endpoint"], token=token).json()


def whoami(server, access_token):
    return httpx2.get(f"{server.url}/api/v2/users/me", headers={"Authorization": f"Bearer {access_token}"})


@pytest.fixture
def user(server):
    return server.api().sign_in(server.owner.create_user())


@pytest.fixture
def app(server):
    return server.owner.create_app(CALLBACK)


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_a_confidential_client_signs_in(server, user, app, method):
    client = client_of(server, app, method=method)
    token = sign_in(client, user)
    assert token["token_type"] == "Bearer"
    assert token["refresh_token"].startswith("coder_")
    assert token["expires_in"] > 3600
    me = client.get(f"{server.url}/api/v2/users/me")
    assert (me.status_code, me.json()["id"]) == (200, user.user.id)


def test_a_public_client_signs_in(server, user):
    client = client_of(server, server.owner.create_app(CALLBACK, public=True))
    sign_in(client, user)
    assert client.get(f"{server.url}/api/v2/users/me").json()["username"] == user.user.username


def test_refresh_rotates(server, user, app):
    client = client_of(server, app)
    first = sign_in(client, user)
    second = client.refresh_token(client.metadata["token_endpoint"])
    assert second["access_token"] != first["access_token"]
    assert second["refresh_token"] != first["refresh_token"]
    assert whoami(server, second["access_token"]).status_code == 200
    assert whoami(server, first["access_token"]).status_code == 401
    # The answer was lost: the same request again gives the same pair.
    again = client.refresh_token(client.metadata["token_endpoint"], refresh_token=first["refresh_token"])
    assert (again["access_token"], again["refresh_token"]) == (second["access_token"], second["refresh_token"])


def test_an_expired_token_is_refreshed_on_the_way(brief_tokens):
    server = brief_tokens
    user = server.api().sign_in(server.owner.create_user())
    kept = []
    app = server.owner.create_app(CALLBACK)
    client = client_of(server, app, update_token=lambda token, **_: kept.append(token))
    first = sign_in(client, user)
    time.sleep(first["expires_in"] + 1)
    expired = whoami(server, first["access_token"])
    assert expired.status_code == 401
    assert "expired" in expired.headers["www-authenticate"]
    assert client.get(f"{server.url}/api/v2/users/me").json()["id"] == user.user.id
    assert len(kept) == 1


def test_a_stolen_refresh_token_ends_the_grant(brief_tokens):
    server = brief_tokens
    user = server.api().sign_in(server.owner.create_user())
    client = client_of(server, server.owner.create_app(CALLBACK))
    first = sign_in(client, user)
    second = client.refresh_token(client.metadata["token_endpoint"])
    assert whoami(server, second["access_token"]).status_code == 200
    time.sleep(1.5)
    with pytest.raises(OAuthError) as reuse:
        client.refresh_token(client.metadata["token_endpoint"], refresh_token=first["refresh_token"])
    assert reuse.value.error == "invalid_grant"
    assert whoami(server, second["access_token"]).status_code == 401
    with pytest.raises(OAuthError) as successor:
        client.refresh_token(client.metadata["token_endpoint"], refresh_token=second["refresh_token"])
    assert successor.value.error == "invalid_grant"


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_revoking_either_token_ends_both(server, user, app, kind):
    client = client_of(server, app)
    token = sign_in(client, user)
    answer = client.revoke_token(client.metadata["revocation_endpoint"], token=token[kind], token_type_hint=kind)
    assert (answer.status_code, answer.json()) == (200, {})
    assert whoami(server, token["access_token"]).status_code == 401
    with pytest.raises(OAuthError) as refused:
        client.refresh_token(client.metadata["token_endpoint"], refresh_token=token["refresh_token"])
    assert refused.value.error == "invalid_grant"


def test_introspection_tells_about_a_live_token(server, user, app):
    client = client_of(server, app)
    token = sign_in(client, user)
    answer = introspect(client, token["access_token"])
    assert answer["active"] is True
    assert answer["client_id"] == app.id
    assert answer["username"] == user.user.username
    assert answer["sub"] == user.user.id
    assert answer["iss"] == client.metadata["issuer"]
    assert answer["exp"] - answer["iat"] > 3600
    client.revoke_token(client.metadata["revocation_endpoint"], token=token["access_token"])
    assert introspect(client, token["access_token"]) == {"active": False}


def test_introspection_is_for_the_token_s_own_parties(server, user, app):
    resource = "https://mcp.example/tools"
    token = sign_in(client_of(server, app), user, resource=resource)
    stranger = client_of(server, server.owner.create_app(CALLBACK))
    assert introspect(stranger, token["access_token"]) == {"active": False}
    serving = client_of(server, server.owner.create_app(CALLBACK, resources=[resource]))
    assert introspect(serving, token["access_token"])["aud"] in (resource, [resource])
    nobody = httpx2.post(f"{server.url}/oauth2/introspect", data={"token": token["access_token"]})
    assert nobody.status_code in (400, 401)
    assert nobody.json()["error"] in ("invalid_request", "invalid_client")


def test_a_service_account_signs_in_by_itself(server):
    client = client_of(server, server.owner.create_app(CALLBACK, service_account=True))
    token = client.fetch_token(client.metadata["token_endpoint"], grant_type="client_credentials")
    assert "refresh_token" not in token
    me = client.get(f"{server.url}/api/v2/users/me").json()
    assert me["login_type"] == "none"


def test_without_a_service_account_it_cannot(server, app):
    client = client_of(server, app)
    with pytest.raises(OAuthError) as refused:
        client.fetch_token(client.metadata["token_endpoint"], grant_type="client_credentials")
    assert refused.value.error == "unauthorized_client"


def test_scopes_limit_what_a_token_can_do(server, app):
    client = client_of(server, app)
    token = sign_in(client, server.owner, scope="user:read")
    assert token["scope"] == "user:read"
    assert client.get(f"{server.url}/api/v2/users").status_code == 200
    refused = client.post(f"{server.url}/api/v2/oauth2-provider/apps", json={"name": "more", "callback_url": CALLBACK})
    assert refused.status_code == 403
    with pytest.raises(OAuthError) as widened:
        client.refresh_token(client.metadata["token_endpoint"], scope="user:read user:create")
    assert widened.value.error == "invalid_scope"


def test_a_wrong_secret_is_invalid_client(server, user, app):
    for method in ("client_secret_basic", "client_secret_post"):
        client = client_of(server, app, method=method)
        location = authorize(client, user)
        client.client_secret = app.secret[:-1] + ("a" if app.secret[-1] != "a" else "b")
        with pytest.raises(OAuthError) as refused:
            exchange(client, location)
        assert refused.value.error == "invalid_client"
    answer = httpx2.post(
        f"{server.url}/oauth2/tokens", auth=(app.id, "wrong"), data={"grant_type": "authorization_code", "code": "x"}
    )
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic")
    assert answer.headers["cache-control"] == "no-store"


def test_another_app_cannot_use_the_code(server, user, app):
    location = authorize(client_of(server, app), user)
    thief = client_of(server, server.owner.create_app(CALLBACK))
    with pytest.raises(OAuthError) as refused:
        exchange(thief, location)
    assert refused.value.error == "invalid_grant"


@pytest.mark.parametrize("verifier", ["w" * 64, "short", None])
def test_a_wrong_verifier_is_invalid_grant(server, user, app, verifier):
    client = client_of(server, app)
    location = authorize(client, user)
    with pytest.raises(OAuthError) as refused:
        exchange(client, location, code_verifier=verifier)
    assert refused.value.error == "invalid_grant"
    # A failed exchange does not use the code up.
    assert exchange(client, location)["access_token"]


def test_another_redirect_uri_is_invalid_grant(server, user, app):
    client = client_of(server, app)
    location = authorize(client, user)
    with pytest.raises(OAuthError) as refused:
        exchange(client, location, redirect_uri=CALLBACK + "/other")
    assert refused.value.error in ("invalid_grant", "invalid_request")


def test_a_code_works_once_and_its_replay_ends_the_grant(server, user, app):
    client = client_of(server, app)
    location = authorize(client, user)
    token = exchange(client, location)
    with pytest.raises(OAuthError) as refused:
        exchange(client, location)
    assert refused.value.error == "invalid_grant"
    assert whoami(server, token["access_token"]).status_code == 401


def test_another_resource_is_invalid_target(server, user, app):
    client = client_of(server, app)
    location = authorize(client, user, resource="https://mcp.example/a")
    with pytest.raises(OAuthError) as refused:
        exchange(client, location, resource="https://mcp.example/b")
    assert refused.value.error == "invalid_target"


def test_a_request_that_the_server_refuses_comes_back_with_the_reason(server, user, app):
    client = client_of(server, app)
    cases = {
        "unsupported_response_type": {"response_type": "token"},
        "invalid_scope": {"scope": "no:such-scope"},
        "invalid_target": {"resource": "not-a-uri"},
    }
    for error, parameters in cases.items():
        url, state = client.create_authorization_url(
            client.metadata["authorization_endpoint"], code_verifier=VERIFIER
        )
        location = user.allow(str(httpx2.URL(url).copy_merge_params(parameters)))
        assert location.startswith(CALLBACK)
        answer = answer_in(location)
        assert (answer["error"], answer["state"], answer["iss"]) == (error, state, client.metadata["issuer"])
        with pytest.raises(MissingCodeException):
            parse_authorization_code_response(location, state)


def test_a_foreign_redirect_uri_is_never_followed(server, user, app):
    client = client_of(server, app)
    url, _ = client.create_authorization_url(client.metadata["authorization_endpoint"], code_verifier=VERIFIER)
    url = str(httpx2.URL(url).copy_merge_params({"redirect_uri": "https://evil.example/callback"}))
    for method in ("GET", "POST"):
        assert "location" not in user.call(method, url, 400).headers


def test_grants_are_concurrent_and_withdrawn_together(server, user, app):
    laptop, phone = (sign_in(client_of(server, app), user) for _ in range(2))
    for token in (laptop, phone):
        assert whoami(server, token["access_token"]).status_code == 200
    user.call("DELETE", f"/oauth2/tokens?client_id={app.id}", 204)
    for token in (laptop, phone):
        assert whoami(server, token["access_token"]).status_code == 401


def test_suspending_a_user_ends_the_grants(server, user, app):
    client = client_of(server, app)
    token = sign_in(client, user)
    server.owner.call("PUT", f"/api/v2/users/{user.user.id}/status/suspend", 200)
    assert whoami(server, token["access_token"]).status_code == 401
    with pytest.raises(OAuthError) as refused:
        client.refresh_token(client.metadata["token_endpoint"])
    assert refused.value.error == "invalid_grant"


def test_the_metadata_pass_authlib_s_own_checks():
    # https, because RFC 8414 demands it of an issuer and authlib looks.
    with Server(**{"server.access_url": "https://doorward.example"}) as server:
        metadata = AuthorizationServerMetadata(server.metadata())
    metadata.validate()
    assert metadata["issuer"] == "https://doorward.example"
    assert metadata["code_challenge_methods_supported"] == ["S256"]
    assert metadata["authorization_response_iss_parameter_supported"] is True
