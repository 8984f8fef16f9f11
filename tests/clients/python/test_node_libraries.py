"""The npm packages `openid-client` and `oauth4webapi`: each grant, ID tokens with all that these libraries check, and what they are told."""

import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from playwright.sync_api import expect

from harness.node_library import NodeLibrary, Refused

CALLBACK = "https://client.example/callback"
SCOPE = "openid profile email offline_access"
LIBRARIES = ["openid_client", "oauth4webapi"]


@pytest.fixture(params=LIBRARIES)
def library(request, server):
    with NodeLibrary(request.param, server.url) as library:
        yield library


@pytest.fixture(scope="module")
def open_server(database, serve_module):
    """A server where clients may register themselves."""
    with serve_module(database, **{"oauth2.registration.mode": "open"}) as server:
        server.owner
        yield server


@pytest.fixture
def user(server):
    return server.api().sign_in(server.owner.create_user())


def discover(library, app, **more):
    method = "client_secret_basic" if app.secret else "none"
    credentials = {"client_id": app.id, "client_secret": app.secret, "method": method}
    return library.discover(**{**credentials, **more})


def sign_in(library, user, redirect_uri=CALLBACK, scope=SCOPE, openid=True, **parameters):
    """The code flow; what the library has then."""
    url = library.start(parameters={"redirect_uri": redirect_uri, "scope": scope, **parameters})["url"]
    resource = {"resource": parameters["resource"]} if "resource" in parameters else {}
    return library.finish(url=user.allow(url), openid=openid, parameters=resource)


def word(call, **what):
    """What the server refused it with."""
    with pytest.raises(Refused) as refused:
        call(**what)
    return refused.value.error


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "none"])
def test_signs_in_and_asks_who_it_is(server, user, library, method):
    app = server.owner.create_app(CALLBACK, public=method == "none")
    found = discover(library, app, method=method)
    assert found["issuer"] == server.url
    began = int(time.time())
    got = sign_in(library, user)
    claims, tokens = got["claims"], got["tokens"]
    assert (claims["iss"], claims["aud"], claims["sub"]) == (server.url, app.id, user.user.id)
    assert claims["nonce"] and claims["sid"] and claims["at_hash"] and claims["acr"] == "pwd"
    assert began - 60 <= claims["auth_time"] <= claims["iat"] <= claims["exp"] - 3000
    # Who somebody is stands in the answer of userinfo, not in the token.
    assert not {"email", "name", "preferred_username"} & set(claims)
    told = library.userinfo(subject=user.user.id)
    assert told["email"] == user.user.email and told["email_verified"] is False
    assert told["preferred_username"] == user.user.username and isinstance(told["updated_at"], int)
    # A token that only tells who somebody is opens nothing else.
    assert set(tokens["scope"].split()) == set(SCOPE.split())
    assert word(library.resource, url=f"{server.url}/api/v2/users/me") == "insufficient_scope"

    again = library.refresh()
    assert {name: again["claims"][name] for name in ("iss", "aud", "sub", "auth_time", "sid", "acr")} == {
        name: claims[name] for name in ("iss", "aud", "sub", "auth_time", "sid", "acr")
    }
    assert "nonce" not in again["claims"] and again["claims"]["at_hash"] != claims["at_hash"]
    assert again["tokens"]["refresh_token"] != tokens["refresh_token"]
    if method != "none":
        fact = library.introspect(token=again["tokens"]["access_token"])
        assert fact["active"] and fact["client_id"] == app.id and fact["sub"] == user.user.id
        assert set(fact["scope"].split()) == set(SCOPE.split())
    library.revoke(token=again["tokens"]["refresh_token"], parameters={"token_type_hint": "refresh_token"})
    if method != "none":
        assert library.introspect(token=again["tokens"]["access_token"]) == {"active": False}
    assert word(library.userinfo, subject=user.user.id) == "invalid_token"
    assert word(library.refresh, token=again["tokens"]["refresh_token"]) == "invalid_grant"


def test_without_openid_it_is_oauth_alone(server, library):
    discover(library, server.owner.create_app(CALLBACK), algorithm="oauth2")
    got = sign_in(library, server.owner, scope="user:read", openid=False)
    assert "id_token" not in got["tokens"] and got["tokens"]["scope"] == "user:read"
    assert library.resource(url=f"{server.url}/api/v2/users/me")["status"] == 200


def test_a_token_for_a_resource_opens_that_and_tells_who_it_is(server, user, library):
    resource = "https://mcp.example/tools"
    discover(library, server.owner.create_app(CALLBACK))
    got = sign_in(library, user, scope="openid email", resource=resource)
    assert library.introspect(token=got["tokens"]["access_token"])["aud"] in (resource, [resource])
    assert library.userinfo(subject=user.user.id)["email"] == user.user.email
    assert word(library.resource, url=f"{server.url}/api/v2/users/me") == "invalid_token"


def test_signs_in_silently_and_is_told_when_it_cannot(server, user, library):
    discover(library, server.owner.create_app(CALLBACK))
    ask = {"redirect_uri": CALLBACK, "scope": SCOPE}

    def silently(session, **more):
        url = library.start(parameters={**ask, "prompt": "none", **more})["url"]
        headers = {"Coder-Session-Token": session.token} if session else {}
        location = httpx2.get(url, headers=headers).headers["location"]
        assert location.startswith(CALLBACK), location
        return location

    assert word(library.finish, url=silently(user)) == "consent_required"
    assert word(library.finish, url=silently(None)) == "login_required"
    first = sign_in(library, user)["claims"]
    second = library.finish(url=silently(user), openid=True, max_age=3600)["claims"]
    assert (second["sub"], second["auth_time"], second["sid"]) == (first["sub"], first["auth_time"], first["sid"])
    # More than was allowed is asked for again; and with a hint of somebody else nobody is signed in.
    assert word(library.finish, url=silently(user, scope="openid groups")) == "consent_required"
    stranger = server.api().sign_in(server.owner.create_user())
    hint = sign_in(library, stranger)["tokens"]["id_token"]
    assert word(library.finish, url=silently(user, id_token_hint=hint)) == "login_required"
    assert word(library.finish, url=silently(user, id_token_hint=hint[:-8] + "AAAAAAAA")) == "invalid_request"


def test_is_told_what_is_wrong(server, user, library):
    app = server.owner.create_app(CALLBACK)
    discover(library, app)
    url = library.start(parameters={"redirect_uri": CALLBACK, "scope": SCOPE})["url"]
    location = user.allow(url)
    library.finish(url=location, openid=True)
    assert word(library.finish, url=location, openid=True) == "invalid_grant"
    assert word(library.credentials) == "unauthorized_client"
    for parameters, error in [
        ({"response_type": "id_token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"scope": "no:such-scope"}, "invalid_scope"),
        ({"registration": "{}"}, "registration_not_supported"),
        ({"claims": "{"}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
    ]:
        url = library.start(parameters={"redirect_uri": CALLBACK, "scope": SCOPE, **parameters})["url"]
        assert word(library.finish, url=user.allow(url)) == error, parameters
    discover(library, app, client_secret=app.secret[:-1] + ("a" if app.secret[-1] != "a" else "b"))
    url = library.start(parameters={"redirect_uri": CALLBACK, "scope": SCOPE})["url"]
    assert word(library.finish, url=user.allow(url)) == "invalid_client"


def test_asks_for_claims_by_name(server, user, library):
    discover(library, server.owner.create_app(CALLBACK))
    claims = '{"id_token":{"email":{"essential":true},"preferred_username":null},"userinfo":{"name":null}}'
    got = sign_in(library, user, scope="openid", claims=claims)
    assert got["claims"]["email"] == user.user.email
    assert got["claims"]["preferred_username"] == user.user.username
    assert set(library.userinfo(subject=user.user.id)) == {"sub", "name"}


@pytest.mark.parametrize("algorithm", ["ES256", "Ed25519", "RS256", "PS256", "ES384"])
def test_binds_its_tokens_to_a_key(server, user, library, algorithm):
    me = f"{server.url}/api/v2/users/me"
    app = server.owner.create_app(CALLBACK, public=True)
    found = discover(library, app)
    assert "ES256" in found["dpop_signing_alg_values_supported"]
    jkt = library.prove(key="own", algorithm=algorithm)["jkt"]
    got = sign_in(library, user, scope="openid user:read", dpop_jkt=jkt)
    assert got["tokens"]["token_type"].lower() == "dpop"
    assert library.resource(url=me)["status"] == 200
    assert library.userinfo(subject=user.user.id)["sub"] == user.user.id
    # Whoever has the tokens alone has nothing.
    for key in ("", "another"):
        library.prove(key=key, algorithm=algorithm)
        assert word(library.resource, url=me) == "invalid_token"
        assert word(library.refresh) == "invalid_grant"
    library.prove(key="own")
    assert library.refresh()["tokens"]["token_type"].lower() == "dpop"
    assert library.resource(url=me)["status"] == 200
    # A code that is meant for the one is of no use to the other.
    url = library.start(parameters={"redirect_uri": CALLBACK, "scope": "user:read", "dpop_jkt": jkt})["url"]
    library.prove(key="another")
    assert word(library.finish, url=user.allow(url)) == "invalid_grant"


@pytest.mark.parametrize("program", LIBRARIES)
def test_brings_the_nonce_that_it_is_given(database, serve_module, program):
    with serve_module(database, **{"oauth2.dpop.nonce": "always"}) as server, NodeLibrary(program, server.url) as library:
        discover(library, server.owner.create_app(CALLBACK, service_account=True))
        library.prove(key="own")
        # openid-client asks again by itself, the other one says why it was refused and has the nonce then.
        tokens = library.credentials() if program == "openid_client" else None
        if tokens is None:
            assert word(library.credentials) == "use_dpop_nonce"
            tokens = library.credentials()
        fact = library.introspect(token=tokens["tokens"]["access_token"])
        assert fact["token_type"] == "DPoP" and fact["cnf"]["jkt"]


def test_acts_for_itself(server, library):
    discover(library, server.owner.create_app(CALLBACK, service_account=True))
    tokens = library.credentials()["tokens"]
    assert "refresh_token" not in tokens and "id_token" not in tokens
    assert library.introspect(token=tokens["access_token"])["active"] is True


@pytest.mark.parametrize("decision", ["Approve", "I did not start this"])
def test_a_device_waits_for_somebody_with_a_browser(server, make_person, library, decision):
    app = server.owner.create_app(CALLBACK, public=True, device_flow=True)
    discover(library, app)
    person = make_person(server, server.owner.create_user())
    device = library.device(parameters={"scope": "openid email"})
    assert (device["expires_in"], device["interval"]) == (900, 5)
    assert device["verification_uri"] == f"{server.url}/device"
    person.visit(device["verification_uri"])
    person.fill_sign_in()
    with ThreadPoolExecutor(1) as waiting:
        tokens = waiting.submit(library.poll)
        time.sleep(6)  # it has asked once, and was told to wait
        assert not tokens.done()
        person.page.fill("input[name=user_code]", device["user_code"].lower().replace("-", " "))
        person.press("Continue")
        expect(person.page.locator("#user-code")).to_contain_text(device["user_code"])
        person.press(decision)
        expect(person.page.get_by_role("status")).to_be_visible()
        if decision == "Approve":
            got = tokens.result(30)
            assert got["claims"]["sub"] == person.user.id
            assert library.userinfo(subject=person.user.id)["email"] == person.user.email
        else:
            with pytest.raises(Refused) as refused:
                tokens.result(30)
            assert refused.value.error == "access_denied"


@pytest.fixture(params=LIBRARIES)
def stranger(request, open_server):
    """A library that nobody has registered a client for."""
    with NodeLibrary(request.param, open_server.url) as library:
        yield library


@pytest.mark.parametrize("method", ["none", "client_secret_basic", "client_secret_post"])
def test_registers_itself(open_server, stranger, method):
    metadata = {
        "client_name": f"Library {method}",
        "redirect_uris": [CALLBACK],
        "token_endpoint_auth_method": method,
        "application_type": "web",
    }
    client = stranger.register(metadata=metadata)
    assert {name: client[name] for name in metadata} == metadata
    assert ("client_secret" in client) == (method != "none")
    user = open_server.api().sign_in(open_server.owner.create_user())
    got = sign_in(stranger, user)
    assert (got["claims"]["sub"], got["claims"]["aud"]) == (user.user.id, client["client_id"])
    assert stranger.refresh()["claims"]["sub"] == user.user.id


def test_is_told_what_is_wrong_with_its_registration(open_server, stranger):
    for metadata, error in [
        ({"redirect_uris": []}, "invalid_client_metadata"),
        ({"redirect_uris": ["https://client.example/#here"]}, "invalid_client_metadata"),
        ({"redirect_uris": [CALLBACK], "token_endpoint_auth_method": "client_secret_jwt"}, "invalid_client_metadata"),
    ]:
        assert word(stranger.register, metadata=metadata) == error, metadata


@pytest.mark.parametrize("program", LIBRARIES)
def test_a_person_signs_in_and_is_asked_no_more_than_that(server, make_person, callback, program):
    app = server.owner.create_app(callback.url)
    person = make_person(server, server.owner.create_user())
    with NodeLibrary(program, server.url) as library:
        discover(library, app)
        parameters = {"redirect_uri": callback.url, "scope": "openid email", "prompt": "login", "login_hint": "x@y.example"}
        url = library.start(parameters=parameters)["url"]
        person.open_request(url)
        assert "email" in person.page.locator("#scope-list").inner_text()
        person.allow()
        query = callback.answer()
        assert set(query) == {"code", "state", "iss"}
        location = str(httpx2.URL(callback.url, params=query))
        got = library.finish(url=location, openid=True, max_age=60)
        assert got["claims"]["sub"] == person.user.id
        # The other way: they say no.
        url = library.start(parameters={"redirect_uri": callback.url, "scope": "openid"})["url"]
        person.open_request(url)
        person.cancel()
        location = str(httpx2.URL(callback.url, params=callback.answer()))
        assert parse_qs(urlsplit(location).query)["error"] == ["access_denied"]
        assert word(library.finish, url=location, openid=True) == "access_denied"
