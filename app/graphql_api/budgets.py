"""Rows and time of one operation, checked while it runs: the second limit, behind the predicted cost."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any

from graphql import GraphQLError
from graphql.execution import Executor

from app.errors import QueryTooComplex
from app.graphql_api.limits import DocumentLimits, over_limit


class RunBudget:
    """Counts what an operation returns. Once it is spent, every further list is refused, so that work stops."""

    __slots__ = ("_ends_at_s", "_limits", "_may_be_cut", "error", "rows")

    def __init__(self, limits: DocumentLimits, *, may_be_cut: bool = True) -> None:
        self._may_be_cut = may_be_cut
        self._limits = limits
        self._ends_at_s = time.monotonic() + limits.max_run_s
        self.rows = 0
        """Objects in lists so far."""
        self.error: QueryTooComplex | None = None
        """Why nothing more is returned."""

    def spend(self, rows: int) -> None:
        """Count the items of a list before they are answered.

        Raises:
            QueryTooComplex: the operation has returned too many, or has run for too long.
        """
        self.rows += rows
        if self.error is None and self.rows > self._limits.max_rows:
            self.error = over_limit("rows", self._limits.max_rows)
        if self.error is None and time.monotonic() > self._ends_at_s:
            self.error = self.end_of_time()
        if self.error is not None:
            raise self.error

    async def run(self, executor: Executor[Any]) -> tuple[Mapping[str, Any] | None, tuple[GraphQLError, ...]]:
        """Run a query or a mutation within this budget; returns its data and its errors."""
        data: Mapping[str, Any] | None = None
        errors: Sequence[GraphQLError] = ()
        try:
            async with asyncio.timeout(self._limits.max_run_s if self._may_be_cut else None):
                pending: Any = executor.execute_operation()
                result = await pending if executor.is_awaitable(pending) else pending
                data, errors = result.data, result.errors or ()
        except TimeoutError:
            self.error = self.end_of_time()
        if self.error is None:
            return data, tuple(errors)
        # One error in the place of one for each list that was refused.
        error = GraphQLError(self.error.message, original_error=self.error)
        return None if self._may_be_cut else data, (error,)

    def end_of_time(self) -> QueryTooComplex:
        """Make the error of an operation that has run for too long."""
        seconds = self._limits.max_run_s
        message = f"The operation ran for more than {seconds:g} s. Ask for fewer items at once."
        return QueryTooComplex(message, details={"limit": "seconds", "maximum": seconds})
