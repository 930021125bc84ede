"""Scripts whose requests carry signatures: enough is signed for a round before the round begins."""

from collections.abc import Callable

from benchmarks.load import Load, Script
from benchmarks.paired import Plan
from benchmarks.scenarios import (
    JWT_CLIENT,
    SERVICE_CLIENT,
    PushWithAssertion,
    PushWithProof,
    Signed,
    Target,
    TokenWithProof,
)
from benchmarks.servers import Server
from benchmarks.signing import PROOF_KEYS, SigningKey, assertion, proof, sign

CALIBRATION = 8000


class Piles:
    """One scenario with signed requests. `scripts` makes so many for a target that share a pile of a given size."""

    def __init__(self, make: Callable[[Target, int, int], list[Script]]) -> None:
        self.make = make
        self.rates: dict[str, float] = {}

    def scripts(self, server: Server, plan: Plan) -> list[Script]:
        """Scripts that share one pile; a server much faster than before ends its round early."""
        assert server.target is not None
        if server.name not in self.rates:
            trial = self.make(server.target, plan.connections, CALIBRATION)
            self.rates[server.name] = Load(server.port, trial, seconds=1.5, warm_up=0.2).run().rate
        needed = 1000 + int(self.rates[server.name] * (plan.seconds + plan.warm_up) * 1.4)
        return self.make(server.target, plan.connections, needed)


class SignedRequests:
    """The scenarios with signatures: one key for the client's assertions, some for its proofs.

    A client that runs in several places has a key for proofs in each of them.
    """

    def __init__(self, key: SigningKey) -> None:
        self.key = key
        self.proof_keys = [SigningKey.generate() for _ in range(PROOF_KEYS)]

    def push_jwt(self, target: Target, connections: int, count: int) -> list[Script]:
        """Pushes with an assertion."""
        pile = sign([assertion(self.key, JWT_CLIENT, target.issuer)], count)
        return [PushWithAssertion(target, pile) for _ in range(connections)]

    def push_dpop(self, target: Target, connections: int, count: int) -> list[Script]:
        """Pushes with an assertion and a proof."""
        pile = self.pairs(target, JWT_CLIENT, target.par, count)
        return [PushWithProof(target, pile) for _ in range(connections)]

    def token_dpop(self, target: Target, connections: int, count: int) -> list[Script]:
        """Tokens for an assertion and a proof."""
        pile = self.pairs(target, SERVICE_CLIENT, target.token, count)
        return [TokenWithProof(target, pile) for _ in range(connections)]

    def pairs(self, target: Target, client_id: str, path: str, count: int) -> list[Signed]:
        """So many pairs of an assertion and a proof for one endpoint."""
        assertions = sign([assertion(self.key, client_id, target.issuer)], count)
        # The proofs last: they grow old within a minute.
        proofs = sign([proof(key, target.url(path)) for key in self.proof_keys], count)
        return [Signed(*pair) for pair in zip(assertions, proofs, strict=True)]
