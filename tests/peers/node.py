"""Run a node script of this folder and be its browser."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from pathlib import Path
from typing import Any

from tests.peers.walk import SCOPE, walk
from tests.support.live import Live
from tests.support.manifests import KEY, PEER_ALGS, PEER_REDIRECT, PEER_SECRET, PEERS
from tests.support.services import missing

HERE = Path(__file__).parent
PATIENCE = 60  # seconds for a whole script


def node_with(library: str) -> str:
    """The node to run; skips, or fails, without it or without the library from npm."""
    node = shutil.which("node")
    if node is None:
        missing("node", "install Node.js 20 or later")
    if not (HERE / "node_modules" / library).is_dir():
        missing(f"{library} (npm)", "run tools/peers.py, which make test does")
    return node


async def play(live: Live, script: str, method: str, *, allow: bool = True, **settings: Any) -> dict[str, Any]:
    """The results of `script` for the client with this authentication method; `settings` change what it is told."""
    client_id = PEERS[method]
    told = {
        "issuer": live.url,
        "method": method,
        "client_id": client_id,
        "secret": PEER_SECRET,
        "jwk": KEY.as_dict(private=True),
        "redirect_uri": PEER_REDIRECT,
        "scope": SCOPE,
        "id_token_alg": PEER_ALGS[client_id],
        **settings,
    }
    return await run(live, script, script_of(script), told, allow=allow)


async def run(live: Live, library: str, script: str, told: dict[str, Any], *, allow: bool = True) -> dict[str, Any]:
    """The results of a script file that needs this library and is told this."""
    process = await asyncio.create_subprocess_exec(
        node_with(library), script, cwd=HERE, env=environment_of(live),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(PATIENCE):
            return await _talk(live, process, told, allow)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def environment_of(live: Live) -> dict[str, str]:
    """What a script is started with: node trusts the server's certificate too."""
    return {**os.environ, **({} if live.trust is None else {"NODE_EXTRA_CA_CERTS": live.trust})}


def script_of(library: str) -> str:
    """The script's file name."""
    return f"{library.replace('-', '_')}.mjs"


async def _talk(live: Live, process: asyncio.subprocess.Process, told: dict[str, Any], allow: bool) -> dict[str, Any]:
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    said: Any = json.dumps(told)
    while True:
        process.stdin.write(f"{said}\n".encode())
        line = await process.stdout.readline()
        assert line, (await process.stderr.read()).decode()
        heard: dict[str, Any] = json.loads(line)
        if "visit" not in heard:
            await process.wait()
            return heard
        said = await walk(live, heard["visit"], allow=allow)
