"""Runs the jobs of a part on the machine's cores; what is finished is kept, what is kept is not run again."""

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from threadpoolctl import threadpool_limits

from polyspike.experiments.reproduce.columns import Row
from polyspike.experiments.reproduce.folder import Folder
from polyspike.experiments.reproduce.jobs import Job, Rows
from polyspike.experiments.threads import workers_that_fit

__all__ = ["merge", "run_jobs"]

POLL = 0.2
"""Seconds after which a waiting main thread looks up, so that an interrupt is seen at once."""


def run_jobs(
    jobs: Sequence[Job], folder: Folder, advance: Callable[[float], None], workers: int | None = None
) -> dict[str, list[Row]]:
    """Rows of all jobs by table, in the order of the plan, whatever the order in which they finished.

    Threads, one BLAS thread each: the work is matrix products, factorisations and elementwise maps, which
    release the interpreter. On an interrupt the jobs that wait are dropped and those at work are finished and kept.

    Parameters
    ----------
    jobs : sequence of Job
    folder : Folder
        Where finished jobs are kept.
    advance : callable
        Told the cost of every job that is done.
    workers : int, optional
        Threads; one a core by default.
    """
    done: dict[int, Rows] = {}
    for i, job in enumerate(jobs):
        rows = folder.read(job)
        if rows is not None:
            done[i] = rows
            advance(job.cost)
    missing = [i for i in range(len(jobs)) if i not in done]
    with threadpool_limits(limits=1), ThreadPoolExecutor(workers_that_fit(workers)) as pool:
        futures = {pool.submit(_run, jobs[i], folder): i for i in missing}
        try:
            _collect(futures, jobs, done, advance)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)  # where all is collected, there is nothing to cancel
    return merge([done[i] for i in range(len(jobs))])


def _run(job: Job, folder: Folder) -> Rows:
    rows = job.run()
    folder.keep(job, rows)
    return rows


def _collect(
    futures: dict[Future[Rows], int],
    jobs: Sequence[Job],
    done: dict[int, Rows],
    advance: Callable[[float], None],
) -> None:
    waiting = set(futures)
    while waiting:
        finished, waiting = wait(waiting, timeout=POLL, return_when=FIRST_COMPLETED)
        for future in finished:
            i = futures[future]
            done[i] = future.result()
            advance(jobs[i].cost)


def merge(parts: Sequence[Rows]) -> dict[str, list[Row]]:
    """The rows of many jobs, by table, in their order."""
    names = dict.fromkeys(name for part in parts for name in part)
    return {name: [row for part in parts for row in part.get(name, [])] for name in names}
