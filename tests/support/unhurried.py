"""The application's own time limits, out of the way of tests in the same process that are about something else.

A busy machine must not make a store or a database "unavailable". Tests of the limits themselves do without this.
"""

import pytest

from app import ending
from app.db import connecting, engine
from app.fetching import fetcher
from app.rendering.limits import CageLimits
from app.services.delivery import store_health, views
from app.services.uploads import reception
from app.storage import s3, s3_client
from tests.support.waiting import LIMIT_S

_LIMITS = (
    *((connecting, name) for name in ("POOL_TIMEOUT_S", "CONNECT_TIMEOUT_S", "COMMAND_TIMEOUT_S")),
    *((engine, name) for name in ("POOL_TIMEOUT_S", "BEGIN_TIMEOUT_S")),
    *((s3_client, name) for name in ("_CONNECT_TIMEOUT_S", "_READ_TIMEOUT_S")),
    (fetcher, "_TIMEOUT_S"),
    (s3, "_TRANSFER_TIMEOUT_S"),
    (reception, "UNDECIDED_WAIT_S"),
    (store_health, "_ANSWER_S"),
    (views, "_TIMEOUT_S"),
)
UNHURRIED_CAGE = CageLimits(
    deadline_base_s=LIMIT_S, max_deadline_s=LIMIT_S, start_timeout_s=LIMIT_S, kill_timeout_s=LIMIT_S
)
"""The limits of a cage in which nothing runs out of time by the clock; those of processor time and memory hold."""


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every limit of this process is that of the tests."""
    # Python 3.11 loses a cancellation now and then; the second one follows at once.
    monkeypatch.setattr(ending, "AGAIN_S", 0.1)
    for module, name in _LIMITS:
        monkeypatch.setattr(module, name, LIMIT_S)
    monkeypatch.setitem(s3.S3Store._run.__kwdefaults__ or {}, "timeout_s", LIMIT_S)
