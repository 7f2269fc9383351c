"""The cage's walls, tried from inside by a process that has closed them around itself."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from app.rendering.child.confinement import missing_features
from app.rendering.child.seccomp import build_filter
from app.rendering.child.syscalls import AUDIT_ARCHITECTURES, allowed_numbers
from tests.support.render_processes import needs_linux

pytestmark = [
    needs_linux,
    pytest.mark.skipif(bool(missing_features()), reason=f"this kernel lacks {missing_features()}"),
]

# Confines itself as a child does, then tries what the argument says; the answer is the error's name, or what came out.
_CAPTIVE = """
import errno, json, mmap, os, signal, socket, sys, threading
from pathlib import Path
from app.domain.formats import ImageFormat
from app.domain.headers.facts import HeaderFacts
from app.rendering.child.confinement import confine
from app.rendering.wire import JobOrder

order = JobOrder(Path(sys.argv[1]), HeaderFacts(ImageFormat.JPEG, 1, 1), (), True, 1536 << 20, 1 << 20, 64, 2)
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
try:
    answer = attempts[sys.argv[2]]()
except OSError as error:
    answer = errno.errorcode[error.errno]
except Exception as error:
    answer = type(error).__name__
os.write(1, json.dumps(answer).encode())
os._exit(0)
"""


def attempt(directory: Path, what: str) -> subprocess.CompletedProcess[bytes]:
    (directory / "canary").write_text("secret")
    job_dir = directory / "job"
    for part in ("in", "out"):
        (job_dir / part).mkdir(parents=True)
    (job_dir / "in" / "source").write_text("picture")
    command = [sys.executable, "-c", _CAPTIVE, str(job_dir), what]
    return subprocess.run(command, capture_output=True, timeout=20, check=False)


@pytest.mark.parametrize(
    ("what", "answer"), [("read the source", "picture"), ("write a result", 1), ("start a thread", "ran")]
)
def test_a_child_can_do_its_work(tmp_path: Path, what: str, answer: object) -> None:
    assert json.loads(attempt(tmp_path, what).stdout) == answer


@pytest.mark.parametrize(
    "what",
    [
        *("change the source", "remove the source", "read a file elsewhere", "write a file elsewhere"),
        *("look around", "look at itself", "leave by a parent directory"),
        *("rename", "link", "link by name", "make a directory", "change a mode"),
        *("open a socket", "open a local socket", "make a socket pair"),
        *("execute", "spawn", "fork", "signal the parent", "signal another's thread"),
        *("make code", "raise its limits"),
    ],
)
def test_a_child_cannot(tmp_path: Path, what: str) -> None:
    answer = json.loads(attempt(tmp_path, what).stdout)

    assert answer in {"EPERM", "EACCES", "EXDEV", "ValueError"}, answer  # `resource` says ValueError for EPERM
    assert (tmp_path / "job" / "in" / "source").read_text() == "picture"


def test_a_child_cannot_trace(tmp_path: Path) -> None:
    assert json.loads(attempt(tmp_path, "trace").stdout) == -1


def test_memory_ends(tmp_path: Path) -> None:
    captive = attempt(tmp_path, "take all memory")

    # Python itself may find no room left to tell of it, and ends.
    assert captive.returncode != 0 or json.loads(captive.stdout) == "MemoryError"


def test_the_disk_is_not_filled(tmp_path: Path) -> None:
    assert json.loads(attempt(tmp_path, "fill the disk").stdout) == "EFBIG"
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
