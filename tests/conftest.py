"""What all tests share: which of them run, the servers they start, and what a failure leaves behind."""

import inspect
import os
import signal
from pathlib import Path

import httpx
from hypothesis import settings

from tests.support.waiting import LIMIT_S

# A busy machine is no fault. Where CI is set, hypothesis itself draws the same examples each time.
settings.register_profile("unhurried", settings(), deadline=None)
settings.load_profile("unhurried")

# httpx's 5 s are a time limit on the machine. Its clients copy this object when they are made.
_HTTPX_DEFAULT = inspect.signature(httpx.get).parameters["timeout"].default
_HTTPX_DEFAULT.connect = _HTTPX_DEFAULT.read = _HTTPX_DEFAULT.write = _HTTPX_DEFAULT.pool = LIMIT_S

# For the processes that tests start: they write their stacks on a signal, and are known to be ours.
_IN_CHILDREN = str(Path(__file__).parent / "support" / "in_children")
os.environ["PYTHONPATH"] = os.pathsep.join([_IN_CHILDREN, *filter(None, [os.environ.get("PYTHONPATH")])])
os.environ["TESTS_PID"] = str(os.getpid())

# A shell that runs pytest in its background lets it ignore SIGINT, and its children inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# So does nohup with SIGHUP.
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

pytest_plugins = [
    "tests.support.tiers",
    "tests.support.failure_reports",
    "tests.support.servers.ports",
    "tests.support.servers.corpus",
    "tests.support.servers.reference",
    "tests.support.servers.nginx",
    "tests.support.servers.node",
    "tests.support.servers.postgres",
    "tests.support.servers.prepared",
    "tests.support.servers.redis",
    "tests.support.servers.s3",
    "tests.support.site_fixtures",
    "tests.support.accounts_fixture",
]
