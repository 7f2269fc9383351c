"""What all tests share: the servers, started when first asked for."""

# Those that others import come first, or pytest warns that it cannot rewrite their assertions.
pytest_plugins = [
    "tests.servers.ports",
    "tests.servers.corpus",
    "tests.servers.reference",
    "tests.servers.nginx",
    "tests.servers.postgres",
    "tests.servers.redis",
    "tests.servers.s3",
    "tests.people",
]
