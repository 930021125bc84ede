"""The rules of the house that neither types nor linters see: what is pure, who makes proofs, what hides itself."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from joserfc.jwk import ECKey

import pushgate
from pushgate.config import Settings
from pushgate.endpoints.browser import Browser, BrowserAnswer
from pushgate.endpoints.http import Reply, Request
from pushgate.jose.keys import SigningKey
from pushgate.jose.verify import Unverified
from pushgate.manage.inputs import ClientInput, UserInput
from pushgate.manage.service import Change
from pushgate.model import Client, ClientSecret, StoredKey, User
from pushgate.protocol.access_token import Presented
from pushgate.protocol.authorization_response import FormPost, RedirectTo
from pushgate.protocol.client_auth import AssertionCredential, AuthenticatedClient, SecretCredential
from pushgate.protocol.params import Params
from pushgate.resource import AccessToken
from pushgate.store.durable import migrate, tables
from pushgate.store.durable.engine import SqliteEngine
from pushgate.store.ports import Again, First, Stored

SOURCE = Path(pushgate.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))
PURE = sorted((SOURCE / "protocol").rglob("*.py"))

# --- protocol/ is pure ------------------------------------------------------------------------------------

OUTSIDE = """
aiosqlite asyncio datetime fcntl glob http httpcore httpx io logging multiprocessing os pathlib random secrets select
shutil signal socket sqlalchemy sqlite3 ssl starlette structlog subprocess sys tempfile threading time uuid uvicorn
"""
ROOMS = """
client client_keys config directory endpoints fetch installation journal logs manage resource server snapshot store
throttle web jose.seal
"""
FORBIDDEN = {*OUTSIDE.split(), *(f"pushgate.{room}" for room in ROOMS.split())}
"""No I/O, no clock, no randomness, no logs; nor the rooms that have them."""
CALLS = {
    "open",
    "print",
    "input",
    "exec",
    "eval",
    "compile",
    "__import__",
    "breakpoint",
    "globals",
    "vars",
    "id",
    "hash",
}
METHODS = {
    "now",
    "utcnow",
    "today",
    "time",
    "monotonic",
    "read_text",
    "read_bytes",
    "write_text",
    "write_bytes",
    "urandom",
}


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), str(path))


def imported(path: Path) -> Iterator[str]:
    """Every module a file imports, wherever in the file, and for `from a import b` also a.b."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(module: str, room: str) -> bool:
    return module == room or module.startswith(f"{room}.")


def rel(path: Path) -> str:
    return str(path.relative_to(SOURCE))


@pytest.mark.parametrize("path", PURE, ids=rel)
def test_protocol_imports_no_io_no_clock_no_randomness_no_logs(path: Path) -> None:
    wrong = {module for module in imported(path) for room in FORBIDDEN if within(module, room)}
    assert wrong == set()


@pytest.mark.parametrize("path", PURE, ids=rel)
def test_protocol_calls_nothing_that_reads_or_writes(path: Path) -> None:
    found = []
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.Global | ast.Nonlocal):
            found.append(f"line {node.lineno}: {type(node).__name__}")
        elif isinstance(node, ast.Call):
            function = node.func
            if isinstance(function, ast.Name) and function.id in CALLS:
                found.append(f"line {node.lineno}: {function.id}()")
            elif isinstance(function, ast.Attribute) and function.attr in METHODS:
                found.append(f"line {node.lineno}: .{function.attr}()")
    assert found == []


def test_the_search_for_impurity_finds_it(tmp_path: Path) -> None:
    """A test that can only pass proves nothing."""
    impure = tmp_path / "impure.py"
    impure.write_text(
        "def f():\n    from time import time\n    import os.path, pushgate.store.ports\n    return time()\n"
    )
    assert {m for m in imported(impure) for room in FORBIDDEN if within(m, room)} == {
        "time", "time.time", "os.path", "pushgate.store.ports",
    }  # fmt: skip


# --- Proofs are made in one place ---------------------------------------------------------------------------


def made(name: str) -> set[str]:
    """The files that call this name, however it is reached."""
    return {
        rel(path)
        for path in FILES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and name == getattr(node.func, "id", None if not isinstance(node.func, ast.Attribute) else node.func.attr)
    }


def test_authenticated_client_cannot_be_made_by_anybody_else() -> None:
    client = Client(client_id="app")
    for proof in (None, True, object(), "proof", AuthenticatedClient):
        with pytest.raises(TypeError, match="authenticate alone"):
            AuthenticatedClient(client, proof)
    with pytest.raises(TypeError):
        AuthenticatedClient(client)  # type: ignore[call-arg]
    assert made("AuthenticatedClient") == {"protocol/client_auth.py"}


def test_the_proof_stays_in_its_module() -> None:
    users = {rel(path) for path in FILES if re.search(r"\b_PROOF\b", path.read_text("utf-8"))}
    assert users == {"protocol/client_auth.py"}


def test_reply_to_is_made_where_the_redirect_uri_is_checked() -> None:
    assert made("ReplyTo") == {"protocol/redirect_uri.py"}


def test_a_winner_is_named_by_a_store_alone() -> None:
    assert {Path(name).parts[0] for name in made("First")} == {"store"}


def test_only_one_place_answers_the_client() -> None:
    """RFC 9207: `iss` cannot be forgotten where there is one place to add it."""
    assert made("RedirectTo") == made("FormPost") == {"protocol/authorization_response.py"}


def test_nobody_goes_round_a_frozen_type() -> None:
    ways = {"__setattr__", "force_setattr", "__new__", "_replace"}
    found = [
        f"{rel(path)}:{node.lineno}"
        for path in FILES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and node.attr in ways
    ]
    assert found == []


# --- The schema ------------------------------------------------------------------------------------------------

VERSIONS = SOURCE / "store/durable/migrations/versions"


def revisions() -> dict[str, str | None]:
    """Each migration and the one before it."""
    found: dict[str, str | None] = {}
    for path in VERSIONS.glob("*.py"):
        values: dict[str, Any] = {}
        for node in tree(path).body:
            target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
            if isinstance(target, ast.Name) and target.id in ("revision", "down_revision"):
                assert isinstance(node, ast.Assign | ast.AnnAssign)
                values[target.id] = ast.literal_eval(node.value) if node.value is not None else None
        assert path.name.startswith(f"{values['revision']}_"), path
        found[values["revision"]] = values["down_revision"]
    return found


def test_head_is_the_newest_migration() -> None:
    found = revisions()
    heads = set(found) - set(found.values())
    assert heads == {migrate.HEAD} == {max(found)}


def test_migrations_follow_one_another() -> None:
    found = revisions()
    assert [found[name] for name in sorted(found)] == [None, *sorted(found)[:-1]]


@contextmanager
def database(*works: Callable[[sa.Connection], None]) -> Iterator[sa.Connection]:
    engine = SqliteEngine(None)
    for work in works:
        engine.migrate(work)
    yield engine.writer
    engine.writer.close()
    engine.writer.engine.dispose()


@pytest.fixture
def schema() -> Iterator[sa.Connection]:
    with database(migrate.run_migrations) as connection:
        yield connection


def test_migrations_and_tables_agree(schema: sa.Connection) -> None:
    context = MigrationContext.configure(schema, opts={"compare_type": True, "compare_server_default": True})
    assert compare_metadata(context, tables.metadata) == []
    assert migrate.schema_status(schema).up_to_date


def told(connection: sa.Connection) -> dict[str, Any]:
    """All that a database says of its tables, and what is in them; columns may stand in another order."""
    found, names = sa.inspect(connection), sa.inspect(connection).get_table_names()
    rows = {name: list(map(dict, connection.execute(sa.text(f"SELECT * FROM {name}")).mappings())) for name in names}
    kinds = {name: sorted(({**c, "type": str(c["type"])} for c in found.get_columns(name)), key=str) for name in names}
    keys = {name: (found.get_pk_constraint(name), found.get_foreign_keys(name)) for name in names}
    indexes = {name: (found.get_indexes(name), found.get_unique_constraints(name)) for name in names}
    return {"rows": rows, "columns": kinds, "keys": keys, "indexes": indexes}


def test_a_new_database_is_what_migrations_make(schema: sa.Connection) -> None:
    with database(migrate.upgrade) as new:
        assert told(new) == told(schema)
        assert told(new)["rows"]["revision"] == [{"id": 1, "value": 1}]


@pytest.mark.parametrize("since", ["base", *sorted(revisions())])
def test_every_older_database_is_brought_up_to_date(schema: sa.Connection, since: str) -> None:
    def as_it_was(connection: sa.Connection) -> None:
        if since == "base":  # as `alembic downgrade base` leaves it
            connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
        else:
            migrate.run_migrations(connection, since)
        assert migrate.schema_status(connection).current == (None if since == "base" else since)

    with database(as_it_was, migrate.upgrade) as older:
        found, wanted = told(older), told(schema)
        for each in (found, wanted):
            each["keys"].pop("alembic_version")  # its name
        assert found == wanted


def test_a_difference_would_be_seen(schema: sa.Connection) -> None:
    schema.execute(sa.text("ALTER TABLE clients ADD COLUMN forgotten TEXT"))
    schema.execute(sa.text("DROP INDEX grants_sub"))
    found = compare_metadata(MigrationContext.configure(schema), tables.metadata)
    assert {str(difference[0]) for difference in found} == {"remove_column", "add_index"}


# --- Secrets hide themselves -----------------------------------------------------------------------------------

HIDDEN = "hidden-value"
KEY = ECKey.generate_key("P-256")
HOLDERS: list[Any] = [
    ClientSecret(digest=HIDDEN.encode(), sealed=HIDDEN.encode()),
    Client(client_id="app", secret=ClientSecret(digest=HIDDEN.encode(), sealed=HIDDEN.encode())),
    User(sub="sub", username="alice", password_hash=HIDDEN, claims={"email": HIDDEN}),
    StoredKey(kid="kid", alg="ES256", public={}, sealed=HIDDEN.encode(), created_at=0),
    SigningKey("kid", "ES256", ECKey.import_key(KEY.as_dict(private=True) | {"kid": HIDDEN})),
    SecretCredential("client_secret_basic", "app", HIDDEN),
    AssertionCredential(HIDDEN, "app"),
    Unverified({"alg": HIDDEN}, {"iss": HIDDEN}, HIDDEN.encode(), HIDDEN.encode()),
    Stored(HIDDEN.encode(), False),
    First(HIDDEN.encode()),
    Again(HIDDEN.encode()),
    RedirectTo(f"https://app.example/cb?code={HIDDEN}"),
    FormPost("https://app.example/cb", (("code", HIDDEN),)),
    Change("default", "client", "app", "create", secret=HIDDEN),
    ClientInput(client_id="app", client_secret=HIDDEN),
    UserInput(username="alice", password=HIDDEN, claims={"email": HIDDEN}),
    Browser(HIDDEN, None, HIDDEN.encode(), known=False, cookies=[HIDDEN.encode()]),
    BrowserAnswer(RedirectTo("https://app.example"), [HIDDEN.encode()]),
    Params({"client_secret": HIDDEN}),
    Presented("Bearer", HIDDEN),
    AccessToken(
        "alice", "app", frozenset(), (), 0, "Bearer", cnf={"jkt": HIDDEN}, claims={"email": HIDDEN}, token=HIDDEN
    ),
    Request("POST", "/oauth2/par", HIDDEN.encode(), [(b"authorization", HIDDEN.encode())], HIDDEN.encode(), "::1", "1"),
    Reply(200, HIDDEN.encode(), [(b"set-cookie", HIDDEN.encode())]),
    Settings(
        secret_key=HIDDEN, admin_password=HIDDEN, database_url=f"postgresql://u:{HIDDEN}@h/d", transient_url=HIDDEN
    ),
]


@pytest.mark.parametrize("holder", HOLDERS, ids=lambda holder: type(holder).__name__)
def test_what_holds_a_secret_does_not_show_it(holder: Any) -> None:
    for shown in (repr(holder), str(holder), f"{holder}", repr([holder]), repr({"x": holder})):
        assert HIDDEN not in shown
        assert type(holder).__name__ in shown


# --- Files and functions stay readable ---------------------------------------------------------------------------

LONGEST_FILE, LONGEST_FUNCTION = 400, 60  # lines; the house's own wish is 300 and 40


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_no_file_is_too_long() -> None:
    lengths = {rel(path): len(path.read_text("utf-8").splitlines()) for path in FILES}
    assert {name: length for name, length in lengths.items() if length > LONGEST_FILE} == {}


def test_no_function_is_too_long() -> None:
    found = {}
    for path in FILES:
        for node in functions(path):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > LONGEST_FUNCTION and "migrations" not in path.parts:
                found[f"{rel(path)}:{node.name}"] = length
    assert found == {}


def test_every_public_thing_says_what_it_is() -> None:
    """A module, class or function without an underscore has a docstring whose first line is a sentence."""
    silent = []
    for path in FILES:
        if "migrations" in path.parts:
            continue
        module = tree(path)
        silent += [rel(path)] if path.stat().st_size and not ast.get_docstring(module) else []
        for node in module.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith(
                "_"
            ):
                silent += [] if ast.get_docstring(node) else [f"{rel(path)}:{node.name}"]
    assert silent == []


def test_nobody_asks_for_a_profile_or_a_dialect_by_its_name() -> None:
    """They are values with fields: whoever compares names has to be found again for every new one."""
    comparison = re.compile(r"\b(profile|realm\.dialect)(\.name)?\b\s*(==|!=|in)\s*['\"(]")
    found = [
        f"{rel(path)}:{node.lineno}"
        for path in FILES
        if rel(path) not in ("profiles.py", "dialects.py")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Compare) and comparison.search(ast.unparse(node))
    ]
    assert found == []
