"""Who may send files, and how often: accounts by their plan, guests by their address."""

from app.domain.access import ANONYMOUS, Principal, Scope, require_account
from app.domain.plans import Plan
from app.errors import Conflict, Forbidden
from app.ids import AccountId
from app.rate_limit import Rate, RateLimiter, client_address, counted_address
from app.services.accounts.accounts import AccountService

_MINUTE_S, _DAY_S = 60, 86_400


class Uploaders:
    """Lets uploads in."""

    def __init__(self, accounts: AccountService, limiter: RateLimiter) -> None:
        self._accounts = accounts
        self._limiter = limiter

    async def admit(self, principal: Principal, *, count: int = 1) -> AccountId:
        """The account that `count` new uploads will belong to, after counting them.

        Raises:
            Unauthorized: nobody in particular asks, and guests are not let in.
            Forbidden: the credential lacks the scope IMAGES_WRITE.
            RateLimited: the plan allows no more for the moment; none of them was counted.
        """
        guest = await self._accounts.find_guest() if principal == ANONYMOUS else None
        if guest is not None:
            owner_id, plan = guest.id, self._accounts.plan_of(guest)
            who = f"address:{counted_address(client_address.get())}"
        else:
            owner_id = require_account(principal, Scope.IMAGES_WRITE)
            plan = self._accounts.plans.get(principal.plan or "")
            who = f"account:{owner_id}"
        await self._limiter.take(who, rates_of(plan), count=count)
        return owner_id


def rates_of(plan: Plan) -> list[Rate]:
    """How often uploads may be begun by this plan."""
    wanted = (
        ("uploads-minute", plan.uploads_per_minute, _MINUTE_S),
        ("uploads-day", plan.uploads_per_day, _DAY_S),
    )
    return [Rate(name, capacity, period_s) for name, capacity, period_s in wanted if capacity is not None]


def check_may_upload(plan: Plan, *, open_sessions: int, count: int) -> None:
    """Refuse what the plan's switches do not allow.

    Raises:
        Forbidden: the plan takes no uploads.
        Conflict: it takes one at a time, and another is open.
    """
    if not (plan.image_upload_enabled and plan.direct_upload_enabled):
        raise Forbidden(f"The plan {plan.name} takes no uploads.", details={"plan": plan.name})
    if not plan.can_multi_upload and open_sessions + count > 1:
        raise Conflict(f"The plan {plan.name} takes one upload at a time.", details={"plan": plan.name})
