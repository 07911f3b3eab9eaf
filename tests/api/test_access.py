"""Keys, scopes, rates, sessions: each refusal is the right one, and no write passes without its scope."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from starlette.routing import BaseRoute
from starlette.testclient import TestClient

from dedup.api.app import create_app, keys_required
from dedup.api.keys import create_key, list_keys, revoke_key
from dedup.errors import InputError, NotFound, SettingsError
from dedup.service import Service
from dedup.settings import ApiSettings
from tests.eventually import eventually

SAFE = {"GET", "HEAD"}


@pytest.fixture
def key(service: Service) -> Iterator[dict[str, str]]:
    """A key of each scope."""
    found = {scope: create_key(service.connection, scopes=[scope], label=scope) for scope in ("read", "write", "admin")}
    yield {scope: secret for scope, (_, secret) in found.items()}
    for made, _ in found.values():
        revoke_key(service.connection, made.id)


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def test_keys_are_needed_as_soon_as_others_can_reach_the_port() -> None:
    assert not keys_required(ApiSettings(host="127.0.0.1"))
    assert not keys_required(ApiSettings(host="::1"))
    assert keys_required(ApiSettings(host="0.0.0.0"))
    assert keys_required(ApiSettings(host="127.0.0.1", require_key=True))
    with pytest.raises(SettingsError, match="not loopback"):
        keys_required(ApiSettings(host="10.0.0.7", require_key=False))


def test_without_a_key_everything_but_health_is_refused(keyed: TestClient) -> None:
    for path in ("/v1/status", "/v1/articles/x", "/v1/stories", "/v1/changes", "/metrics", "/v1/dead-letters"):
        answer = keyed.get(path)
        assert answer.status_code == 401, path
        assert answer.headers["www-authenticate"].startswith("Bearer")
    assert keyed.get("/healthz").status_code == 200
    eventually(lambda: keyed.get("/readyz").status_code == 200)


@pytest.mark.parametrize("wrong", ["", "x", "dk_", "dk_aaaaaaaaaaaa_" + "A" * 43, "a" * 10_000])
def test_a_key_that_is_none_is_refused_even_where_none_is_needed(
    keyed: TestClient, http: TestClient, wrong: str
) -> None:
    assert keyed.get("/v1/status", headers=bearer(wrong)).status_code == 401
    assert http.get("/v1/status", headers=bearer(wrong)).status_code == 401


def test_each_scope_may_do_its_own(keyed: TestClient, key: dict[str, str]) -> None:
    article = {"id": "scoped", "text": "Một bản tin ngắn về quyền truy cập."}
    assert keyed.get("/v1/status", headers=bearer(key["read"])).status_code == 200
    assert keyed.get("/v1/status", headers={"X-API-Key": key["read"]}).status_code == 200
    assert keyed.post("/v1/match", json=article, headers=bearer(key["read"])).status_code == 200
    assert keyed.post("/v1/articles", json=article, headers=bearer(key["read"])).status_code == 403
    assert keyed.post("/v1/articles", json=article, headers=bearer(key["write"])).status_code == 202
    assert keyed.get("/v1/dead-letters", headers=bearer(key["write"])).status_code == 403
    assert keyed.get("/v1/dead-letters", headers=bearer(key["admin"])).status_code == 200


def test_no_route_that_writes_passes_without_the_scope(keyed: TestClient, key: dict[str, str]) -> None:
    tried = 0
    for path, methods in writing_routes(keyed.app.state.routes):
        for method in methods:
            for headers in ({}, bearer(key["read"])):
                answer = keyed.request(method, path, headers=headers, follow_redirects=False)
                refused = {401, 403} | ({303} if not path.startswith("/v1") else set())
                assert answer.status_code in refused, (method, path, answer.status_code)
                tried += 1
    assert tried >= 8


def writing_routes(routes: list[BaseRoute]) -> Iterator[tuple[str, set[str]]]:
    """Every route that takes a method that can write, but those that only ask or sign in."""
    asking = {"/v1/match", "/match", "/sign-in", "/sign-out"}
    for route in routes:
        methods = (getattr(route, "methods", None) or set()) - SAFE
        path = getattr(route, "path_format", "")
        if methods and path not in asking:
            yield path.replace("{id}", "x"), methods


def test_a_revoked_key_is_refused(keyed: TestClient, service: Service) -> None:
    made, secret = create_key(service.connection, scopes=["read"], label="short-lived")
    revoke_key(service.connection, made.id)

    assert keyed.get("/v1/status", headers=bearer(secret)).status_code == 401
    assert next(item for item in list_keys(service.connection) if item.id == made.id).revoked


def test_a_key_in_use_dies_within_its_lease(keyed: TestClient, service: Service) -> None:
    gate = keyed.app.state.gate
    made, secret = create_key(service.connection, scopes=["read"], label="in use")
    assert keyed.get("/v1/status", headers=bearer(secret)).status_code == 200
    revoke_key(service.connection, made.id)
    later = gate.clock() + 1.01
    gate.clock, kept = (lambda: later), gate.clock
    try:
        assert keyed.get("/v1/status", headers=bearer(secret)).status_code == 401
    finally:
        gate.clock = kept


def test_the_wrong_secret_of_a_key_in_use_is_refused(keyed: TestClient, key: dict[str, str]) -> None:
    assert keyed.get("/v1/status", headers=bearer(key["read"])).status_code == 200
    forged = key["read"][:-1] + ("A" if key["read"][-1] != "A" else "B")
    assert keyed.get("/v1/status", headers=bearer(forged)).status_code == 401


def test_a_key_over_its_rate_waits(keyed: TestClient, service: Service) -> None:
    made, secret = create_key(service.connection, scopes=["read"], label="slow", rate_per_minute=60)
    answers = [keyed.get("/v1/status", headers=bearer(secret)) for _ in range(4)]
    revoke_key(service.connection, made.id)

    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert int(refused[0].headers["retry-after"]) >= 1


def test_bad_keys_cannot_be_made(service: Service) -> None:
    with pytest.raises(InputError, match="choose among"):
        create_key(service.connection, scopes=["root"], label="")
    with pytest.raises(InputError, match="at least 1"):
        create_key(service.connection, scopes=["read"], label="", rate_per_minute=0)
    with pytest.raises(NotFound):
        revoke_key(service.connection, "none")


def test_the_store_and_the_log_never_see_a_secret(
    keyed: TestClient, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    made, secret = create_key(service.connection, scopes=["read"], label="secret")
    with caplog.at_level(logging.DEBUG):
        keyed.get("/v1/status", headers=bearer(secret))
        keyed.get("/v1/status", headers=bearer(secret[:-1]))
    tail = secret.rpartition("_")[2][:20]
    client = service.connection.client
    stored = b"".join(part for pair in client.hgetall(f"{{access}}:key:{made.id}").items() for part in pair)

    assert tail.encode() not in stored
    assert tail not in caplog.text
    revoke_key(service.connection, made.id)


def test_people_sign_in_with_a_key_and_out_again(keyed: TestClient, key: dict[str, str]) -> None:
    keyed.cookies.clear()
    led = keyed.get("/status", headers={"Accept": "text/html"}, follow_redirects=False)
    assert (led.status_code, led.headers["location"]) == (303, "/sign-in?next=%2Fstatus")
    keyed.get("/sign-in")
    token = keyed.cookies["dedup_csrf"]
    wrong = keyed.post("/sign-in", data={"csrf": token, "key": "dk_no", "next": "/status"})
    assert wrong.status_code == 401
    good = keyed.post("/sign-in", data={"csrf": token, "key": key["admin"], "next": "/status"}, follow_redirects=False)
    assert (good.status_code, good.headers["location"]) == (303, "/status")
    cookie = good.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert key["admin"] not in cookie
    assert keyed.get("/status").status_code == 200
    keyed.post("/sign-out", data={"csrf": token})
    assert keyed.get("/status", follow_redirects=False).status_code == 303
    keyed.cookies.clear()


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:1", ""])
def test_signing_in_leads_nowhere_else(keyed: TestClient, key: dict[str, str], target: str) -> None:
    keyed.cookies.clear()
    keyed.get("/sign-in")
    fields = {"csrf": keyed.cookies["dedup_csrf"], "key": key["read"], "next": target}
    assert keyed.post("/sign-in", data=fields, follow_redirects=False).headers["location"] == "/"
    keyed.cookies.clear()


def test_a_form_without_its_token_is_refused(http: TestClient) -> None:
    http.cookies.clear()
    assert http.post("/status/dead-letters", data={"id": "*", "action": "purge"}).status_code == 403
    http.get("/status")
    assert http.post("/status/dead-letters", data={"id": "*", "action": "purge", "csrf": "no"}).status_code == 403
    http.cookies.clear()


def test_another_sites_page_can_neither_read_nor_write_without_keys(http: TestClient) -> None:
    article = {"id": "x", "text": "y"}
    assert http.get("/v1/status", headers={"Host": "evil.example"}).status_code == 421
    assert http.post("/v1/articles", json=article, headers={"Origin": "https://evil.example"}).status_code == 403
    assert http.post("/v1/articles", json=article, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert http.post("/v1/articles", json=article, headers={"Origin": "http://127.0.0.1:8080"}).status_code == 202


def test_the_app_does_not_start_open_to_the_world(settings: object) -> None:
    exposed = settings.model_copy(update={"api": ApiSettings(host="0.0.0.0", require_key=False)})
    with pytest.raises(SettingsError):
        create_app(exposed)
