"""A lock wrapper of the usual kind on kazoo, and a hand-over among threads; measured beside Holdfast.

  kazoo_lock.py run HOSTS PATH -- CMD…      acquires, then runs CMD as a child
  kazoo_lock.py handover HOSTS PATH N TIMES prints one hand-over time in milliseconds per line
"""
import subprocess
import sys
import threading
import time

from kazoo.client import KazooClient


def connect(hosts):
    client = KazooClient(hosts=hosts, timeout=10.0)
    client.start()
    return client


def run(hosts, path, command):
    client = connect(hosts)
    with client.Lock(path, "bench"):
        child = subprocess.Popen(command)
        import signal
        signal.signal(signal.SIGTERM, lambda *_: child.kill())
        child.wait()
    client.stop()


def handover(hosts, path, candidates, times):
    released_at = [None]
    left = [times + 1]
    done = threading.Event()

    def candidate():
        client = connect(hosts)
        lock = client.Lock(path, "bench")
        while not done.is_set():
            lock.acquire()
            now = time.monotonic()
            if done.is_set():
                return
            if released_at[0] is not None:
                print((now - released_at[0]) * 1000, flush=True)
            left[0] -= 1
            if left[0] <= 0:
                done.set()
                return
            time.sleep(0.05)
            released_at[0] = time.monotonic()
            lock.release()

    for _ in range(candidates):
        threading.Thread(target=candidate, daemon=True).start()
    done.wait()


if __name__ == "__main__":
    verb, hosts, path, rest = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]
    if verb == "run":
        run(hosts, path, rest[1:])
    else:
        handover(hosts, path, int(rest[0]), int(rest[1]))
