"""What a Locust user is written like for a speech server: a request, and its response time.

Run by `benchmarks.beside` with Locust's own Python; the load is told by the environment. Each user
makes `RATE` divided by the number of users requests a second, when it is not waiting for an answer.
"""

import itertools
import os

from locust import FastHttpUser, constant_throughput, task

_TEXTS = itertools.count()
_USERS = int(os.environ["BESIDE_USERS"])
_RATE = float(os.environ["BESIDE_RATE"])
_REQUESTS = int(os.environ["BESIDE_REQUESTS"])


class Speaker(FastHttpUser):
    """Says one sentence after another."""

    wait_time = constant_throughput(_RATE / _USERS if _RATE else 1e6)

    @task
    def say(self) -> None:
        """Make one request; end when all have been made."""
        number = next(_TEXTS)
        if number >= _REQUESTS:
            self.environment.runner.quit()
            return
        body = {"model": "model", "input": f"This is request number {number}."}
        self.client.post("/v1/audio/speech", json=body)
