"""An application with users of its own, and an authorization server inside it that signs them in.

The people are rows in the application's table. Pushgate keeps no copy of them: it asks `People`, a `Directory`.
Run it, and use http://127.0.0.1:8070 as the issuer of a client: `shop`, with the secret below.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from pushgate.config import Settings
from pushgate.directory import User
from pushgate.installation import opened
from pushgate.manage.manifest import Applier, parse

PORT = int(sys.argv[1]) if len(sys.argv) > 1 else 8070
DATA = Path("own-users-data")
PEOPLE = DATA / "people.db"
CLIENT = """
realms:
  - name: default
    clients:
      - client_id: shop
        client_name: The Shop
        client_secret: shop-secret-of-at-least-22-characters
        redirect_uris: [http://127.0.0.1:8090/callback]
        grant_types: [authorization_code, refresh_token]
        scope: openid profile email
"""

# --- What the application had before --------------------------------------------------------------------------

TABLE = """
create table if not exists people (
  id integer primary key, email text unique, full_name text, salt blob, password blob, active integer default 1
)
"""


def hashed(password: str, salt: bytes) -> bytes:
    """What is kept of a password."""
    return hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=5)


def prepare() -> None:
    """The table, with Ada in it."""
    DATA.mkdir(exist_ok=True)
    salt = os.urandom(16)
    ada = ("ada@shop.example", "Ada Lovelace", salt, hashed("difference-engine", salt))
    with closing(sqlite3.connect(PEOPLE)) as db, db:
        db.execute(TABLE)
        db.execute("insert or ignore into people (email, full_name, salt, password) values (?, ?, ?, ?)", ada)


def row(column: str, value: str) -> sqlite3.Row | None:
    """An active person; `column` is ours."""
    with closing(sqlite3.connect(PEOPLE)) as db:
        db.row_factory = sqlite3.Row
        query = f"select * from people where {column} = ? and active"  # noqa: S608
        found: sqlite3.Row | None = db.execute(query, (value,)).fetchone()
        return found


async def staff(request: Request) -> JSONResponse:
    """A page of the application itself."""
    with closing(sqlite3.connect(PEOPLE)) as db:
        return JSONResponse([name for (name,) in db.execute("select full_name from people where active")])


# --- What it adds ---------------------------------------------------------------------------------------------

NOBODY = b"no salt: nobody"


def user(person: sqlite3.Row) -> User:
    """A person as Pushgate knows them. The id never passes to another person; an email address may."""
    return User(sub=f"person-{person['id']}", username=person["email"])


class People:
    """The directory. Its methods run on the event loop, so what waits for a disk goes to a thread."""

    async def find(self, realm: str, username: str) -> User | None:
        """The person with this email address."""
        person = await asyncio.to_thread(row, "email", username.strip().lower())
        return None if person is None else user(person)

    async def verify(self, realm: str, username: str, password: str) -> User | None:
        """The person, if the password is right. A stranger's is hashed too, so that both take as long."""
        person = await asyncio.to_thread(row, "email", username.strip().lower())
        salt, expected = (NOBODY, b"") if person is None else (person["salt"], person["password"])
        right = hmac.compare_digest(await asyncio.to_thread(hashed, password, salt), expected)
        return user(person) if person is not None and right else None

    async def claims(self, realm: str, sub: str) -> dict[str, Any] | None:
        """What clients may learn of the person; None once they are gone or no longer active."""
        person = await asyncio.to_thread(row, "id", sub.removeprefix("person-"))
        if person is None:
            return None
        return {"preferred_username": person["email"], "name": person["full_name"], "email": person["email"]}


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    """Open the data, and put the server below the application's own pages."""
    prepare()
    settings = Settings(base_url=f"http://127.0.0.1:{PORT}", database_url=f"sqlite:///{DATA}/pushgate.db")
    async with opened(settings) as installation:
        await Applier(installation.management).apply([parse(CLIENT, "own_users.py")])
        server = installation.server(directory=People())
        app.mount("/", server.asgi())
        await server.start()
        yield
        await server.stop()


app = Starlette(routes=[Route("/staff", staff)], lifespan=lifespan)

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=PORT, access_log=False)  # Pushgate logs what it does, without secrets
