"""The conformance audits that the authors of GraphQL over HTTP publish."""

import json
import subprocess

from tests.support.servers.node import NODE_PROJECT
from tests.support.toy_process import ToyServer
from tests.support.waiting import LIMIT_S


def test_every_audit_of_graphql_http_is_passed_without_a_warning(toy: ToyServer, node: str) -> None:
    command = [node, "audits.mjs", toy.url]

    done = subprocess.run(command, cwd=NODE_PROJECT, capture_output=True, text=True, timeout=LIMIT_S, check=True)

    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(results) == 61
    assert [result for result in results if result["status"] != "ok"] == []
