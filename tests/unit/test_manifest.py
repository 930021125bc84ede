"""Manifests: applied whole or not at all; a refusal names file, line and reason, and changes nothing."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pushgate.manage.manifest import Applier, BadManifest, export, parse, read, typed
from pushgate.testing import Running, running
from tests.support.certificates import authority, client
from tests.support.manifests import APP, APP_SECRET, HMAC_SECRET, MANIFEST, POST_SECRET, REQUEST
from tests.support.steps import AUTHORIZE, PAR, answered, at, refused

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


async def everything(server: Running) -> tuple[Any, ...]:
    """What an administrator can change, with its history: equal before and after what changes nothing."""
    configuration = server.management.configuration
    realms = [realm.name for realm in await configuration.realms()]
    return (
        await configuration.revision(),
        await configuration.realms(),
        [await configuration.clients(name) for name in realms],
        [await server.management.accounts(name).users() for name in realms],
        [await configuration.keys(name) for name in realms],
        [await server.audit(realm=name) for name in realms],
    )


async def applied(server: Running, *texts: str, environment: dict[str, str] | None = None) -> list[str]:
    """Apply files a.yaml, b.yaml ...; what was done to each thing."""
    documents = [parse(dedent(text), f"{name}.yaml") for name, text in zip("abc", texts, strict=False)]
    changes = await Applier(server.management, environment or {}).apply(documents)
    await server.server.snapshot.refresh()
    return [f"{change.act} {change.object} {change.id}" for change in changes]


async def complaints(server: Running, *texts: str, environment: dict[str, str] | None = None) -> list[str]:
    """The reasons why the manifests are refused; nothing may have changed."""
    before = await everything(server)
    with pytest.raises(BadManifest) as caught:
        await applied(server, *texts, environment=environment)
    assert await everything(server) == before
    return str(caught.value).splitlines()


# --- Text that is no manifest ---------------------------------------------------------------------------------

BOMB = "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nrealms: [*c]\n"
NOT_A_MANIFEST = {
    "empty": ("", "m:1: is empty"),
    "only-a-comment": ("# nothing\n", "m:1: is empty"),
    "not-yaml": ("realms:\n  - name: 'x\n", "m:3: found unexpected end of stream"),
    "tab": ("realms:\n\t- name: x\n", "m:2: found character that cannot start any token"),
    "control-character": ("realms: \x07", "m:1: is not YAML"),
    "surrogate": ("realms: \ud800", "m:1: is not YAML"),
    "two-documents": ("realms: []\n---\nrealms: []\n", "m:2: but found another document"),
    "alias-bomb": (BOMB, "m:1: anchors and aliases are not taken"),
    "anchor": ("realms:\n  - name: &n x\n", "m:2: anchors and aliases are not taken"),
    "tag": ('realms:\n  - !!python/object/apply:os.system ["id"]\n', "m:2: tags are not taken"),
    "standard-tag": ("realms:\n  - name: !!str x\n", "m:2: tags are not taken"),
    "repeated-key": ("realms: []\nrealms: []\n", "m:2: realms: is there twice"),
    "repeated-json-key": ('{"realms": [\n{"name": "x", "name": "y"}]}', "m:2: realms[0].name: is there twice"),
    "key-that-is-no-text": ("realms:\n  - ? [a]\n    : b\n", "m:2: realms[0]: a key must be text"),
    "deep-list": ("[" * 100_000 + "]" * 100_000, "m:1: is nested too deeply"),
    "ten-megabytes-of-words": (
        "realms: [" + "x, " * 3_500_000 + "]",
        "m:1: has more than 1,000,000 values; make several files of it",
    ),
    "ten-megabytes-of-realms": (
        "realms:\n" + "- name: x\n" * 1_000_000,
        "m:250001: has more than 1,000,000 values; make several files of it",
    ),
    "ten-megabytes-of-text": (f"realms: '{'x' * 10_000_000}'", "m:1: realms: Expected `array`, got `str`"),
    "ten-megabytes-of-nothing": ("\n" * 10_000_000, "m:1: is empty"),
    "ten-megabytes-of-brackets": ("[" * 10_000_000, "m:1: is nested too deeply"),
    "deep-mapping": ("\n".join(" " * n + "a:" for n in range(2000)), "m:51: is nested too deeply"),
    "endless-number": ("realms: " + "9" * 5000, "m:1: realms: is not a value of any known type"),
    "odd-number": ("realms:\n- name: 0x_", "m:2: realms[0].name: is not a value of any known type"),
    "a-list": ("- name: x", "m:1: Expected `object`, got `array`"),
    "a-word": ("realms", "m:1: Expected `object`, got `str`"),
    "no-realms": ("clients: []", "m:1: clients: is not a member that is known here"),
    "no-members": ("{}", "m:1: Object missing required field `realms`"),
    "realms-absent": ("realms:", "m:1: realms: Expected `array`, got `null`"),
    "realms-a-number": ("realms: 5", "m:1: realms: Expected `array`, got `int`"),
    "realms-a-mapping": ("realms: {name: x}", "m:1: realms: Expected `array`, got `object`"),
    "realm-a-word": ("realms:\n  - x", "m:2: realms[0]: Expected `object`, got `str`"),
    "clients-a-word": ("realms:\n  - name: x\n    clients: y", "m:3: realms[0].clients: Expected `array`, got `str`"),
    "client-null": (
        "realms:\n  - name: x\n    clients:\n      -",
        "m:4: realms[0].clients[0]: Expected `object`, got `null`",
    ),
    "nameless": ("realms:\n  - profile: oidc", "m:2: realms[0]: Object missing required field `name`"),
    "unknown-realm-member": (
        "realms:\n  - name: x\n    colour: red",
        "m:3: realms[0].colour: is not a member that is known here",
    ),
    "merge-key": ("realms:\n  - name: x\n    <<: {}", "m:3: realms[0].<<: is not a member that is known here"),
}


@pytest.mark.parametrize(("text", "reason"), NOT_A_MANIFEST.values(), ids=NOT_A_MANIFEST)
def test_what_is_no_manifest_is_refused_with_its_line(text: str, reason: str) -> None:
    with pytest.raises(BadManifest) as caught:
        typed(parse(text, "m"))
    assert str(caught.value) == reason


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot be read: "),
        (b"realms: '\xff'", "cannot be read: "),
        (b"#" * (32 * 2**20 + 1), "is larger than 32 MiB"),
    ],
    ids=["missing", "not-utf8", "huge"],
)
def test_what_cannot_be_read_is_refused(tmp_path: Path, content: bytes | None, reason: str) -> None:
    path = tmp_path / "m.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadManifest) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}:1: {reason}")


def _refused_or_right(text: str) -> None:
    try:
        typed(parse(text, "m"))
    except BadManifest:
        return


@given(st.text())
def test_any_text_is_a_manifest_or_refused(text: str) -> None:
    _refused_or_right(text)


@given(st.integers(0, len(ONE)), st.integers(0, 12), st.text("{}[]:-&*!|>'\"#%@` \n\tax0~,?", max_size=6))
def test_any_damage_to_a_manifest_is_found_or_harmless(at: int, cut: int, insert: str) -> None:
    _refused_or_right(ONE[:at] + insert + ONE[at + cut :])


# --- Members that are wrong -----------------------------------------------------------------------------------

UNKNOWN = "is not a member that is known here"
ONE_SOURCE = "must be text, {file: path} or {env: NAME}"
LIFETIME = "pushed_authorization_requests.lifetime: "
HMAC = "token_endpoint_auth_method: client_secret_jwt"
WRONG_CLIENT = {
    "unknown-member": ("scoop: openid", f"scoop: {UNKNOWN}"),
    "text-for-list": ("redirect_uris: https://x.example/cb", "redirect_uris: Expected `array`, got `str`"),
    "text-for-boolean": ('enabled: "true"', "enabled: Expected `bool`, got `str`"),
    "number-for-text": ("client_name: 5", "client_name: Expected `str | null`, got `int`"),
    "number-for-secret": ("client_secret: 1234567890123456789012", "client_secret: Expected `"),
    "unknown-secret-source": ("client_secret: {vault: x}", f"client_secret.vault: {UNKNOWN}"),
    "two-secret-sources": ("client_secret: {file: a, env: B}", f"client_secret: {ONE_SOURCE}"),
    "no-secret-source": ("client_secret: {}", f"client_secret: {ONE_SOURCE}"),
    "secret-file-missing": ("client_secret: {file: no-such-file}", "client_secret: cannot be read: "),
    "secret-variable-missing": (
        "client_secret: {env: NONE}",
        "client_secret: the environment variable NONE is not set",
    ),
    "secret-variable-empty": (
        "client_secret: {env: EMPTY}",
        "client_secret: the environment variable EMPTY is not set",
    ),
    "secret-variable-short": ("client_secret: {env: SHORT}", "client_secret: must have at least 22 characters"),
    "short-secret": ("client_secret: twenty-one-characters", "client_secret: must have at least 22 characters"),
    "short-hmac-secret": (
        f"client_secret: {'x' * 31}\n        {HMAC}",
        "client_secret: client_secret_jwt needs at least",
    ),
    "secret-of-a-public-client": (
        f"client_secret: {SECRET}\n        token_endpoint_auth_method: none",
        "client_secret: a client with none has no secret",
    ),
    "method": ("token_endpoint_auth_method: magic", "token_endpoint_auth_method: must be one of "),
    "redirect": ('redirect_uris: [https://x.example/, "https://x.example/#f"]', "redirect_uris[1]: "),
    "lifetime": ("par_request_expiry: 601", "par_request_expiry: must be 5 to 600 seconds"),
    "profile": ("profile: fapi9", "profile: must be one of "),
}


@pytest.mark.parametrize(("member", "reason"), WRONG_CLIENT.values(), ids=WRONG_CLIENT)
async def test_a_wrong_client_is_refused_with_its_line(server: Running, member: str, reason: str) -> None:
    text = f"realms:\n  - name: default\n    clients:\n      - client_id: x\n        {member}\n"
    if "redirect_uris" not in member:
        text += "        redirect_uris: [https://x.example/cb]\n"
    [found] = await complaints(server, text, environment={"EMPTY": "", "SHORT": "short"})
    assert found.startswith(f"a.yaml:5: realms[0].clients[0].{reason}")


async def test_a_member_that_is_missing_is_reported_at_the_client(server: Running) -> None:
    [found] = await complaints(
        server, ONE.replace(f"client_secret: {SECRET}", "token_endpoint_auth_method: private_key_jwt")
    )
    assert found == "a.yaml:4: realms[0].clients[0].jwks: private_key_jwt needs jwks or jwks_uri"


RESOURCES = '[{identifier: "https://a.example", scopes: [s]}, {identifier: "https://b.example", scopes: [s]}]'
WRONG_REALM = {
    "name": ("name: Alpha", "name: must be lower-case letters, digits and hyphens, at most 63"),
    "profile": ("profile: strict", "profile: must be one of "),
    "dialect": ("dialect: klingon", "dialect: must be one of "),
    "lifetime-0": ("pushed_authorization_requests: {lifetime: 0}", f"{LIFETIME}must be 5 to 600 seconds"),
    "lifetime-negative": ("pushed_authorization_requests: {lifetime: -60}", f"{LIFETIME}must be 5 to 600 seconds"),
    "lifetime-10000": ("pushed_authorization_requests: {lifetime: 10000}", f"{LIFETIME}must be 5 to 600 seconds"),
    "lifetime-text": ('pushed_authorization_requests: {lifetime: "60"}', f"{LIFETIME}Expected `int | null`, got `str`"),
    "required-but-off": (
        "pushed_authorization_requests: {supported: false, required: true}",
        "pushed_authorization_requests.required: cannot be on while supported is off",
    ),
    "code-lifetime": ("lifetimes: {code: 601}", "lifetimes.code: must be 1 to 600 seconds"),
    "registration": ("registration: {mode: maybe}", "registration.mode: Invalid enum value"),
    "host": ("hosts: [as.example, AS.example]", "hosts[1]: must be a host name in lower case"),
    "host-twice": ("hosts: [as.example, as.example]", "hosts[1]: the host 'as.example' is there twice"),
    "rates": ("rates: {pushes_per_client: -1}", "rates: must not be negative"),
    "scope-owned-twice": (f"resources: {RESOURCES}", "resources[1].scopes: 's' belongs to https://a.example already"),
}


@pytest.mark.requirement("PAR-2.2-2")
@pytest.mark.parametrize(("member", "reason"), WRONG_REALM.values(), ids=WRONG_REALM)
async def test_a_wrong_realm_is_refused_with_its_line(server: Running, member: str, reason: str) -> None:
    name = "" if member.startswith("name:") else "name: alpha"
    [found] = await complaints(server, f"realms:\n  -\n    {name}\n    {member}\n    clients: []\n")
    assert found.startswith(f"a.yaml:4: realms[0].{reason}")


WRONG_USER = {
    "short-password": ("{username: dave, password: short}", "password: must have at least 8 characters"),
    "no-name": ("{username: '', password: dave-password}", "username: must be 1 to 255 printable characters"),
    "no-variable": ("{username: dave, password: {env: NONE}}", "password: the environment variable NONE is not set"),
    "sub": ("{username: dave, claims: {sub: me}}", "claims.sub: is made by the server"),
    "unknown-member": ("{username: dave, pasword: dave-password}", f"pasword: {UNKNOWN}"),
}


@pytest.mark.parametrize(("user", "reason"), WRONG_USER.values(), ids=WRONG_USER)
async def test_a_wrong_user_is_refused_with_its_line(server: Running, user: str, reason: str) -> None:
    [found] = await complaints(server, ONE + f"      - {user}\n")
    assert found == f"a.yaml:10: realms[0].users[1].{reason}"


async def test_every_problem_is_told_at_once(server: Running) -> None:
    text = ONE.replace(SECRET, "short").replace("https://one.example/cb", "/cb").replace("carol-password", "short")
    found = await complaints(server, text)
    assert [line.partition(" ")[0] for line in found] == ["a.yaml:5:", "a.yaml:6:", "a.yaml:9:"]


async def test_a_good_file_beside_a_bad_one_is_not_applied_either(server: Running) -> None:
    [found] = await complaints(server, ONE, "realms:\n  - name: beta\n    profile: strict\n")
    assert found.startswith("b.yaml:3: realms[0].profile: ")


async def test_refusals_show_no_secret(server: Running) -> None:
    short, wrong = "a-short-secret", "987654321098765432109876"
    found = await complaints(server, ONE.replace(SECRET, short).replace("carol-password", "carol-1"))
    found += await complaints(server, ONE.replace(SECRET, wrong))
    assert not [line for line in found if short in line or "carol-1" in line or wrong in line]


TWICE = {
    "realm": ("realms:", "  - name: default", 3, "[1].name: the realm 'default'"),
    "client": ("    clients:", "      - client_id: one", 5, "[0].clients[1].client_id: the client 'one'"),
    "user": ("    users:", "      - username: carol", 10, "[0].users[1].username: the user 'carol'"),
    "user-in-wide-letters": (
        "    users:",
        "      - username: ' \uff43arol'",
        10,
        "[0].users[1].username: the user 'carol'",
    ),
}


@pytest.mark.parametrize(("after", "line", "number", "reason"), TWICE.values(), ids=TWICE)
async def test_what_is_there_twice_is_refused_at_the_second(
    server: Running, after: str, line: str, number: int, reason: str
) -> None:
    found = await complaints(server, ONE.replace(f"{after}\n", f"{after}\n{line}\n"))
    assert f"a.yaml:{number}: realms{reason} is there twice" in found


async def test_what_is_there_twice_is_found_in_the_file_where_it_is(server: Running) -> None:
    other, twice = "realms:\n  - name: beta\n", ONE + "      - {username: carol}\n"
    where = [[line.partition(": ")[0] for line in await complaints(server, *texts)] for texts in (
        (twice, other), (other, twice), (ONE, ONE),
    )]  # fmt: skip
    assert where == [["a.yaml:10"], ["b.yaml:10"], ["b.yaml:2", "b.yaml:4", "b.yaml:9"]]


async def test_what_is_there_twice_is_refused_in_whichever_file_it_is(server: Running) -> None:
    other = "realms:\n  - name: beta\n    clients:\n      - {client_id: one, redirect_uris: [https://one.example/cb]}\n"
    assert await complaints(server, ONE, other, ONE.replace("name: default", "name: beta")) == [
        "c.yaml:2: realms[0].name: the realm 'beta' is there twice",
        "c.yaml:4: realms[0].clients[0].client_id: the client 'one' is there twice",
    ]


async def test_a_hundred_complaints_are_enough(server: Running) -> None:
    twice = "realms:\n  - name: beta\n" + "    clients:\n" + "      - {client_id: x}\n" * 5_000
    found = await complaints(server, twice)
    assert (len(found), found[-1]) == (101, "and 4899 more")


# --- Applying -------------------------------------------------------------------------------------------------


async def test_applying_twice_changes_nothing_the_second_time(server: Running) -> None:
    assert await applied(server, ONE) == ["unchanged realm default", "create client one", "create user carol"]
    before = await everything(server)
    assert await applied(server, ONE) == ["unchanged realm default", "unchanged client one", "unchanged user carol"]
    assert await everything(server) == before


async def test_the_manifest_of_the_tests_is_idempotent(server: Running) -> None:
    before = await everything(server)
    changes = await server.apply(MANIFEST)
    assert {change.act for change in changes} == {"unchanged"}
    assert await everything(server) == before


async def test_a_dry_run_says_what_would_be_done_and_does_nothing(server: Running) -> None:
    before = await everything(server)
    document = parse(ONE.replace("name: default", "name: beta"), "m")
    changes = await Applier(server.management, {}).apply([document], dry_run=True)
    assert [f"{c.act} {c.object} {c.id}" for c in changes] == [
        "create realm beta",
        "create client one",
        "create user carol",
    ]
    assert await everything(server) == before


async def test_a_change_names_the_members_that_differ_and_leaves_an_event(server: Running) -> None:
    await applied(server, ONE)
    changes = await server.apply(ONE.replace("scope: openid", "scope: openid email"))
    assert [(c.act, c.id, c.fields) for c in changes if c.act != "unchanged"] == [("update", "one", ("scope",))]
    event = (await server.audit("configuration_changed"))[0]
    assert (event["object"], event["id"], event["act"]) == ("client", "one", "update")


async def test_a_realm_member_that_is_left_out_keeps_its_value(server: Running) -> None:
    await server.apply("realms: [{name: default, pkce_required: true, lifetimes: {code: 30}}]")
    await server.apply("realms: [{name: default, default_scope: openid}]")
    settings = await server.management.configuration.realm("default")
    assert settings is not None
    assert (settings.pkce_required, settings.lifetimes.code, settings.default_scope) == (True, 30, "openid")


@pytest.mark.parametrize("source", ["file", "env"])
async def test_a_secret_may_come_from_a_file_or_the_environment(server: Running, tmp_path: Path, source: str) -> None:
    (tmp_path / "secret").write_text(f"{APP_SECRET}\n")
    reference = "{file: secret}" if source == "file" else "{env: THE_SECRET}"
    (tmp_path / "m.yaml").write_text(ONE.replace(SECRET, reference))
    await Applier(server.management, {"THE_SECRET": APP_SECRET}).apply([read(tmp_path / "m.yaml")])
    form = {**REQUEST, "redirect_uri": "https://one.example/cb", "scope": "openid"}
    assert (await server.http.post(PAR, auth=("one", APP_SECRET), data=form)).status_code == 201


async def trusted(server: Running) -> str | None:
    """The authorities of the realm, as they are kept."""
    settings = await server.management.configuration.realm("default")
    assert settings is not None
    return settings.tls_client_ca


async def test_authorities_come_from_a_file_beside_the_manifest_or_from_itself(server: Running, tmp_path: Path) -> None:
    pem = authority().pem
    (tmp_path / "pki").mkdir()
    (tmp_path / "pki" / "ca.pem").write_text("# whose it is, and since when\r\n" + pem.replace("\n", "\r\n"))
    (tmp_path / "m.yaml").write_text("realms: [{name: default, tls_client_ca: pki/ca.pem}]")
    applier = Applier(server.management, {})
    [first] = await applier.apply([read(tmp_path / "m.yaml")])
    [second] = await applier.apply([read(tmp_path / "m.yaml")])
    assert (first.act, first.fields, second.act) == ("update", ("tls_client_ca",), "unchanged")
    assert await trusted(server) == f"# whose it is, and since when\n{pem}"
    # Once read, it is kept: the file is not needed any more, and an export has all of it.
    (tmp_path / "pki" / "ca.pem").unlink()
    assert {change.act for change in await server.apply(await exported(server))} == {"unchanged"}
    await server.apply(json.dumps({"realms": [{"name": "default", "tls_client_ca": pem}]}))
    assert await trusted(server) == pem
    await server.apply("realms: [{name: default, pkce_required: true}]")
    assert await trusted(server) == pem
    await server.apply("realms: [{name: default, tls_client_ca: null}]")
    assert await trusted(server) is None


AUTHORITIES = {
    "nowhere.pem": (None, "cannot be read: "),
    "folder": (None, "cannot be read: "),
    '"x\\0y"': (None, "cannot be read: "),
    "binary.pem": (b"\xff\xfe", "cannot be read: "),
    "empty.pem": (b"", "is not a PEM text of X.509 certificates"),
    "garbage.pem": (b"garbage", "is not a PEM text of X.509 certificates"),
    "client.pem": (client("a client").pem.encode(), "holds a certificate that is not of a certificate authority: CN=a"),
    "key.pem": ((authority().pem + authority().key_pem).encode(), "holds a private key"),
}


@pytest.mark.parametrize("name", AUTHORITIES)
async def test_authorities_that_are_none_refuse_the_manifest(server: Running, tmp_path: Path, name: str) -> None:
    content, reason = AUTHORITIES[name]
    (tmp_path / "folder").mkdir()
    if content is not None:
        (tmp_path / name).write_bytes(content)
    (tmp_path / "m.yaml").write_text(
        f"realms:\n  - name: default\n    pkce_required: true\n    tls_client_ca: {name}\n"
    )
    before = await everything(server)
    with pytest.raises(BadManifest) as caught:
        await Applier(server.management, {}).apply([read(tmp_path / "m.yaml")])
    assert str(caught.value).startswith(f"{tmp_path}/m.yaml:4: realms[0].tls_client_ca: {reason}")
    assert await everything(server) == before


async def test_a_secret_that_is_left_out_is_made_once_and_kept(server: Running) -> None:
    text = ONE.replace(f"        client_secret: {SECRET}\n", "")
    [made] = [c.secret for c in await server.apply(text) if c.secret]
    assert [c.secret for c in await server.apply(text)] == [None] * 3
    form = {**REQUEST, "redirect_uri": "https://one.example/cb", "scope": "openid"}
    assert (await server.http.post(PAR, auth=("one", made), data=form)).status_code == 201
    wrong = await server.http.post(PAR, auth=("one", SECRET), data=form)
    refused(wrong, 401, "invalid_client", "client.authentication")


async def test_json_is_a_manifest_too(server: Running) -> None:
    assert "create client one" in await applied(server, json.dumps(yaml.safe_load(ONE), indent=1))


async def test_dates_and_words_stay_the_text_they_are(server: Running) -> None:
    await server.apply(
        ONE.replace("carol-password}", "carol-password, claims: {birthdate: 1990-01-02, nickname: 'no'}}")
    )
    user = await server.management.accounts("default").user_by_username("carol")
    assert user is not None
    assert user.claims == {"birthdate": "1990-01-02", "nickname": "no"}


async def test_a_disabled_user_is_signed_out(server: Running) -> None:
    await server.apply(ONE)
    browser = await answered(server, push=True, username="carol")
    assert "code" in browser.answer
    await server.apply(ONE.replace("carol-password}", "carol-password, enabled: false}"))
    await browser.open(AUTHORIZE, params={"client_id": "app", **REQUEST})
    assert at(browser, "login")


# --- Export ---------------------------------------------------------------------------------------------------


async def exported(server: Running, *, with_secrets: bool = False) -> str:
    """As `pushgate export` prints it."""
    document = await export(server.management, None, with_secrets=with_secrets)
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True)


EVERY_SETTING = """
realms:
  - name: beta
    profile: oauth2
    pushed_authorization_requests: {supported: true, required: true, lifetime: 90}
    lifetimes: {code: 30, access_token: 300, id_token: 120, refresh_token: 86400, session: 3600, interaction: 900}
    rates: {pushes_per_client: 7, pushes_per_address: 9, failures_per_minute: 5, fetches_per_minute: 6}
    pkce_required: true
    default_scope: read
    access_token_signing_alg: PS256
    tls_client_ca: |
CA
    resources: [{identifier: "https://api.example", scopes: [read, write]}]
    clients:
      - client_id: "012"
        client_name: "Ünïcode: yes, 'quotes' and \\"more\\" #1"
        application_type: native
        redirect_uris: ["http://127.0.0.1/cb", "com.example.app:/cb"]
        token_endpoint_auth_method: none
        grant_types: [authorization_code, refresh_token]
        response_types: [code]
        scope: read write
        client_uri: https://about.example/
        policy_uri: https://about.example/policy
        tos_uri: https://about.example/tos
        default_max_age: 600
        require_auth_time: true
        id_token_signed_response_alg: EdDSA
        require_pushed_authorization_requests: true
        enabled: false
        pkce_required: true
        par_request_expiry: 30
        skip_consent: true
      - client_id: published
        token_endpoint_auth_method: private_key_jwt
        token_endpoint_auth_signing_alg: PS256
        jwks_uri: https://rp.example/jwks
        redirect_uris: [https://rp.example/cb]
        request_uris: ["https://rp.example/r", "https://rp.example/r#GkurKxf5T0Y-mnPFCHqWOMiZi4VS138cQO_V7PZHAdM"]
        pushed_redirect_uri_prefixes: [https://rp.example/t/]
      - client_id: recognised
        token_endpoint_auth_method: tls_client_auth
        tls_client_auth_subject_dn: 'CN=Bank\\, Inc.,C=DE'
        tls_client_certificate_bound_access_tokens: true
        use_mtls_endpoint_aliases: true
        redirect_uris: [https://bank.example/cb]
    users:
      - {username: "yes", claims: {birthdate: 1990-01-02, zoneinfo: "on", number: 1.5, list: [1, null, {a: b}], x: ""}}
      - {username: zoë, enabled: false}
""".replace("CA\n", indent(authority().pem, " " * 6))


@pytest.mark.parametrize("manifest", [MANIFEST, EVERY_SETTING, MANIFEST + EVERY_SETTING.replace("\nrealms:", "")])
async def test_what_is_exported_makes_the_same_thing_elsewhere(manifest: str) -> None:
    async with running(manifest) as here:
        text = await exported(here)
        before = await everything(here)
        assert {change.act for change in await here.apply(text)} == {"unchanged"}
        assert await everything(here) == before
    async with running("realms: [{name: default}]") as there:
        await there.apply(text)
        assert await exported(there) == text


async def test_an_export_holds_no_secret_unless_asked_and_then_only_what_is_kept_in_clear(server: Running) -> None:
    plain, full = await exported(server), await exported(server, with_secrets=True)
    for secret in (APP_SECRET, POST_SECRET, HMAC_SECRET, "alice-password", "argon2", "digest", "sealed"):
        assert secret not in plain
    assert f"client_secret: {HMAC_SECRET}" in full
    assert APP_SECRET not in full
    assert "argon2" not in full


async def test_an_export_names_one_realm_if_told_to(server: Running) -> None:
    await server.apply("realms: [{name: beta}]")
    document = await export(server.management, "beta", with_secrets=False)
    assert [realm["name"] for realm in document["realms"]] == ["beta"]


async def test_a_push_needs_no_restart_after_a_change(server: Running) -> None:
    assert (await server.http.post(PAR, auth=APP, data=REQUEST)).status_code == 201
    await server.apply("realms: [{name: default, pushed_authorization_requests: {supported: false}}]")
    refused(await server.http.post(PAR, auth=APP, data=REQUEST), 403, "unauthorized_client", "par.off")
