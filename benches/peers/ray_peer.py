"""Ray: a head node on this machine with two worker processes of one core each."""

import common
import ray


@ray.remote(num_cpus=1)
def nothing():
    return None


@ray.remote(num_cpus=1)
def work(plan, steps):
    common.plan = plan
    common.spin(steps)


plan = common.plan
# Ray's sockets lie there, whose names may have some hundred bytes.
own = {"_temp_dir": plan["scratch"]} if len(plan["scratch"]) < 40 else {}
ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error", **own)
try:
    shipped = ray.put({"library": plan["library"]})
    common.measure(
        lambda tasks: ray.get([nothing.remote() for _ in range(tasks)]),
        lambda: ray.get(nothing.remote()),
        lambda steps, tasks: ray.get([work.remote(shipped, steps) for _ in range(tasks)]),
    )
finally:
    ray.shutdown()
