"""HyperQueue with two workers of one core. Its tasks are processes; its client asks once a second whether a job has ended,
so the end is taken from what the last task wrote."""

import os
import time
from pathlib import Path

import common
from hyperqueue import Job, LocalCluster
from hyperqueue.cluster import WorkerConfig

LINE = 17


def main():
    plan = common.plan
    scratch = Path(plan["scratch"])
    with LocalCluster(server_dir=str(scratch / "hq")) as cluster:
        for _ in range(2):
            cluster.start_worker(WorkerConfig(cores=1))
        client = cluster.client()
        jobs = iter(range(1_000_000))

        def run(steps, tasks):
            ended = scratch / f"ended-{next(jobs)}"
            job = Job(default_workdir=scratch)
            for _ in range(tasks):
                job.program([plan["program"], str(steps), str(ended)], stdout=None, stderr=None)
            began = time.time()
            submitted = client.submit(job)
            while not ended.exists() or os.path.getsize(ended) < LINE * tasks:
                time.sleep(0.01)
            last = max(int(line) for line in ended.read_text().split())
            client.wait_for_jobs([submitted])
            client.forget(submitted)
            return last / 1e6 - began

        common.measure(lambda tasks: run(0, tasks), None, run)


if __name__ == "__main__":
    main()
