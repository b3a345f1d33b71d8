"""Dask's distributed scheduler with two worker processes of one thread each."""

import common
from dask.distributed import Client, LocalCluster, wait


def nothing(_):
    return None


def work(number, steps, plan):
    common.plan = plan
    common.spin(steps)


def main():
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    options |= {"memory_limit": 0, "local_directory": common.plan["scratch"], "silence_logs": 50}
    with LocalCluster(**options) as cluster, Client(cluster) as client:
        plan = {"library": common.plan["library"]}

        def curve(steps, tasks):
            wait(client.map(work, range(tasks), steps=steps, plan=plan, pure=False))

        common.measure(
            lambda tasks: wait(client.map(nothing, range(tasks), pure=False)) and None,
            lambda: client.submit(nothing, 0, pure=False).result(),
            curve,
        )


if __name__ == "__main__":
    main()
