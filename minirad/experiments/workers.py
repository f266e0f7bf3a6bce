"""Processes that compute for a sweep: worker processes on this machine, or a Dask cluster.

Both are executors in the sense of concurrent.futures. A task whose process dies is given to another one. When it has
taken ATTEMPTS processes along, its future raises the error that ``Crew.death`` names.
"""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from importlib import import_module
from multiprocessing import get_context, resource_tracker
from queue import SimpleQueue
from threading import Lock, RLock, Thread
from typing import Any, NamedTuple

from minirad.experiments.results import code

ATTEMPTS = 3
PATIENCE = 30  # s to wait for a scheduler, and for its first worker


class Crew(NamedTuple):
    """Who computes.

    Attributes:
        title: who that is, in words.
        executor: takes the tasks.
        width: how many tasks to have with it at a time.
        death: raised by a task that took its processes along.
    """

    title: str
    executor: Executor
    width: Callable[[], int]
    death: type[BaseException]


@contextmanager
def local_crew(workers: int) -> Iterator[Crew]:
    """Worker processes on this machine. They are gone at the end, and when this process dies."""
    executor = WorkerProcesses(workers)
    try:
        # Twice as many: the next task is there when a worker is free.
        yield Crew(_count(workers, "worker process", "es"), executor, lambda: 2 * workers, BrokenExecutor)
    finally:
        executor.shutdown()


@contextmanager
def dask_crew(address: str, workers: int) -> Iterator[Crew]:
    """The workers of a Dask scheduler: at its address, or ``local`` for some that are started here and go at the end.

    Raises:
        ImportError: dask.distributed is missing.
        OSError: there is no scheduler, it has no workers, or they have another version of minirad's source.
    """
    distributed = dask_distributed()
    for name in logging.root.manager.loggerDict:
        if name.startswith(("distributed", "tornado")):
            logging.getLogger(name).setLevel(logging.CRITICAL)  # what matters comes as an exception
    with _cluster(distributed, workers) if address == "local" else nullcontext() as cluster:
        try:
            client = distributed.Client(cluster or address, timeout=PATIENCE)
        except OSError:
            raise OSError(f"--dask: there is no scheduler at {address}") from None
        with client:
            try:
                client.wait_for_workers(1, timeout=PATIENCE)
            except TimeoutError:
                raise OSError(f"--dask: the scheduler at {address} has no workers") from None
            _check_code(client, address)
            title = f"Dask: {address}, {_count(len(client.nthreads()), 'worker')}"

            def width() -> int:
                """A task for each process: of several on one that dies, Dask would suspect each."""
                try:
                    return max(1, len(client.nthreads()))
                except OSError as error:
                    raise gone(title, error) from None

            yield Crew(title, client.get_executor(pure=False), width, distributed.KilledWorker)


def gone(title: str, error: BaseException) -> OSError:
    """What to raise when a crew can't go on."""
    return OSError(f"{title}: {type(error).__name__}: {error}; the same command goes on from here")


def dask_distributed() -> Any:
    """The package, or an ImportError that says how to get it."""
    try:
        return import_module("distributed")
    except ImportError:
        raise ImportError(
            "--dask needs dask.distributed: it is in minirad[sweep] (in a clone: pip install -e '.[lab,sweep]')"
        ) from None


@contextmanager
def _cluster(distributed: Any, workers: int) -> Iterator[Any]:
    with import_module("dask").config.set({"distributed.scheduler.allowed-failures": ATTEMPTS - 1}):
        with _ctrl_c_blocked():  # the thread that starts the workers, now and later, is begun here
            cluster = distributed.LocalCluster(
                n_workers=workers, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0",
                silence_logs=logging.CRITICAL,
            )  # fmt: skip
        with cluster:
            yield cluster


def _check_code(client: Any, address: str) -> None:
    found = client.run(code, on_error="return")
    for answer in found.values():
        if isinstance(answer, ImportError):
            raise OSError(f"--dask: the workers at {address} can't import minirad: {answer}")
    if others := [worker for worker, its in found.items() if its != code() and not isinstance(its, OSError)]:  # it died
        raise OSError(f"--dask: other source of minirad than here at {', '.join(sorted(others))}")


def _count(n: int, what: str, plural: str = "s") -> str:
    return f"{n} {what}{plural if n != 1 else ''}"


class WorkerProcesses(Executor):
    """A pool of processes in which one that dies takes only its own task along, which then is tried again.

    (With a single ProcessPoolExecutor, the others' tasks would fail too, and nobody could tell whose fault it was.)
    Each thread here stands for a process, which is started when it gets its first task.
    """

    def __init__(self, workers: int) -> None:
        self._threads = ThreadPoolExecutor(workers, "minirad-worker")
        self._workers: list[_Worker] = [_Worker() for _ in range(workers)]
        self._idle: SimpleQueue[_Worker] = SimpleQueue()
        for worker in self._workers:
            self._idle.put(worker)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Have fn(*args, **kwargs) called in a worker process."""
        with _ctrl_c_blocked():  # a thread may be begun here, and it then begins a process
            return self._threads.submit(self._call, fn, *args, **kwargs)

    def _call(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        worker = self._idle.get()
        try:
            for _ in range(ATTEMPTS - 1):
                with suppress(BrokenExecutor):
                    return worker.call(fn, *args, **kwargs)
            return worker.call(fn, *args, **kwargs)
        finally:
            self._idle.put(worker)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = True) -> None:
        """End the processes, whatever they do."""
        self._threads.shutdown(wait=False, cancel_futures=cancel_futures)
        for worker in self._workers:
            worker.end()
        self._threads.shutdown(wait=wait)


class _Worker:
    """A process that takes one task after another, until this process ends it, or is itself gone."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._ended = False
        self._pool: ProcessPoolExecutor | None = None
        self._life: Any = None  # our end of a pipe: when it is closed, by us or by our death, the process leaves
        self._task: Future[Any] | None = None

    def call(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        try:
            with self._lock:
                self._task = self._started().submit(fn, *args, **kwargs)
            return self._task.result()
        except BrokenExecutor:
            self._stop()
            raise

    def end(self) -> None:
        with self._lock:
            self._ended = True
        self._stop()

    def _started(self) -> ProcessPoolExecutor:
        if self._ended:
            raise BrokenExecutor("the pool was shut down")
        if self._pool is None:
            context = get_context("spawn")
            theirs, self._life = context.Pipe(duplex=False)
            self._pool = ProcessPoolExecutor(1, context, _begin, (theirs,))
        return self._pool

    def _stop(self) -> None:
        with self._lock:
            pool, life, self._pool, self._life = self._pool, self._life, None, None
        if pool is not None:
            if self._task is not None and not self._task.done():
                life.close()
            pool.shutdown(cancel_futures=True)
            life.close()


@contextmanager
def _ctrl_c_blocked() -> Iterator[None]:
    """Threads and processes begun inside get no ctrl-C. It goes to all of a terminal, but is for the main one."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # multiprocessing's own: when it is begun by a thread, it unblocks ctrl-C there
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(life: Any) -> None:
    """What a worker process does first."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(ImportError):  # tqdm's own lock is known to the system, and would outlive a process that is killed
        import_module("tqdm").tqdm.set_lock(RLock())
    Thread(target=_leave_with, args=(life,), daemon=True).start()


def _leave_with(life: Any) -> None:
    with suppress(EOFError, OSError):
        life.recv()
    os._exit(1)
