"""The cage's walls, tried from inside by a process that has closed them around itself."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.domain.formats import ImageFormat
from app.domain.headers.facts import HeaderFacts
from app.domain.variants import Geometry
from app.rendering.child.confinement import missing_features
from app.rendering.child.excess import Watch
from app.rendering.child.seccomp import build_filter
from app.rendering.child.syscalls import AUDIT_ARCHITECTURES, allowed_numbers
from app.rendering.protocol import RenderSpec
from app.rendering.wire import JobOrder
from tests.support.render_processes import needs_linux
from tests.support.waiting import LIMIT_S, wait_until

pytestmark = [
    needs_linux,
    pytest.mark.skipif(bool(missing_features()), reason=f"this kernel lacks {missing_features()}"),
]

FACTS = HeaderFacts(ImageFormat.JPEG, 1, 1)

# Confines itself as a child does, then tries what the arguments say; each answer is the error's name, or what came out.
_CAPTIVE = """
import errno, fcntl, json, mmap, os, signal, socket, sys, threading, time
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

F_SETSIG, F_SETOWN_EX = 10, 15

def start_many():
    threading.stack_size(1 << 16)
    for _ in range(40):
        threading.Thread(target=threading.Event().wait, daemon=True).start()
    os.write(1, b"done")
    time.sleep(600)

def write_many():
    for number in range(40):
        with open(f"out/{number}", "wb") as file:
            file.write(bytes(1 << 19))
    os.write(1, b"done")
    time.sleep(600)

attempts = {
    "duplicate a descriptor": lambda: fcntl.fcntl(1, fcntl.F_DUPFD, 3) > 2,
    "duplicate and close on exec": lambda: fcntl.fcntl(1, fcntl.F_DUPFD_CLOEXEC, 3) > 2,
    "read the flags": lambda: fcntl.fcntl(1, fcntl.F_GETFL) & os.O_ACCMODE,
    "close on exec": lambda: fcntl.fcntl(1, fcntl.F_SETFD, fcntl.fcntl(1, fcntl.F_GETFD) | fcntl.FD_CLOEXEC),
    "do not block": lambda: fcntl.fcntl(1, fcntl.F_SETFL, os.O_NONBLOCK),
    "own a descriptor": lambda: fcntl.fcntl(1, fcntl.F_SETOWN, os.getppid()),
    "own a descriptor as a thread": lambda: fcntl.fcntl(1, F_SETOWN_EX, bytes(8)) and None,
    "choose a signal": lambda: fcntl.fcntl(1, F_SETSIG, signal.SIGKILL),
    "signal on input": lambda: fcntl.fcntl(1, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK),
    "lease a file": lambda: fcntl.fcntl(os.open("in/source", os.O_RDONLY), fcntl.F_SETLEASE, fcntl.F_RDLCK),
    "watch a directory": lambda: fcntl.fcntl(os.open("out", os.O_RDONLY), fcntl.F_NOTIFY, fcntl.DN_MODIFY),
    "grow a pipe": lambda: fcntl.fcntl(1, fcntl.F_SETPIPE_SZ, 1 << 20),
    "lock a file": lambda: fcntl.lockf(os.open("in/source", os.O_RDONLY), fcntl.LOCK_SH),
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
    "start many threads": start_many,
    "write many files": write_many,
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


ALLOWED = {
    **{"read the source": "picture", "write a result": 1, "start a thread": "ran"},
    **{"duplicate a descriptor": True, "duplicate and close on exec": True},
    **{"read the flags": 1, "close on exec": 0, "do not block": 0},
}
DENIED = [
    *("change the source", "remove the source", "read a file elsewhere", "write a file elsewhere"),
    *("look around", "look at itself", "leave by a parent directory"),
    *("rename", "link", "link by name", "make a directory", "change a mode"),
    *("open a socket", "open a local socket", "make a socket pair"),
    *("execute", "spawn", "fork", "signal the parent", "signal another's thread"),
    *("make code", "raise its limits"),
    *("own a descriptor", "own a descriptor as a thread", "choose a signal", "signal on input"),
    *("lease a file", "watch a directory", "grow a pipe", "lock a file"),
]


@dataclass(frozen=True)
class Captive:
    """What came of a confined process."""

    returncode: int
    answers: dict[str, object]


def make_job_dir(directory: Path) -> Path:
    (directory / "canary").write_text("secret")
    job_dir = directory / "job"
    for part in ("in", "out"):
        (job_dir / part).mkdir(parents=True)
    (job_dir / "in" / "source").write_text("picture")
    return job_dir


def attempt(directory: Path, *names: str) -> Captive:
    job_dir = make_job_dir(directory)
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


@pytest.mark.parametrize(("name", "excess"), [("start many threads", "threads"), ("write many files", "bytes")])
def test_the_zygote_sees_too_many_threads_and_files(tmp_path: Path, name: str, excess: str) -> None:
    specs = tuple(RenderSpec(str(n), ImageFormat.JPEG, Geometry((1, 1), (1, 1))) for n in range(40))
    order = JobOrder(make_job_dir(tmp_path), FACTS, specs, True, 1, 1, 1, 1, total_bytes=10 << 20, threads=20)
    command = [sys.executable, "-c", _CAPTIVE, str(order.job_dir), name]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.read(4) == b"done"
            watch = Watch(process.pid, order)
            wait_until(watch.has_excess, "too much")
        finally:
            process.kill()

    assert watch.excess == excess


@pytest.mark.parametrize("machine", list(AUDIT_ARCHITECTURES))
def test_the_filter_fits_every_architecture(machine: str) -> None:
    program = build_filter(machine, own_pid=4711)

    assert len(program) < 4096  # the kernel's limit
    assert len(set(allowed_numbers(machine))) == len(allowed_numbers(machine))
    for position, step in enumerate(program[:-1]):
        assert position + 1 + max(step.if_true, step.if_false) < len(program)
