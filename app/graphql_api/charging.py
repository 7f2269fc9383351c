"""The rate of operations without a credential: a token bucket of their cost for each client address."""

from dataclasses import dataclass

from graphql import OperationType

from app.domain.access import Principal
from app.graphql_api.callers import Callers, CallerT
from app.graphql_api.execution import EVERY_OPERATION, Answer, Operation, OperationRequest, SafelightSchema
from app.rate_limit import Rate, RateLimiter, client_address, counted_address

_PERIOD_S = 60
_CHARACTERS_PER_COST = 8
"""A document of 64 KiB costs 8,192 to parse and validate: up to 100 ms, as a query of that cost."""


@dataclass(frozen=True, slots=True)
class AnonymousRate:
    """Charges callers without an account; those with one have the rates of their plan."""

    limiter: RateLimiter
    cost_per_minute: int

    async def charge(self, principal: Principal, cost: int) -> None:
        """Take the cost from the bucket of the client's address; one that is larger than the bucket empties it.

        Raises:
            RateLimited: too little is left.
        """
        if principal.account_id is not None or principal.upload_session_id is not None:
            return
        rate = Rate("anonymous-graphql", self.cost_per_minute, _PERIOD_S)
        key = f"address:{counted_address(client_address.get())}"
        await self.limiter.take(key, [rate], count=min(cost, self.cost_per_minute))


async def begin_charged(
    schema: SafelightSchema,
    callers: Callers[CallerT],
    caller: CallerT,
    request: OperationRequest,
    context: object,
    *,
    allowed: frozenset[OperationType] = EVERY_OPERATION,
) -> Operation | Answer:
    """Prepare an operation, after charging its caller for its text and before running it for its cost.

    Raises:
        OperationNotAllowed: its kind is none of `allowed`.
        RateLimited: the caller has used up its rate.
    """
    if not schema.documents.is_known(request.query):
        await callers.charge(caller, 1 + len(request.query) // _CHARACTERS_PER_COST)
    operation = schema.begin(request, context, allowed=allowed)
    if isinstance(operation, Operation):
        await callers.charge(caller, operation.cost)
    return operation
