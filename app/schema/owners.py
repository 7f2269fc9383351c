"""How an owner looks to anyone."""

import strawberry

from app.db.records import AccountRecord


@strawberry.type(description="How an owner looks to anyone.")
class Owner:
    """The public side of an account."""

    name: str = strawberry.field(description="The username; first part of pretty URLs.")
    display_name: str | None = strawberry.field(description="As the owner wants to be called.")

    @staticmethod
    def of(account: AccountRecord) -> "Owner":
        """Convert an account."""
        return Owner(name=account.username, display_name=account.display_name)
