"""The command line, as real processes: what it does, what it prints, what it refuses, and its exit codes."""

from __future__ import annotations

import json
import re
import sqlite3
import stat
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import yaml
from joserfc import jwt
from joserfc.jwk import KeySet

from pushgate.model import Credential, Session, StoredKey
from pushgate.store.durable.configuration import pack, unpack
from pushgate.testing import Browser
from tests.support.commands import done, everything, failed, run
from tests.support.live import Live, free_port
from tests.support.manifests import APP, APP_SECRET, HMAC_SECRET, POST_SECRET, REDIRECT, REQUEST, VERIFIER

PATIENCE = 60  # seconds for one command
SECRET = "a-secret-of-at-least-22-characters"
ONE = f"""\
realms:
  - name: default
    clients:
      - client_id: one
        client_secret: {SECRET}
        redirect_uris: [https://one.example/cb]
        scope: openid
    users:
      - {{username: carol, password: carol-password}}
"""

WHEN = "%Y-%m-%d %H:%M:%S"


# --- apply, export --------------------------------------------------------------------------------------------


def test_apply_says_what_it_does_and_nothing_the_second_time(folder: Path) -> None:
    (folder / "one.yaml").write_text(ONE)
    assert done(folder, "apply", "one.yaml").splitlines() == [
        "= realm    default/default",
        "+ client   default/one",
        "+ user     default/carol",
        "1 unchanged, 2 created",
    ]
    before = everything(folder)
    assert done(folder, "apply", "one.yaml").splitlines()[-1] == "3 unchanged"
    assert everything(folder) == before
    (folder / "one.yaml").write_text(ONE.replace("scope: openid", "scope: openid email"))
    assert "~ client   default/one  (scope)" in done(folder, "apply", "one.yaml").splitlines()


def test_a_dry_run_says_the_same_and_changes_nothing(folder: Path) -> None:
    (folder / "one.yaml").write_text(ONE.replace(f"        client_secret: {SECRET}\n", ""))
    before = everything(folder)
    assert done(folder, "apply", "one.yaml", "--dry-run").splitlines() == [
        "= realm    default/default",
        "+ client   default/one",
        "+ user     default/carol",
        "dry run, nothing was changed: 1 unchanged, 2 created",
    ]
    assert everything(folder) == before


def test_a_secret_that_was_made_is_shown_once(folder: Path) -> None:
    (folder / "one.yaml").write_text(ONE.replace(f"        client_secret: {SECRET}\n", ""))
    last = done(folder, "apply", "one.yaml").splitlines()[-1]
    assert re.fullmatch(r"client_secret of default/one, shown once: [A-Za-z0-9_-]{43}", last)
    assert "shown once" not in done(folder, "apply", "one.yaml")


def test_export_and_apply_make_the_same_thing_in_a_new_folder(folder: Path, tmp_path: Path) -> None:
    manifest = done(folder, "export")
    for secret in (APP_SECRET, POST_SECRET, HMAC_SECRET, "alice-password", "$argon2"):
        assert secret not in manifest
    assert yaml.safe_load(manifest)["realms"][0]["name"] == "default"
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "m.yaml").write_text(manifest)
    done(tmp_path / "new", "apply", "m.yaml")
    assert done(tmp_path / "new", "export") == manifest
    before = everything(folder)
    (folder / "m.yaml").write_text(manifest)
    assert re.fullmatch(r"\d+ unchanged", done(folder, "apply", "m.yaml").splitlines()[-1])
    assert everything(folder) == before


def test_export_gives_secrets_only_when_asked_and_one_realm_when_named(folder: Path) -> None:
    assert f"client_secret: {HMAC_SECRET}" in done(folder, "export", "--with-secrets", "--realm", "default")
    assert failed(folder, "export", "--realm", "nowhere") == "realm: there is no realm 'nowhere'"


BAD = {
    "unknown-member": (ONE.replace("scope:", "scoop:"), "7: realms[0].clients[0].scoop: is not a member"),
    "wrong-type": (ONE.replace("[https://one.example/cb]", "5"), "6: realms[0].clients[0].redirect_uris: Expected "),
    "twice": (ONE + "      - {username: carol}\n", "10: realms[0].users[1].username: the user 'carol' is there twice"),
    "short-secret": (ONE.replace(SECRET, "short"), "5: realms[0].clients[0].client_secret: must have at least 22"),
    "no-file": (ONE.replace(SECRET, "{file: none}"), "5: realms[0].clients[0].client_secret: cannot be read: "),
    "no-variable": (ONE.replace(SECRET, "{env: NONE}"), "5: realms[0].clients[0].client_secret: the environment "),
    "alias-bomb": ("a: &a [x]\nb: [*a, *a]\nrealms: []\n", "1: anchors and aliases are not taken"),
    "tag": ('realms: !!python/object/apply:os.system ["id"]\n', "1: tags are not taken"),
    "repeated-key": (ONE + "realms: []\n", "10: realms: is there twice"),
    "not-yaml": ("realms:\n  - {name\n", "3: did not find expected ',' or '}'"),
    "binary": ("\x00\x01\x02", "1: is not YAML"),
    "empty": ("", "1: is empty"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "reason"), BAD.values(), ids=BAD)
def test_a_bad_manifest_is_refused_whole_with_file_line_and_reason(
    template: Path, tmp_path: Path, text: str, reason: str
) -> None:
    (tmp_path / "good.yaml").write_text(ONE.replace("name: default", "name: beta"))
    (tmp_path / "bad.yaml").write_text(text)
    before = everything(template)
    files = [str(tmp_path / "good.yaml"), str(tmp_path / "bad.yaml")]
    assert failed(template, "apply", *files).startswith(f"{files[1]}:{reason}")
    assert everything(template) == before


def test_a_missing_file_is_refused(template: Path) -> None:
    assert failed(template, "apply", "none.yaml").startswith("none.yaml:1: cannot be read: ")


def test_every_complaint_has_a_line_of_its_own(template: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(ONE.replace(SECRET, "short").replace("https://one", "http://one"))
    found = run(template, "apply", str(tmp_path / "bad.yaml"))
    assert found.returncode == 1
    assert [line.split(": ")[1] for line in found.stderr.splitlines()] == [f"{tmp_path}/bad.yaml:{n}" for n in (5, 6)]


# --- While the server runs --------------------------------------------------------------------------------------


def test_a_change_is_in_force_while_the_server_runs(live: Live) -> None:
    form = {"response_type": "code", "redirect_uri": "https://late.example/cb", "scope": "openid"}

    def push(secret: str) -> int:
        return httpx.post(f"{live.url}/oauth2/par", auth=("late", secret), data=form).status_code

    def answers(secret: str, status: int) -> None:
        deadline = time.monotonic() + PATIENCE
        while push(secret) != status:
            assert time.monotonic() < deadline

    assert push(SECRET) == 401
    assert live.pushgate("client", "create", "late", "--set", f"client_secret={SECRET}",
                         "--set", "redirect_uris=[\"https://late.example/cb\"]").returncode == 0  # fmt: skip
    answers(SECRET, 201)
    assert live.pushgate("client", "update", "late", "--set", f"client_secret=new-{SECRET}").returncode == 0
    answers(f"new-{SECRET}", 201)
    assert push(SECRET) == 401
    assert live.pushgate("client", "update", "late", "--set", "enabled=false").returncode == 0
    answers(f"new-{SECRET}", 401)
    assert live.pushgate("client", "delete", "late").returncode == 0


async def test_rotated_keys_sign_and_the_old_ones_still_verify(live: Live) -> None:
    async with httpx.AsyncClient(base_url=live.url) as http:

        async def tokens() -> dict[str, str]:
            browser = await Browser(http).open("/oauth2/authorize", params={"client_id": "app", **REQUEST})
            if browser.landed is None:
                await browser.sign_in()
            if browser.landed is None:
                await browser.allow()
            form = {"grant_type": "authorization_code", "code": browser.answer["code"]}
            form |= {"redirect_uri": REDIRECT, "code_verifier": VERIFIER}
            found: dict[str, str] = (await http.post("/oauth2/token", auth=APP, data=form)).json()
            return found

        async def keys() -> KeySet:
            return KeySet.import_key_set((await http.get("/oauth2/jwks")).json())

        before, old = await tokens(), {key.kid for key in (await keys()).keys}
        assert live.pushgate("keys", "rotate").returncode == 0
        deadline = time.monotonic() + PATIENCE
        while old == {key.kid for key in (await keys()).keys}:
            assert time.monotonic() < deadline
        after, published = await tokens(), await keys()
        for found, kids in ((before, old), (after, {key.kid for key in published.keys} - old)):
            assert jwt.decode(found["id_token"], published, algorithms=["RS256"]).header["kid"] in kids
            assert jwt.decode(found["access_token"], published, algorithms=["ES256"]).header["kid"] in kids
            bearer = {"authorization": f"Bearer {found['access_token']}"}
            assert (await http.get("/oauth2/userinfo", headers=bearer)).status_code == 200


# --- client, user, keys -------------------------------------------------------------------------------------------


def test_the_life_of_a_client(folder: Path) -> None:
    redirect = 'redirect_uris=["https://new.example/cb"]'
    out = done(folder, "client", "create", "new", "--set", redirect, "--set", "client_name=New: one")
    secret = out.splitlines()[-1].rpartition(": ")[2]
    assert len(secret) == 43
    shown = json.loads(done(folder, "client", "show", "new", "--json"))
    assert (shown["client_id"], shown["client_name"]) == ("new", "New: one")
    assert shown["redirect_uris"] == ["https://new.example/cb"]
    assert "secret" not in json.dumps(shown)
    assert "~ client   default/new  (scope)" in done(folder, "client", "update", "new", "--set", "scope=openid")
    assert json.loads(done(folder, "client", "show", "new", "--json")) == {**shown, "scope": "openid"}
    listed = json.loads(done(folder, "client", "list", "--json"))
    assert "new" in [client["client_id"] for client in listed]
    assert secret not in done(folder, "client", "show", "new") + done(folder, "client", "list")
    assert "- client   default/new" in done(folder, "client", "delete", "new")
    assert failed(folder, "client", "show", "new") == "client_id: there is no client 'new' in realm 'default'"


CLIENT_REFUSALS = {
    "create-again": (["create", "app"], "client_id: 'app' is there already; use update"),
    "update-unknown": (["update", "none", "--set", "scope=x"], "client_id: there is no client 'none' in realm "),
    "delete-unknown": (["delete", "none"], "client_id: there is no client 'none' in realm 'default'"),
    "show-unknown": (["show", "none", "--json"], "client_id: there is no client 'none' in realm 'default'"),
    "create-without-redirect": (["create", "new"], "redirect_uris: at least one is needed for authorization_code"),
    "unknown-member": (["update", "app", "--set", "scoop=x"], "--set: Object contains unknown field `scoop`"),
    "wrong-type": (["update", "app", "--set", "enabled=maybe"], "--set: Expected `bool`, got `str`"),
    "short-secret": (["update", "app", "--set", "client_secret=short"], "client_secret: must have at least 22 "),
    "unknown-realm": (["list", "--realm", "nowhere"], "realm: there is no realm 'nowhere'"),
}  # fmt: skip


@pytest.mark.parametrize(("arguments", "reason"), CLIENT_REFUSALS.values(), ids=CLIENT_REFUSALS)
def test_a_refused_client_command_changes_nothing(template: Path, arguments: list[str], reason: str) -> None:
    before = everything(template)
    assert failed(template, "client", *arguments).startswith(reason)
    assert everything(template) == before


def test_the_life_of_a_user(folder: Path) -> None:
    create = ["user", "create", "dave", "--claim", "email=d@example.com"]
    assert "+ user     default/dave" in done(folder, *create, input="dave-password\n")
    shown = json.loads(done(folder, "user", "show", "dave", "--json"))
    none: dict[str, Any] = {"sessions": [], "consents": [], "grants": []}
    known = {"sub": shown["sub"], "username": "dave", "claims": {"email": "d@example.com"}, "enabled": True}
    assert shown == {**known, **none}
    done(folder, "user", "update", "dave", "--claim", "email_verified=true", "--disabled")
    shown = json.loads(done(folder, "user", "show", "dave", "--json"))
    assert (shown["claims"], shown["enabled"]) == ({"email": "d@example.com", "email_verified": True}, False)
    assert [user["username"] for user in json.loads(done(folder, "user", "list", "--json"))] == ["alice", "bob", "dave"]
    everywhere = done(folder, "user", "show", "dave") + done(folder, "user", "list")
    assert "dave-password" not in everywhere
    assert "argon2" not in everywhere
    before = everything(folder)
    done(folder, "user", "update", "dave", "--password", input="another-password\n")
    assert everything(folder) != before
    assert "- user     default/dave" in done(folder, "user", "delete", " dave ")
    assert failed(folder, "user", "show", "dave") == "username: there is no user 'dave' in realm 'default'"


def test_an_operator_takes_a_lost_phone_away(folder: Path) -> None:
    assert done(folder, "user", "credentials", "list", "alice") == "alice has none\n"
    sub = json.loads(done(folder, "user", "show", "alice", "--json"))["sub"]
    phone = Credential(credential_id="0" * 40, sub=sub, kind="totp", label="Phone", created_at=0, sealed=b"secret")
    key = Credential(credential_id="1" * 40, sub=sub, kind="passkey", label="Laptop", created_at=1, public_key=b"key")
    with closing(sqlite3.connect(folder / "pushgate-data" / "pushgate.db")) as database, database:
        for credential in (phone, key):
            row = ("default", credential.credential_id, sub, pack(credential))
            database.execute("INSERT INTO credentials (realm, credential_id, sub, data) VALUES (?, ?, ?, ?)", row)
        kept = Session(sid="s", sub=sub, username="alice", authenticated_at=0, expires_at=9_999_999_999)
        session = ("default", b"d" * 32, sub, kept.expires_at, pack(kept))
        database.execute("INSERT INTO sessions (realm, digest, sub, expires_at, data) VALUES (?, ?, ?, ?, ?)", session)
    listed = json.loads(done(folder, "user", "credentials", "list", " alice", "--json"))
    assert [(c["credential_id"], c["kind"], c["label"]) for c in listed] == [
        ("0" * 40, "totp", "Phone"),
        ("1" * 40, "passkey", "Laptop"),
    ]
    assert set(listed[0]) == {"credential_id", "kind", "label", "created_at", "last_used_at"}
    assert "1970-01-01 00:00 UTC" in done(folder, "user", "credentials", "list", "alice")
    assert "~ user     default/alice" in done(folder, "user", "credentials", "remove", "alice", "0" * 40)
    [left] = json.loads(done(folder, "user", "credentials", "list", "alice", "--json"))
    assert left["label"] == "Laptop"
    with closing(sqlite3.connect(folder / "pushgate-data" / "pushgate.db")) as database, database:
        assert database.execute("SELECT count(*) FROM sessions").fetchone() == (0,)
        [told] = database.execute("SELECT data FROM audit WHERE event = 'credential_removed'").fetchone()
    event = json.loads(told)
    assert (event["sub"], event["kind"], event["by"]) == (sub, "totp", "operator")
    # What is not theirs is not taken away through them.
    wrong = ["user", "credentials", "remove", "bob", "1" * 40]
    assert failed(folder, *wrong) == f"credential_id: 'bob' has no credential {'1' * 40!r}"
    assert failed(folder, "user", "credentials", "list", "none").startswith("username: there is no user")
    assert failed(folder, "user", "credentials", "remove", "none", "x").startswith("username: there is no user")


USER_REFUSALS = {
    "create-again": (["create", "alice"], "username: 'alice' is there already; use update"),
    "create-again-in-other-letters": (["create", " ａlice"], "username: ' ａlice' is there already; use update"),
    "short-password": (["create", "dave"], "password: must have at least 8 characters"),
    "update-unknown": (["update", "none", "--disabled"], "username: there is no user 'none' in realm 'default'"),
    "delete-unknown": (["delete", "none"], "username: there is no user 'none' in realm 'default'"),
    "sub": (["update", "alice", "--claim", "sub=x"], "claims.sub: is made by the server"),
    "unknown-realm": (["list", "--realm", "nowhere"], "realm: there is no realm 'nowhere'"),
}


@pytest.mark.parametrize(("arguments", "reason"), USER_REFUSALS.values(), ids=USER_REFUSALS)
def test_a_refused_user_command_changes_nothing(template: Path, arguments: list[str], reason: str) -> None:
    before = everything(template)
    assert failed(template, "user", *arguments, input="short\n") == reason
    assert everything(template) == before


def listed_keys(folder: Path, realm: str = "default") -> dict[str, dict[str, Any]]:
    """What `keys list` says, by kid."""
    return {key["kid"]: key for key in json.loads(done(folder, "keys", "list", "--realm", realm, "--json"))}


def test_keys_are_listed_and_rotated(folder: Path) -> None:
    before = listed_keys(folder)
    assert {key["alg"] for key in before.values()} == {"ES256", "PS256", "RS256", "EdDSA", "RSA-OAEP-256", "ECDH-ES"}
    members = {"kid", "alg", "created_at", "retired_at", "kept_until"}
    assert all(set(key) == members and key["kept_until"] is None for key in before.values())
    said = done(folder, "keys", "rotate", "--alg", "ES256").splitlines()
    after = listed_keys(folder)
    [fresh] = after.keys() - before.keys()
    assert said == [f"+ key      default/{fresh}  (ES256)"]
    [retired] = [key for key in after.values() if key["retired_at"] is not None]
    assert (len(after), retired["alg"], retired["kid"] in before) == (7, "ES256", True)
    assert retired["kept_until"] - retired["retired_at"] == 28_800 + 86_400  # a session, and the margin
    table = done(folder, "keys", "list", COLUMNS="140").splitlines()
    assert table[0].split() == ["ALG", "KID", "CREATED", "RETIRED", "KEPT", "UNTIL"]
    line = {kid: next(line for line in table if kid in line) for kid in after}
    assert {kid for kid in after if line[kid].rstrip().endswith("in use")} == after.keys() - {retired["kid"]}
    assert line[retired["kid"]].rstrip().endswith(datetime.fromtimestamp(retired["kept_until"], UTC).strftime(WHEN))
    assert failed(folder, "keys", "rotate", "--realm", "nowhere") == "realm: there is no realm 'nowhere'"


def test_a_rotation_deletes_keys_that_were_retired_long_ago_and_says_so(folder: Path) -> None:
    (folder / "second.yaml").write_text("realms: [{name: second}]")
    done(folder, "apply", "second.yaml")
    for realm in ("default", "second"):
        done(folder, "keys", "rotate", "--alg", "ES256", "--realm", realm)
    long_ago(folder, 28_800 + 86_400 - 60)
    assert done(folder, "keys", "rotate", "--alg", "EdDSA").count("\n") == 1, "a key went too early"
    second = listed_keys(folder, "second")
    long_ago(folder, 120)
    [old] = [k for k in listed_keys(folder).values() if k["alg"] == "ES256" and k["retired_at"] is not None]
    made, gone = done(folder, "keys", "rotate", "--alg", "PS256").splitlines()
    assert made.startswith("+ key      default/")
    when = datetime.fromtimestamp(old["retired_at"], UTC).strftime(WHEN)
    assert gone == f"- key      default/{old['kid']}  (ES256, retired {when})"
    assert old["kid"] not in listed_keys(folder)
    assert sum(key["retired_at"] is not None for key in listed_keys(folder).values()) == 2  # EdDSA and PS256
    assert listed_keys(folder, "second").keys() == second.keys()


def long_ago(folder: Path, seconds: int) -> None:
    """Retired keys were retired earlier by this much, as if time had passed."""
    with closing(sqlite3.connect(folder / "pushgate-data" / "pushgate.db")) as database, database:
        for realm, kid, data in database.execute("SELECT realm, kid, data FROM keys").fetchall():
            key = unpack(data, StoredKey)
            if key.retired_at is not None:
                earlier = pack(msgspec.structs.replace(key, retired_at=key.retired_at - seconds))
                database.execute("UPDATE keys SET data = ? WHERE realm = ? AND kid = ?", (earlier, realm, kid))


# --- db, doctor ---------------------------------------------------------------------------------------------------


def test_the_schema_is_brought_up_to_date_and_says_where_it_stands(tmp_path: Path) -> None:
    found = run(tmp_path, "db", "status", "--json")
    assert found.returncode == 1
    assert json.loads(found.stdout)["current"] is None
    assert found.stderr == "pushgate: the database needs an upgrade; run: pushgate db upgrade\n"
    assert done(tmp_path, "db", "upgrade").startswith("upgraded from empty to ")
    assert done(tmp_path, "db", "upgrade").startswith("already at ")
    status = json.loads(done(tmp_path, "db", "status", "--json"))
    assert status["current"] == status["head"]


def test_data_of_a_newer_release_is_left_alone(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "pushgate-data" / "pushgate.db")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    before = everything(folder)
    for command in (["serve", "--port", str(free_port())], ["db", "upgrade"]):
        assert failed(folder, *command).startswith("the database is at schema 9999, which is newer than this release")
    assert everything(folder) == before


def test_doctor_is_content_with_relaxations_and_names_them(template: Path) -> None:
    findings = json.loads(done(template, "doctor", "--json"))
    assert {finding["level"] for finding in findings} == {"relaxation"}
    told = {(finding["where"], finding["finding"]) for finding in findings}
    assert ("PUSHGATE_BASE_URL", "http on a loopback address") in told
    assert ("default/hybrid", "access tokens travel through the browser") in told
    assert done(template, "doctor").startswith("LEVEL")


FETCHED = "request objects are fetched by reference"
FRAMED = "other sites may frame one page, to ask whether the session is the same"
UNLIMITED = "browsers can cause fetches of request objects without limit"


def test_doctor_names_what_the_members_of_a_realm_relax(folder: Path) -> None:
    def told(realm: str) -> set[str]:
        (folder / "relaxed.yaml").write_text(f"realms: [{{name: default, {realm}}}]")
        done(folder, "apply", "relaxed.yaml")
        return {f["finding"] for f in json.loads(done(folder, "doctor", "--json")) if f["where"] == "default"}

    unbound = {text for text in told("pkce_required: true") if text.startswith("access tokens are bound to no key: ")}
    assert len(unbound) == 1
    assert "confidential clients may go without PKCE" not in told("pkce_required: true")
    off = "rates: {failures_per_minute: 0, unknown_tokens_per_minute: 0, fetches_per_minute: 0}"
    guessed = {
        "client secrets can be guessed without limit",
        "tokens can be guessed at the introspection endpoint without limit",
    }
    found = told(off)
    assert guessed <= found
    assert {FETCHED, UNLIMITED}.isdisjoint(found)
    assert {FETCHED, UNLIMITED, *guessed} <= told(f"request_uri_parameter_supported: true, {off}")
    found = told("request_uri_parameter_supported: true, rates: {}")
    assert FETCHED in found
    assert {UNLIMITED, *guessed}.isdisjoint(found)
    assert FRAMED not in found
    assert FRAMED in told("session_management: true")


@pytest.mark.requirement("DPOP-11.2-1")
def test_doctor_warns_of_bound_tokens_that_live_long_without_nonces(folder: Path) -> None:
    def told(lifetime: int, nonces: bool, client: str) -> bool:
        (folder / "bound.yaml").write_text(
            f"realms: [{{name: default, dpop_nonces: {str(nonces).lower()}, lifetimes: {{access_token: {lifetime}}},"
            f" clients: [{{client_id: post, redirect_uris: ['https://post.example/cb'], {client}}}]}}]"
        )
        done(folder, "apply", "bound.yaml")
        text = f"DPoP-bound access tokens live for {lifetime} seconds and proofs need no nonce"
        return text in {f["finding"] for f in json.loads(done(folder, "doctor", "--json"))}

    bound, certificate = "dpop_bound_access_tokens: true", "tls_client_certificate_bound_access_tokens: true"
    assert told(86_400, False, bound)
    assert not told(86_400, True, bound)
    assert not told(3600, False, bound)
    assert not told(86_400, False, certificate)
    assert not told(86_400, False, "client_name: Unbound")


def test_doctor_has_no_relaxation_of_the_realm_to_name_under_fapi(tmp_path: Path) -> None:
    done(tmp_path, "db", "upgrade")
    (tmp_path / "fapi.yaml").write_text(
        "realms: [{name: default, profile: fapi2-security, access_token_signing_alg: ES256, clients: ["
        "{client_id: bank, token_endpoint_auth_method: private_key_jwt, jwks_uri: 'https://bank.example/jwks',"
        " redirect_uris: ['https://bank.example/cb']}]}]"
    )
    done(tmp_path, "apply", "fapi.yaml")
    told = {(f["where"], f["level"]) for f in json.loads(done(tmp_path, "doctor", "--json"))}
    assert told == {("PUSHGATE_BASE_URL", "relaxation")}


def test_explain_says_what_a_client_is_held_to_and_why(template: Path) -> None:
    told = {line["rule"]: line for line in json.loads(done(template, "explain", "default", "spa", "--json"))}
    assert told["PKCE (S256) required"] == {
        "rule": "PKCE (S256) required", "value": "yes", "source": "a public client"
    }  # fmt: skip
    assert (told["pushed requests required"]["value"], told["tokens bound to a key"]["value"]) == ("no", "no")
    must_push = {line["rule"]: line for line in json.loads(done(template, "explain", "default", "must-push", "--json"))}
    assert must_push["pushed requests required"]["source"] == "client: require_pushed_authorization_requests"
    assert done(template, "explain", "default", "app").startswith("RULE")
    assert (
        failed(template, "explain", "default", "nobody") == "client_id: there is no client 'nobody' in realm 'default'"
    )
    assert "there is no realm 'nowhere'" in failed(template, "explain", "nowhere", "app")


@pytest.mark.requirement("PAR-2-1")
def test_doctor_has_nothing_to_say_of_http_under_https(template: Path) -> None:
    findings = json.loads(done(template, "doctor", "--json", PUSHGATE_BASE_URL="https://as.example"))
    assert "PUSHGATE_BASE_URL" not in {finding["where"] for finding in findings}
    findings = json.loads(done(template, "doctor", "--json"))
    assert "PUSHGATE_BASE_URL" in {finding["where"] for finding in findings}


def problems(folder: Path, **settings: str) -> list[str]:
    """What doctor calls a problem, with exit code 1."""
    found = run(folder, "doctor", "--json", **settings)
    assert found.returncode == 1
    return [f["finding"] for f in json.loads(found.stdout) if f["level"] == "problem"]


def test_doctor_finds_a_key_file_that_others_can_read(folder: Path) -> None:
    (folder / "pushgate-data" / "secret.key").chmod(0o644)
    assert problems(folder) == ["others can read the secret key"]


def test_doctor_finds_what_is_in_the_place_of_the_count_of_checkpoints(folder: Path) -> None:
    count = folder / "pushgate-data" / "pushgate-transient.db-checkpoints"
    count.unlink(missing_ok=True)
    count.mkdir()
    assert problems(folder) == [f"workers cannot make their checkpoints in turn: {count}: Is a directory"]


def test_doctor_finds_keys_that_cannot_be_opened(folder: Path) -> None:
    assert len(problems(folder, PUSHGATE_SECRET_KEY="x" * 32)) == 6


def test_doctor_names_what_a_profile_and_its_realm_do_to_each_other(template: Path) -> None:
    manifest = """
realms:
  - name: default
    authentication_contexts: [{acr: gold, amr: [pwd, sc]}]
    lifetimes: {access_token: 86400}
    clients:
      - {client_id: pusher, client_secret: a-secret-of-22-characters-or-more, redirect_uris: [https://a.example/cb],
         require_pushed_authorization_requests: true}
"""
    (template / "conflict.yaml").write_text(manifest)
    done(template, "apply", "conflict.yaml")
    (template / "off.yaml").write_text("realms: [{name: default, pushed_authorization_requests: {supported: false}}]")
    done(template, "apply", "off.yaml")
    assert set(problems(template)) == {
        "require_pushed_authorization_requests: needs pushed requests, which the realm has switched off"
    }
    report = json.loads(run(template, "doctor", "--json").stdout)
    relaxed = [each["finding"] for each in report if each["level"] == "relaxation"]
    assert "no sign-in page here reaches the level gold: it needs sc" in relaxed
    assert "access tokens live for 86400 seconds" in relaxed
    (template / "anew.yaml").write_text(manifest.replace("pusher", "another"))
    assert "needs pushed requests, which the realm has switched off" in failed(template, "apply", "anew.yaml")
    sample = run(template, "doctor", "--json", PUSHGATE_BASE_URL="https://as.example", PUSHGATE_SAMPLE_RESOURCE="true")
    assert "the sample API is served at a public address" in sample.stdout


def test_doctor_finds_that_there_is_no_realm(tmp_path: Path) -> None:
    assert problems(tmp_path) == ["there is no realm"]


# --- What refuses to start ------------------------------------------------------------------------------------------

SETTINGS = {
    "unknown-setting": ({"PUSHGATE_BASEURL": "x"}, "unknown setting PUSHGATE_BASEURL; known are "),
    "public-http": ({"PUSHGATE_BASE_URL": "http://as.example"}, "PUSHGATE_BASE_URL: 'http://as.example' is http on a "),
    "issuer-with-query": ({"PUSHGATE_BASE_URL": "https://as.example?x"}, "PUSHGATE_BASE_URL: "),
    "short-key": ({"PUSHGATE_SECRET_KEY": "short"}, "PUSHGATE_SECRET_KEY must have at least 32 characters"),
    "no-key-file": ({"PUSHGATE_SECRET_KEY_FILE": "none"}, "PUSHGATE_SECRET_KEY_FILE cannot be read: "),
    "other-database": ({"PUSHGATE_DATABASE_URL": "mysql://u:hidden@h/d"}, "PUSHGATE_DATABASE_URL must be sqlite:///path"),
    "folder-as-database": ({"PUSHGATE_DATABASE_URL": "sqlite:///pushgate-data"}, "PUSHGATE_DATABASE_URL: "),
    "text-as-database": ({"PUSHGATE_DATABASE_URL": "sqlite:///manifest.yaml"}, "PUSHGATE_DATABASE_URL: "),
    "text-as-transient": ({"PUSHGATE_TRANSIENT_URL": "sqlite:///manifest.yaml"}, "PUSHGATE_TRANSIENT_URL: "),
    "log-level": ({"PUSHGATE_LOG_LEVEL": "loud"}, "PUSHGATE_LOG_LEVEL must be one of "),
}  # fmt: skip


@pytest.mark.requirement("PAR-2-1")
@pytest.mark.parametrize(("settings", "reason"), SETTINGS.values(), ids=SETTINGS)
def test_a_wrong_setting_refuses_to_start(template: Path, settings: dict[str, str], reason: str) -> None:
    before = everything(template)
    told = failed(template, "serve", "--port", str(free_port()), **settings)
    assert told.startswith(reason)
    assert "hidden" not in told
    assert everything(template) == before


def test_a_wrong_setting_refuses_other_commands_too(template: Path) -> None:
    assert failed(template, "export", PUSHGATE_BASEURL="x").startswith("unknown setting PUSHGATE_BASEURL; known are ")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_port_in_use_refuses_to_start(live: Live, template: Path, workers: str) -> None:
    port = live.url.rpartition(":")[2]
    told = failed(template, "serve", "--port", port, "--workers", workers)
    assert told == f"cannot listen on 127.0.0.1:{port}: Address already in use"


def test_a_certificate_needs_its_key(template: Path) -> None:
    done = run(template, "serve", "--port", str(free_port()), "--tls-cert", "cert.pem")
    assert done.returncode == 2
    assert "--tls-cert and --tls-key go together" in done.stderr


@pytest.mark.parametrize("content", [None, "no certificate"], ids=["missing", "not-pem"])
def test_a_certificate_that_cannot_be_used_refuses_to_start(
    template: Path, tmp_path: Path, content: str | None
) -> None:
    if content is not None:
        (tmp_path / "tls").write_text(content)
    pair = ["--tls-cert", str(tmp_path / "tls"), "--tls-key", str(tmp_path / "tls"), "--workers", "2"]
    assert failed(template, "serve", "--port", str(free_port()), *pair).startswith(f"--tls-cert {tmp_path}/tls, ")


def test_a_worker_that_cannot_start_stops_the_server(folder: Path) -> None:
    """Instead of being started again for ever."""
    port = str(free_port())
    sitecustomize = (
        "import sys\nif 'pushgate.cli.worker' in sys.orig_argv:\n    raise SystemExit('this worker cannot start')\n"
    )
    (folder / "sitecustomize.py").write_text(sitecustomize)
    found = run(folder, "serve", "--port", port, "--workers", "2", PYTHONPATH=str(folder))
    assert found.returncode == 1
    assert '"event":"worker_died"' in found.stderr


WRONG_USAGE = [
    [], ["nonsense"], ["client"], ["apply"], ["serve", "--workers", "0"], ["serve", "--port", "99999"],
    ["export", "--secrets"], ["keys", "rotate", "--alg", "HS256"],
    ["client", "update", "app", "--set", "no-equals-sign"], ["user", "update", "alice", "--claim", "=x"],
]  # fmt: skip


@pytest.mark.parametrize("arguments", WRONG_USAGE, ids=[" ".join(a) or "nothing" for a in WRONG_USAGE])
def test_wrong_usage_is_exit_code_2(template: Path, arguments: list[str]) -> None:
    before = everything(template)
    found = run(template, *arguments, input="")
    assert found.returncode == 2
    assert "Traceback" not in found.stderr
    assert "Usage:" in found.stdout + found.stderr
    assert everything(template) == before


def test_help_and_version_need_no_data(tmp_path: Path) -> None:
    assert done(tmp_path, "--version") == "pushgate 0.1.0\n"
    for command in ([], ["serve"], ["client", "create"]):
        assert "Usage:" in done(tmp_path, *command, "--help")
    assert list(tmp_path.iterdir()) == []


def test_the_secret_key_is_its_owners_alone(tmp_path: Path) -> None:
    done(tmp_path, "db", "upgrade")
    run(tmp_path, "doctor")
    file = tmp_path / "pushgate-data" / "secret.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["pushgate-data"]
