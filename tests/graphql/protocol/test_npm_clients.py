"""The clients that others really use, against the live endpoint."""

import json
import subprocess
from typing import Any

import pytest

from tests.support.servers.node import NODE_PROJECT
from tests.support.toy_process import ToyServer
from tests.support.waiting import LIMIT_S

pytestmark = pytest.mark.usefixtures("traceback_free")

HELLO = {"results": [{"data": {"hello": "hello world"}}], "completed": True}
_MORE = pytest.mark.full("each starts a Node; make test has one of each kind of answer, of each client")
COUNTED = {"results": [{"data": {"count": number}} for number in range(3)], "completed": True}


def run(node: str, script: str, url: str, scenario: str) -> Any:
    command = [node, script, url, scenario]
    done = subprocess.run(command, cwd=NODE_PROJECT, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


class TestGraphqlWs:
    """npm graphql-ws 6."""

    @pytest.fixture
    def play(self, toy: ToyServer, node: str) -> Any:
        return lambda scenario: run(node, "socket_client.mjs", toy.socket_url, scenario)

    def test_subscription_is_received_and_completed(self, play: Any) -> None:
        assert play("subscription") == COUNTED

    @_MORE
    def test_query_is_answered(self, play: Any) -> None:
        assert play("query") == HELLO

    @_MORE
    def test_failing_subscription_ends_with_its_code(self, play: Any) -> None:
        outcome = play("error")

        assert outcome["results"] == [{"data": {"expires": 0}}]
        assert [error["extensions"]["code"] for error in outcome["error"]] == ["NOT_FOUND"]

    @_MORE
    def test_invalid_operation_leaves_the_socket_to_the_others(self, play: Any) -> None:
        outcome = play("invalid")

        assert outcome["refused"]["error"][0]["extensions"]["code"] == "INVALID_REQUEST"
        assert outcome["answered"] == HELLO

    @_MORE
    def test_connection_params_authenticate(self, play: Any) -> None:
        assert play("credential")["results"] == [{"data": {"viewer": "good"}}]

    def test_wrong_credential_is_told_as_4403(self, play: Any) -> None:
        outcome = play("forbidden")

        assert outcome["error"] == {"code": 4403, "reason": "Forbidden"}
        assert outcome["closes"] == 1

    def test_operation_that_is_left_frees_the_socket(self, play: Any) -> None:
        outcome = play("iteration")

        assert outcome == {"results": [{"data": {"never": 0}}], "answered": HELLO}

    def test_subscription_goes_on_after_a_lost_connection(self, play: Any) -> None:
        assert play("reconnect") == {"results": [{"data": {"never": 0}}] * 2, "opened": 2}

    @_MORE
    def test_keepalive_pings_are_answered(self, play: Any) -> None:
        assert play("keepalive") == {"pongs": 3}


class TestGraphqlSse:
    """npm graphql-sse 2, distinct connections mode."""

    @pytest.fixture
    def play(self, toy: ToyServer, node: str) -> Any:
        return lambda scenario: run(node, "events_client.mjs", toy.url, scenario)

    @_MORE
    def test_subscription_is_received_and_completed(self, play: Any) -> None:
        assert play("subscription") == COUNTED

    def test_query_and_mutation_are_answered(self, play: Any) -> None:
        assert play("query") == HELLO
        assert play("mutation") == {"results": [{"data": {"shout": "X"}}], "completed": True}

    @_MORE
    def test_invalid_operation_is_told_within_the_stream(self, play: Any) -> None:
        outcome = play("invalid")

        assert outcome["completed"]
        assert outcome["results"][0]["errors"][0]["extensions"]["code"] == "INVALID_REQUEST"

    def test_failing_subscription_ends_with_its_code(self, play: Any) -> None:
        outcome = play("error")

        assert outcome["completed"]
        assert outcome["results"][0] == {"data": {"expires": 0}}
        assert outcome["results"][1]["errors"][0]["extensions"]["code"] == "NOT_FOUND"

    @_MORE
    def test_credential_in_a_header_counts(self, play: Any) -> None:
        assert play("credential")["results"] == [{"data": {"viewer": "good"}}]

    @_MORE
    def test_wrong_credential_is_401_before_the_stream(self, play: Any) -> None:
        assert play("unauthorized")["status"] == 401

    @_MORE
    def test_stream_that_is_left_ends(self, play: Any) -> None:
        assert play("leave") == {"result": {"data": {"never": 0}}}
