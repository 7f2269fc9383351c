"""The cage's walls, tried from inside by a process that has closed them around itself."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.rendering.child.confinement import missing_features
from app.rendering.child.seccomp import build_filter
from app.rendering.child.syscalls import AUDIT_ARCHITECTURES, allowed_numbers
from tests.support.render_processes import needs_linux
from tests.support.waiting import LIMIT_S

pytestmark = [
    needs_linux,
    pytest.mark.skipif(bool(missing_features()), reason=f"this kernel lacks {missing_features()}"),
]

# Confines itself as a child does, then tries what the arguments say; each answer is the error's name, or what came out.
_CAPTIVE = """
import errno, json, mmap, os, signal, socket, sys, threading
from pathlib import Path
from app.domain.formats import ImageFormat
from app.domain.headers.facts import HeaderFacts
from app.rendering.child.confinement import confine
from app.rendering.wire import JobOrder

order = JobOrder(Path(sys.argv[1]), HeaderFacts(ImageFormat.JPEG, 1, 1), (), True, 512 << 20, 1 << 20, 64, 2)
confine(order)

def in_thread():
    seen = []
    thread = threading.Thread(target=lambda: seen.append("ran"))
    thread.start()
    thread.join()
    return seen[0]

def spin():
    while True:
        pass

def grow():
    blocks = []
    try:
        while True:
            blocks.append(bytearray(64 << 20))
    finally:
        blocks.clear()  # room for telling it

def fill():
    with open("out/large", "wb") as file:
        while True:
            file.write(bytes(1 << 20))

attempts = {
    "read the source": lambda: Path("in/source").read_text(),
    "write a result": lambda: Path("out/0").write_bytes(b"x"),
    "start a thread": in_thread,
    "change the source": lambda: open("in/source", "r+b"),
    "remove the source": lambda: os.unlink("in/source"),
    "read a file elsewhere": lambda: Path("/etc/passwd").read_text(),
    "write a file elsewhere": lambda: Path("/tmp/escaped").write_text("x"),
    "look around": lambda: os.listdir("/"),
    "look at itself": lambda: Path("/proc/self/environ").read_text(),
    "leave by a parent directory": lambda: Path("../canary").read_text(),
    "rename": lambda: os.rename("in/source", "out/source"),
    "link": lambda: os.link("in/source", "out/source"),
    "link by name": lambda: os.symlink("/etc/passwd", "out/passwd"),
    "make a directory": lambda: os.mkdir("out/sub"),
    "change a mode": lambda: os.chmod("out", 0o777),
    "open a socket": lambda: socket.socket(socket.AF_INET),
    "open a local socket": lambda: socket.socket(socket.AF_UNIX),
    "make a socket pair": socket.socketpair,
    "execute": lambda: os.execv("/bin/true", ["true"]),
    "spawn": lambda: os.posix_spawn("/bin/true", ["true"], {}),
    "fork": os.fork,
    "signal the parent": lambda: os.kill(os.getppid(), 0),
    "signal another's thread": lambda: signal.pidfd_send_signal(os.pidfd_open(os.getppid()), 0),
    "trace": lambda: __import__("ctypes").CDLL(None, use_errno=True).ptrace(16, os.getppid(), 0, 0),
    "make code": lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC) and None,
    "raise its limits": lambda: __import__("resource").setrlimit(7, (4096, 4096)),
    "take all memory": grow,
    "fill the disk": fill,
    "spin": spin,
}

def answer_to(attempt):
    try:
        return attempt()
    except OSError as error:
        return errno.errorcode[error.errno]
    except Exception as error:
        return type(error).__name__

os.write(1, json.dumps({name: answer_to(attempts[name]) for name in sys.argv[2:]}).encode())
os._exit(0)
"""


ALLOWED = {"read the source": "picture", "write a result": 1, "start a thread": "ran"}
DENIED = [
    *("change the source", "remove the source", "read a file elsewhere", "write a file elsewhere"),
    *("look around", "look at itself", "leave by a parent directory"),
    *("rename", "link", "link by name", "make a directory", "change a mode"),
    *("open a socket", "open a local socket", "make a socket pair"),
    *("execute", "spawn", "fork", "signal the parent", "signal another's thread"),
    *("make code", "raise its limits"),
]


@dataclass(frozen=True)
class Captive:
    """What came of a confined process."""

    returncode: int
    answers: dict[str, object]


def attempt(directory: Path, *names: str) -> Captive:
    (directory / "canary").write_text("secret")
    job_dir = directory / "job"
    for part in ("in", "out"):
        (job_dir / part).mkdir(parents=True)
    (job_dir / "in" / "source").write_text("picture")
    command = [sys.executable, "-c", _CAPTIVE, str(job_dir), *names]
    done = subprocess.run(command, capture_output=True, timeout=LIMIT_S, check=False)
    assert (job_dir / "in" / "source").read_text() == "picture"
    return Captive(done.returncode, json.loads(done.stdout or b"{}"))


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """One process that tries all that does not end it."""
    return attempt(tmp_path_factory.mktemp("captive"), *ALLOWED, *DENIED, "trace").answers


@pytest.mark.parametrize("what", ALLOWED)
def test_a_child_can_do_its_work(answers: dict[str, object], what: str) -> None:
    assert answers[what] == ALLOWED[what]


@pytest.mark.parametrize("what", DENIED)
def test_a_child_cannot(answers: dict[str, object], what: str) -> None:
    assert answers[what] in {"EPERM", "EACCES", "EXDEV", "ValueError"}  # `resource` says ValueError for EPERM


def test_a_child_cannot_trace(answers: dict[str, object]) -> None:
    assert answers["trace"] == -1


def test_memory_ends(tmp_path: Path) -> None:
    captive = attempt(tmp_path, "take all memory")

    # Python itself may find no room left to tell of it, and ends.
    assert captive.returncode != 0 or captive.answers == {"take all memory": "MemoryError"}


def test_the_disk_is_not_filled(tmp_path: Path) -> None:
    assert attempt(tmp_path, "fill the disk").answers == {"fill the disk": "EFBIG"}
    assert (tmp_path / "job" / "out" / "large").stat().st_size <= 1 << 20


def test_a_child_that_spins_is_ended_by_its_cpu_limit(tmp_path: Path) -> None:
    assert attempt(tmp_path, "spin").returncode == -24  # SIGXCPU


@pytest.mark.parametrize("machine", list(AUDIT_ARCHITECTURES))
def test_the_filter_fits_every_architecture(machine: str) -> None:
    program = build_filter(machine, own_pid=4711)

    assert len(program) < 4096  # the kernel's limit
    assert len(set(allowed_numbers(machine))) == len(allowed_numbers(machine))
    for position, step in enumerate(program[:-1]):
        assert position + 1 + max(step.if_true, step.if_false) < len(program)
