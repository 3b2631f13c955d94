from __future__ import annotations

import json
import socket
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from streamplay.server import memory
from tests.support.server import asking, running

READERS = 40
MB = 1 << 20


def resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_clients_that_do_not_read_cost_little_and_their_memory_comes_back() -> None:
    sentence = "The quick brown fox jumps over the lazy dog, and says something rather long. "
    body = json.dumps(asking(sentence.replace(".", ",") * 3 + sentence * 12)).encode()
    head = b"POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
    with running() as server:
        where = urlsplit(server.base_url)
        assert server.pid is not None
        assert where.hostname is not None
        httpx.post(f"{server.base_url}/audio/speech", json=asking(sentence))  # all is loaded then
        idle = resident(server.pid)
        readers = []
        for _ in range(READERS):
            reader = socket.socket()
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            reader.connect((where.hostname, where.port))
            reader.sendall(head % len(body) + body)
            readers.append(reader)
        for reader in readers:
            while b"data: " not in reader.recv(4096, socket.MSG_PEEK):
                time.sleep(0.01)
        held = resident(server.pid) - idle
        for reader in readers:
            reader.close()
        until = time.monotonic() + 60  # a busy machine
        while (left := resident(server.pid) - idle) > READERS * MB and time.monotonic() < until:
            time.sleep(0.1)
    # It was 2 to 3.5 MB a client, while they were there and after they had left.
    assert held < READERS * 1.5 * MB
    assert left <= READERS * MB


def test_memory_can_be_given_back_on_every_system(monkeypatch: pytest.MonkeyPatch) -> None:
    memory.give_back()
    monkeypatch.setattr(sys, "platform", "darwin")
    memory._trim.cache_clear()
    memory.give_back()
    memory._trim.cache_clear()
