"""What all tests share: the servers, started when first asked for."""

from hypothesis import settings

# A machine with other things to do is no bug of ours. Where CI is set, hypothesis itself draws the same each time.
settings.register_profile("unhurried", settings(), deadline=None)
settings.load_profile("unhurried")

# Those that others import come first, or pytest warns that it cannot rewrite their assertions.
pytest_plugins = [
    "tests.support.servers.ports",
    "tests.support.servers.corpus",
    "tests.support.servers.reference",
    "tests.support.servers.nginx",
    "tests.support.servers.node",
    "tests.support.servers.postgres",
    "tests.support.servers.prepared",
    "tests.support.servers.redis",
    "tests.support.servers.s3",
    "tests.support.accounts_fixture",
]
