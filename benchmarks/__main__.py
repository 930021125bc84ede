"""The command: ``python -m benchmarks``, or ``make bench``."""

import argparse
import os
import shlex
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import httpx
from rich.console import Console
from rich.markup import escape

from benchmarks import applying, million, startup, tenants
from benchmarks.installation import pushgate
from benchmarks.paired import Note, Plan, compare, flow, push_basic
from benchmarks.piles import Piles, SignedRequests
from benchmarks.report import Results, save, show
from benchmarks.servers import Server, Unavailable, bare, peer, pin_load, prepare_peer
from benchmarks.sign_in import SignInFailed
from benchmarks.signing import PROOF_LIFETIME, SigningKey
from benchmarks.verifying import check_verifying

WITH_PROOF = {"push-dpop", "token-dpop"}
PAIRED = ["push-basic", "push-jwt", "push-dpop", "token-dpop", "flow"]
NAMES = [*PAIRED, "startup", "manifest", "tenants", "million"]
SERVERS = ["pushgate", "peer", "bare"]
STARTS = 5
SIGNING = 15  # seconds that the signing for one round may take


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure Pushgate against node-oidc-provider and a bare ASGI responder, in one run.",
    )
    parser.add_argument("--seconds", type=float, default=8, help="length of a measured round (default 8)")
    parser.add_argument("--warm-up", type=float, default=2, help="load before each round (default 2 s)")
    parser.add_argument("--connections", type=int, default=64, help="concurrent connections (default 64)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds per server and scenario (default 3)")
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES, metavar="NAME", help=", ".join(NAMES))
    parser.add_argument(
        "--servers",
        nargs="+",
        choices=SERVERS,
        default=SERVERS,
        metavar="SERVER",
        help="leave a server out: " + ", ".join(SERVERS),
    )
    parser.add_argument(
        "--patience", type=float, default=0, help="seconds to wait before a round for quiet cores (default 0)"
    )
    parser.add_argument("--live", type=int, default=1_000_000, help="requests in the store for `million`")
    parser.add_argument("--clients", type=int, default=10_000, help="clients for `manifest` and `tenants`")
    parser.add_argument("--realms", type=int, default=500, help="realms beside the measured one for `tenants`")
    parser.add_argument("--node", default="node", help="the Node.js program that runs the peer")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/<date>.md")
    chosen = parser.parse_args()
    if WITH_PROOF & set(chosen.only) and chosen.seconds + chosen.warm_up + SIGNING > PROOF_LIFETIME:
        parser.error(f"proofs grow old: {', '.join(sorted(WITH_PROOF))} need shorter rounds")
    return chosen


def note(text: str) -> None:
    """Say what is being done. No spinner: its thread would take time from the load generator."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
    elif text:
        print(text, file=sys.stderr, flush=True)


def main() -> int:
    """Measure, print, save."""
    chosen = arguments()
    console = Console()
    # Wide enough for the tables where the terminal does not say (a pipe, a CI log).
    console.width = max(console.width, 124)
    plan = Plan(chosen.seconds, chosen.warm_up, chosen.connections, chosen.rounds, chosen.patience)
    results = Results(plan)
    if remark := pin_load():
        results.remarks.append(remark)
    try:
        if "peer" in chosen.servers and set(chosen.only) - {"million", "manifest", "tenants"}:
            prepare_peer(chosen.node)
        measure(chosen, results, note)
    except (Unavailable, SignInFailed, httpx.HTTPError) as reason:
        note("")
        console.print(f"[red]{escape(str(reason))}[/]", highlight=False)
        return 1
    note("")
    show(results, console)
    if chosen.save:
        command = shlex.join(["python", "-m", "benchmarks", *sys.argv[1:]])
        console.print(f"saved as {os.path.relpath(save(results, command, chosen.node))}")
    return 0


def measure(chosen: argparse.Namespace, results: Results, say: Note) -> None:
    """Startup first, on a quiet machine; the long one last."""
    if "startup" in chosen.only:
        results.startup = startup.measure(STARTS, set(chosen.servers), chosen.node, say)
    if wanted := [name for name in PAIRED if name in chosen.only]:
        measure_paired(wanted, chosen, results, say)
    if "manifest" in chosen.only and "pushgate" in chosen.servers:
        results.applying = applying.measure(chosen.clients, say)
    if "tenants" in chosen.only and "pushgate" in chosen.servers:
        results.tenants = tenants.measure(chosen.clients, chosen.realms, results.plan, say)
    if "million" in chosen.only and "pushgate" in chosen.servers:
        results.million = million.measure(chosen.live, results.plan, say)


def measure_paired(names: list[str], chosen: argparse.Namespace, results: Results, say: Note) -> None:
    """All servers run side by side; only one of them is under load at a time."""
    key = SigningKey.generate()
    signed = SignedRequests(key)
    scripts = {
        "push-basic": push_basic,
        "push-jwt": Piles(signed.push_jwt).scripts,
        "push-dpop": Piles(signed.push_dpop).scripts,
        "token-dpop": Piles(signed.token_dpop).scripts,
        "flow": flow,
    }
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pushgate-bench-")))
        say("starting the servers")
        running: list[Server] = []
        if "pushgate" in chosen.servers:
            running.append(stack.enter_context(pushgate(folder, key)))
        if "peer" in chosen.servers:
            running.append(stack.enter_context(peer(folder, key, chosen.node)))
        for server in running if WITH_PROOF & set(names) else ():
            check_verifying(server, key)
        responder = stack.enter_context(bare(folder)) if "bare" in chosen.servers else None
        for name in names:
            # The ceiling is only drawn where one request is one answer of the same kind.
            under_test = [*running, responder] if name == "push-basic" and responder else list(running)
            if under_test:
                results.comparisons.append(compare(name, under_test, scripts[name], results.plan, say))
        results.memory = {server.name: server.memory() for server in running}


if __name__ == "__main__":
    sys.exit(main())
