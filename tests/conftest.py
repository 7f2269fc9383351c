"""What all tests share: the servers, started when first asked for."""

from hypothesis import settings

# A machine with other things to do is no bug of ours. Where CI is set, hypothesis itself draws the same each time.
settings.register_profile("unhurried", settings(), deadline=None)
settings.load_profile("unhurried")

# Those that others import come first, or pytest warns that it cannot rewrite their assertions.
pytest_plugins = [
    "tests.servers.ports",
    "tests.servers.corpus",
    "tests.servers.reference",
    "tests.servers.nginx",
    "tests.servers.node",
    "tests.servers.postgres",
    "tests.servers.prepared",
    "tests.servers.redis",
    "tests.servers.s3",
    "tests.people",
]
