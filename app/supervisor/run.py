"""`safelight run`: a private Redis, the API and a worker under one supervisor that they cannot outlive."""

import asyncio
import itertools
import os
import shutil
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from pydantic import SecretStr
from rich.console import Console

from app.ending import end_tasks
from app.hangup import end_with_terminal
from app.settings import Settings
from app.shared_metrics import SHARED_METRICS_VARIABLE
from app.supervisor.banner import show_addresses, show_key
from app.supervisor.broken_queue import BrokenQueueWatch
from app.supervisor.child import Child, Ending, Lifeline, Program
from app.supervisor.exits import ExitWatch
from app.supervisor.ground import CannotStart, check_port, claim_data_dir, read_or_make_secret
from app.supervisor.private_redis import (
    check_redis,
    find_redis_server,
    redis_command,
    socket_folder,
    wait_for_redis,
)
from app.supervisor.readiness import wait_until_ready

# A closed pipe, a terminal that is gone, a full disk behind stdout: none of them may end what is supervised.
# Of a closed pipe rich makes a SystemExit.
_UNHEARD = suppress(OSError, SystemExit)

Prepare = Callable[[Settings], Awaitable[str | None]]
"""Migrates the database and makes the first account; gives its API key where it was made just now.

Raises `CannotStart` where the database does not answer.
"""

OWN_PROGRAMS = {name: (sys.executable, "-m", "app", name) for name in ("api", "worker")}
"""How each part of Safelight is started, by its name."""

# Starts of Redis until the supervisor gives up its own: two that name a broken file, and one without that file.
_REDIS_STARTS = 3
# Together within the 10 s in which everything is to be over: the API and the worker at once, Redis after them.
_GRACE_S = 8.7
_REDIS_GRACE_S = 1.0


def run(
    settings: Settings, prepare: Prepare, console: Console, programs: Mapping[str, tuple[str, ...]] = OWN_PROGRAMS
) -> int:
    """Run everything until SIGINT, SIGTERM or the end of the terminal; gives the exit status of the command."""
    try:
        data_dir = settings.data_dir.absolute()
        with claim_data_dir(data_dir), ExitStack() as stack:
            check_port(settings.host, settings.port)
            redis_socket = stack.enter_context(_private_socket(settings, data_dir))
            completed = _complete(settings, data_dir, redis_socket)
            return asyncio.run(_Supervisor(completed, redis_socket, console, programs).run(prepare))
    except CannotStart as error:
        console.print(f"safelight: {error}", style="bold red", highlight=False, markup=False, soft_wrap=True)
        return 1


@contextmanager
def _private_socket(settings: Settings, data_dir: Path) -> Iterator[Path | None]:
    if settings.redis_url is not None:
        yield None
        return
    with socket_folder(data_dir) as folder:
        yield folder / "redis.sock"


def _complete(settings: Settings, data_dir: Path, redis_socket: Path | None) -> Settings:
    """The settings with everything filled in that only the supervisor knows."""
    found: dict[str, object] = {"data_dir": data_dir}
    if settings.secret is None:
        found["secret"] = SecretStr(read_or_make_secret(data_dir))
    if redis_socket is not None:
        found["redis_url"] = f"unix://{redis_socket}"
    if sys.platform != "linux":
        found["allow_unsandboxed"] = True
    return settings.model_copy(update=found)


class _Supervisor:
    """The children, and what they are given."""

    def __init__(
        self,
        settings: Settings,
        redis_socket: Path | None,
        console: Console,
        programs: Mapping[str, tuple[str, ...]],
    ) -> None:
        self._settings = settings
        self._redis_socket = redis_socket
        self._console = console
        self._programs = programs
        self._lifeline = Lifeline.make()
        self._exits = ExitWatch()
        self._stop = asyncio.Event()
        self._fault: str | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._metrics_dir = settings.data_dir / "metrics"
        self._redis: Child | None = None
        self._own: list[Child] = []
        self._is_up = False
        self._is_ending = False
        self._new_key: str | None = None

    async def run(self, prepare: Prepare) -> int:
        """Start everything in order, then wait for the end and end it in reverse."""
        self._exits.install()
        self._watch_signals()
        try:
            if await self._finishes(self._start_redis()):
                await self._serve(prepare)
        finally:
            await self._end()
        if self._fault is not None:
            self._say(self._fault)
        return 0 if self._fault is None else 1

    async def _serve(self, prepare: Prepare) -> None:
        if await self._finishes(self._prepare(prepare)) and await self._finishes(self._start_own()):
            self._is_up = True
            with _UNHEARD:
                show_addresses(self._console, self._settings, key=self._new_key)
            await self._stop.wait()

    def _watch_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._on_signal)
        end_with_terminal(self._on_signal, otherwise=lambda: self._say("SIGHUP: no file needs to be read again."))

    def _on_signal(self) -> None:
        if self._stop.is_set():  # asked a second time: no more patience
            for child in self._children():
                child.kill()
        self._stop.set()

    async def _finishes(self, work: Awaitable[None]) -> bool:
        """Do it, unless the end is asked for first; then False."""
        doing, stopping = asyncio.ensure_future(work), asyncio.ensure_future(self._stop.wait())
        await asyncio.wait((doing, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not doing.done():
            await end_tasks([doing])
            return False
        await doing
        return True

    async def _prepare(self, prepare: Prepare) -> None:
        self._say("Bringing the database up to date …")
        self._new_key = await prepare(self._settings)
        with _UNHEARD:
            show_key(self._console, self._new_key)

    async def _start_redis(self) -> None:
        if self._redis_socket is None:
            await check_redis(self._settings.redis_url or "")
            return
        binary = find_redis_server()
        if binary is None:
            raise CannotStart("No redis-server found: `make run` installs one; or set SAFELIGHT_REDIS_URL.")
        command = redis_command(binary, self._redis_socket, self._settings.data_dir)
        hopeless = asyncio.Event()
        watch = BrokenQueueWatch(self._settings.data_dir, self._say)
        endings = itertools.count(1)

        def note_end(ending: Ending) -> None:
            watch.note_end(ending)
            if next(endings) == _REDIS_STARTS:
                hopeless.set()

        self._redis = self._keep("redis", command, prepare=self._prepare_redis, on_end=note_end)
        if not await self._redis_answers(self._redis_socket, hopeless):
            raise CannotStart(f"The private Redis does not start: {self._redis.program.last_words()}")

    def _prepare_redis(self) -> None:
        assert self._redis_socket is not None
        for folder in (self._settings.data_dir / "redis", self._redis_socket.parent):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._redis_socket.unlink(missing_ok=True)

    @staticmethod
    async def _redis_answers(socket_path: Path, hopeless: asyncio.Event) -> bool:
        answering = asyncio.ensure_future(wait_for_redis(socket_path))
        giving_up = asyncio.ensure_future(hopeless.wait())
        await asyncio.wait((answering, giving_up), return_when=asyncio.FIRST_COMPLETED)
        answers = answering.done() and answering.exception() is None
        await end_tasks([answering, giving_up])
        return answers

    async def _start_own(self) -> None:
        # Counters begin at 0 with each start of all.
        shutil.rmtree(self._metrics_dir, ignore_errors=True)
        self._say("Starting the API and the worker …")
        self._own = [self._keep(name, command) for name, command in self._programs.items()]
        ready = asyncio.ensure_future(wait_until_ready(self._settings.host, self._settings.port))
        deaths = {asyncio.ensure_future(child.died.wait()): child for child in self._own}
        await asyncio.wait((ready, *deaths), return_when=asyncio.FIRST_COMPLETED)
        for waiting in (ready, *deaths):
            waiting.cancel()
        for death, child in deaths.items():
            if death.done() and not death.cancelled():
                log_path = child.program.log_path
                raise CannotStart(f"{child.program.name} cannot start: {child.program.last_words()} (log: {log_path})")
        if ready.done() and not ready.cancelled():
            self._say(await ready)

    def _keep(
        self,
        name: str,
        command: tuple[str, ...],
        *,
        prepare: Callable[[], None] = lambda: None,
        on_end: Callable[[Ending], None] = lambda _ending: None,
    ) -> Child:
        program = Program(name, command, self._environment(name), self._settings.data_dir / "logs" / f"{name}.log")
        child = Child(program, self._lifeline, self._exits, self._report, prepare, on_end)
        task = asyncio.create_task(child.keep_running(), name=f"keep-{name}")
        task.add_done_callback(self._on_task_end)
        self._tasks.append(task)
        return child

    def _on_task_end(self, task: "asyncio.Task[None]") -> None:
        """End everything if a task ends that supervises a part: nothing else would start that part again."""
        if self._is_ending or self._stop.is_set() or task.cancelled():
            return
        self._fault = f"safelight: {task.get_name()} ended by a fault of the supervisor: {task.exception()!r}"
        self._stop.set()

    def _environment(self, name: str) -> dict[str, str]:
        settings, environment = self._settings, dict(os.environ)
        assert settings.secret is not None
        environment["SAFELIGHT_DATA_DIR"] = str(settings.data_dir)
        environment["SAFELIGHT_SECRET"] = settings.secret.get_secret_value()
        environment["SAFELIGHT_REDIS_URL"] = settings.redis_url or ""
        environment["SAFELIGHT_ALLOW_UNSANDBOXED"] = "1" if settings.allow_unsandboxed else "0"
        # One address shows the figures of all: each process writes its own into a file here.
        environment[SHARED_METRICS_VARIABLE] = str(self._metrics_dir)
        environment["PYTHONUNBUFFERED"] = "1"
        if name == "redis":
            return {"PATH": environment.get("PATH", "")}
        return environment

    def _children(self) -> list[Child]:
        return [*self._own, *([self._redis] if self._redis else [])]

    async def _end(self) -> None:
        self._is_ending = True
        if self._stop.is_set():
            self._say("Stopping …")
        await asyncio.gather(*(child.stop(_GRACE_S) for child in self._own))
        if self._redis is not None:
            await self._redis.stop(_REDIS_GRACE_S)
        await end_tasks(self._tasks)

    def _report(self, text: str) -> None:
        # A start that fails is told in one line, by whoever finds out first.
        if self._is_up or self._stop.is_set():
            self._say(text)

    def _say(self, text: str) -> None:
        with _UNHEARD:
            if text:
                self._console.print(text, style="dim", highlight=False, markup=False, soft_wrap=True)
