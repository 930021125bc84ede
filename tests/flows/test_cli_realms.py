"""Realms, resources, imports and the schema from the command line, some of it while the server runs."""

from __future__ import annotations

import json
import re
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.support.commands import done, everything, failed, run
from tests.support.live import PATIENCE, Live

ROOT = Path(__file__).parent.parent.parent
EXPORTS = ROOT / "tests" / "vendors" / "exports"
SECRET = "a-secret-of-at-least-22-characters"
REDIRECTS = 'redirect_uris=["https://late.example/cb"]'
FORM = {
    "response_type": "code", "redirect_uri": "https://late.example/cb", "scope": "openid",
    "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "code_challenge_method": "S256",
}  # fmt: skip


def shown(folder: Path, *arguments: str) -> Any:
    """What a command prints with --json."""
    return json.loads(done(folder, *arguments, "--json"))


# --- realm ------------------------------------------------------------------------------------------------------


def test_the_life_of_a_realm(folder: Path) -> None:
    assert "+ realm    beta/beta" in done(folder, "realm", "create", "beta", "--set", "profile=oauth2")
    beta = {"name": "beta", "profile": "oauth2", "dialect": "rfc9126"}
    assert shown(folder, "realm", "show", "beta") == beta
    done(folder, "realm", "update", "beta", "--set", "lifetimes.code=30", "--set", "pkce_required=true")
    done(folder, "realm", "update", "beta", "--set", "lifetimes.session=60")
    beta |= {"lifetimes": {"code": 30, "session": 60}, "pkce_required": True}
    assert shown(folder, "realm", "show", "beta") == beta
    assert [realm["name"] for realm in shown(folder, "realm", "list")] == ["beta", "default"]
    assert done(folder, "realm", "list").splitlines()[1].split() == ["beta", "oauth2", "rfc9126"]
    assert "PKCE" not in done(folder, "realm", "show", "beta")
    done(folder, "client", "create", "late", "--realm", "beta", "--set", REDIRECTS)
    done(folder, "user", "create", "dave", "--realm", "beta", input="dave-password\n")
    assert "- realm    beta/beta" in done(folder, "realm", "delete", "beta", "--yes")
    assert failed(folder, "realm", "show", "beta") == "realm: there is no realm 'beta'"
    with closing(sqlite3.connect(folder / "pushgate-data" / "pushgate.db")) as database, database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
            if "realm" in columns and table != "audit":
                assert database.execute(f"SELECT count(*) FROM {table} WHERE realm = 'beta'").fetchone() == (0,), table
        events = [json.loads(data) for (data,) in database.execute("SELECT data FROM audit WHERE realm = 'beta'")]
    assert (events[-1]["object"], events[-1]["id"], events[-1]["act"]) == ("realm", "beta", "delete")


def test_a_realm_is_made_of_what_export_says(folder: Path) -> None:
    done(folder, "realm", "create", "beta", "--set", 'registration={"mode": "token"}')
    [realm] = yaml.safe_load(done(folder, "export", "--realm", "beta"))["realms"]
    assert (realm["registration"], "serial" in realm) == ({"mode": "token"}, False)


REALM_REFUSALS = {
    "again": (["create", "default"], "realm: 'default' is there already; use update"),
    "bad-name": (["create", "Über"], "name: must be lower-case letters, digits and hyphens"),
    "unknown": (["update", "none"], "realm: there is no realm 'none'"),
    "show-unknown": (["show", "none"], "realm: there is no realm 'none'"),
    "delete-unknown": (["delete", "none", "--yes"], "realm: there is no realm 'none'"),
    "delete-default": (["delete", "default", "--yes"], "realm: 'default' is the one at the base URL"),
    "profile": (["update", "default", "--set", "profile=fapi9"], "profile: must be one of"),
    "member": (["update", "default", "--set", "colour=red"], "--set: Object contains unknown field `colour`"),
    "inner-member": (["update", "default", "--set", "lifetimes.tea=5"], "--set: Object contains unknown field `tea`"),
    "type": (["update", "default", "--set", "lifetimes.code=soon"], "--set: Expected `int`, got `str`"),
    "clients": (["update", "default", "--set", "clients=[]"], "--set clients: is not set here; see: pushgate client"),
    "name": (["update", "default", "--set", "name=x"], "--set name: is not set here"),
    "no-file": (["update", "default", "--set", "tls_client_ca=none.pem"], "[Errno 2] No such file or directory"),
}  # fmt: skip


@pytest.mark.parametrize(("arguments", "reason"), REALM_REFUSALS.values(), ids=REALM_REFUSALS)
def test_a_refused_realm_command_changes_nothing(template: Path, arguments: list[str], reason: str) -> None:
    before = everything(template)
    assert failed(template, "realm", *arguments).startswith(reason)
    assert everything(template) == before


def test_a_realm_is_not_deleted_unasked(folder: Path) -> None:
    done(folder, "realm", "create", "beta")
    assert failed(folder, "realm", "delete", "beta") == "--yes: is needed where nobody can be asked"
    assert shown(folder, "realm", "show", "beta")["name"] == "beta"


# --- resource ---------------------------------------------------------------------------------------------------


def test_the_life_of_a_resource(folder: Path) -> None:
    api = "https://new.example"
    created = done(folder, "resource", "create", api, "--set", 'scopes=["new.read","new.write"]')
    assert f"+ resource default/{api}" in created
    members = {"identifier": api, "scopes": ["new.read", "new.write"], "introspection_clients": []}
    assert shown(folder, "resource", "show", api) == members
    done(folder, "resource", "update", api, "--set", 'introspection_clients=["app"]')
    assert shown(folder, "resource", "show", api) == members | {"introspection_clients": ["app"]}
    assert f"= resource default/{api}" in done(folder, "resource", "update", api)
    assert api in [resource["identifier"] for resource in shown(folder, "resource", "list")]
    assert "new.read new.write" in done(folder, "resource", "list")
    done(folder, "realm", "update", "default", "--set", f"default_resource={api}")
    refusal = failed(folder, "resource", "delete", api)
    assert refusal == "default_resource: must be the identifier of one of the resources"
    done(folder, "realm", "update", "default", "--set", "default_resource=null")
    assert f"- resource default/{api}" in done(folder, "resource", "delete", api)
    assert failed(folder, "resource", "show", api) == f"identifier: there is no resource {api!r} in realm 'default'"


RESOURCE_REFUSALS = {
    "unknown": (["update", "https://none.example"], "identifier: there is no resource 'https://none.example'"),
    "delete-unknown": (["delete", "https://none.example"], "identifier: there is no resource 'https://none.example'"),
    "no-uri": (["create", "api"], "resources["),
    "member": (["create", "https://x.example", "--set", "colour=red"], "--set: Object contains unknown field `colour`"),
    "client": (["create", "https://x.example", "--set", 'introspection_clients=["none"]'], "resources["),
    "realm": (["list", "--realm", "nowhere"], "realm: there is no realm 'nowhere'"),
}


@pytest.mark.parametrize(("arguments", "reason"), RESOURCE_REFUSALS.values(), ids=RESOURCE_REFUSALS)
def test_a_refused_resource_command_changes_nothing(template: Path, arguments: list[str], reason: str) -> None:
    before = everything(template)
    assert failed(template, "resource", *arguments).startswith(reason)
    assert everything(template) == before


# --- While the server runs --------------------------------------------------------------------------------------


def test_realms_come_and_go_while_the_server_runs(live: Live) -> None:
    base = f"{live.url}/realms/passing"
    metadata = f"{base}/.well-known/openid-configuration"

    def make() -> str:
        """The realm with a client, and what it answers to a push."""
        assert live.pushgate("realm", "create", "passing").returncode == 0
        assert httpx.get(metadata).json()["issuer"] == base  # at once
        made = live.pushgate("client", "create", "late", "-r", "passing", "--set", f"client_secret={SECRET}",
                             "--set", REDIRECTS)  # fmt: skip
        assert made.returncode == 0
        answer = httpx.post(f"{base}/oauth2/par", auth=("late", SECRET), data=FORM)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["request_uri"])

    def opened(request_uri: str) -> int:
        return httpx.get(
            f"{base}/oauth2/authorize", params={"client_id": "late", "request_uri": request_uri}
        ).status_code

    assert httpx.get(metadata).status_code == 404
    pushed = make()
    assert opened(pushed) == 303
    assert live.pushgate("realm", "delete", "passing", "--yes").returncode == 0
    deadline = time.monotonic() + PATIENCE
    while httpx.get(metadata).status_code != 404:
        assert time.monotonic() < deadline
    assert opened(pushed) == 404
    again = make()
    assert opened(pushed) == 400, "a request that was pushed to a realm of this name before"
    assert opened(again) == 303
    assert live.pushgate("realm", "delete", "passing", "--yes").returncode == 0


# --- import, schema ---------------------------------------------------------------------------------------------

IMPORTS = {
    "auth0": ("auth0-clients.json", "default", 4),
    "keycloak": ("keycloak-realm.json", "acme-shop", 6),
    "wso2": ("wso2-travel.xml", "default", 1),
}


@pytest.mark.parametrize(
    ("product", "name", "realm", "count"), [(p, *rest) for p, rest in IMPORTS.items()], ids=IMPORTS
)
def test_what_is_imported_is_applied(tmp_path: Path, product: str, name: str, realm: str, count: int) -> None:
    found = run(tmp_path, "import", product, str(EXPORTS / name), COLUMNS="160")
    assert found.returncode == 0, found.stderr
    assert found.stderr.splitlines()[0].split() == ["CLIENT", "FIELD", "WHAT", "WHY"]
    assert f"{count} clients in the manifest" in found.stderr
    written = run(tmp_path, "import", product, str(EXPORTS / name), "-o", "m.yaml")
    assert (written.returncode, written.stdout) == (0, "")
    assert (tmp_path / "m.yaml").read_text() == found.stdout
    assert (tmp_path / "m.yaml").stat().st_mode & 0o077 == 0
    done(tmp_path, "apply", "m.yaml")
    assert len(shown(tmp_path, "client", "list", "--realm", realm)) == count


def test_an_import_that_is_refused_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text('[{"client_id": "\\u001b[31m"}, {"client_id": "\\u001b[31m"}]')
    assert failed(tmp_path, "import", "auth0", "bad.json", "-o", "m.yaml") == (
        "bad.json: the client '\\x1b[31m' is there twice"
    )
    assert not (tmp_path / "m.yaml").exists()
    assert run(tmp_path, "import", "okta", "bad.json").returncode == 2


def test_a_terminal_gets_no_commands_from_an_export(tmp_path: Path) -> None:
    (tmp_path / "odd.json").write_text(json.dumps([{"client_id": "\x1b[31mred", "callbacks": []}]))
    found = run(tmp_path, "import", "auth0", "odd.json")
    assert (found.returncode, "\x1b" in found.stderr + found.stdout) == (0, False)


def test_the_schema_is_printed(tmp_path: Path) -> None:
    document = json.loads(done(tmp_path, "schema"))
    assert document["$defs"]["ClientInput"]["additionalProperties"] is False
    kept = ROOT / "docs" / "reference" / "manifest.schema.json"
    assert document == json.loads(kept.read_text())


def test_the_page_on_importing_does_what_it_says(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "importing.md").read_text()
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    blocks = re.findall(r"^```bash\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    commands = [line for block in blocks for line in block.splitlines()]
    assert [command.split()[1] for command in commands] == ["import", "apply", "apply", "client", "explain"]
    said = [run(tmp_path, *command.split()[1:]) for command in commands]
    assert [one.returncode for one in said] == [0] * 5
    assert "shop-web" in said[3].stdout
