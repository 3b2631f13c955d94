"""The examples run as they are printed; scripts/check holds their types."""

from __future__ import annotations

import json
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.programs import started
from tests.support.speaking import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.nullsink import NullSink

pytestmark = pytest.mark.no_cover

ROOT = Path(__file__).parent.parent.parent
EXAMPLES = ROOT / "docs" / "examples"
ANSWER = "It is five. Or a little later."


class Chat(BaseHTTPRequestHandler):
    """Answers every request with the same tokens, as a chat endpoint streams them."""

    asked: list[dict[str, Any]]

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        self.asked.append(json.loads(self.rfile.read(length)) | {"path": self.path})
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for word in ANSWER.split():
            event = {"choices": [{"delta": {"content": word + " "}}]}
            self.wfile.write(f"data: {json.dumps(event)}\n\n".encode())
        self.wfile.write(b'data: {"choices":[{"delta":{"content":null}}]}\n\ndata: [DONE]\n\n')

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def chat() -> Iterator[str]:
    """A chat endpoint of which we know every answer."""
    Chat.asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Chat)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.usefixtures("null_sink")
def test_the_assistant_stops_when_someone_talks_and_remembers_what_was_heard() -> None:
    with started(str(EXAMPLES / "assistant.py")) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline().startswith("Type something")
        process.stdin.write("Hello?\n")
        process.stdin.flush()
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(2.5)  # it speaks: longer than this, for its answer takes nine seconds
        process.stdin.write("Stop.\n")
        process.stdin.flush()
        first = process.stdout.readline()
        rest, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, errors
    assert first.startswith("assistant: Hello!")
    assert first.endswith(" …\n")
    assert "stop at once" not in first
    assert rest.startswith("assistant: You cut in")
    assert rest.endswith("every frame that was played.\n")


def test_the_chat_speaks_what_an_endpoint_answers(chat: str, null_sink: NullSink) -> None:
    with started(
        str(EXAMPLES / "chat.py"), "some-model", "--local", OPENAI_BASE_URL=chat
    ) as process:
        said, errors = process.communicate("What time is it?\n", timeout=PATIENCE)
    assert process.returncode == 0, errors
    assert said == f"assistant: {ANSWER}\n"
    (asked,) = Chat.asked
    assert asked["path"] == "/v1/chat/completions"
    assert asked["messages"] == [{"role": "user", "content": "What time is it?"}]
    assert (asked["model"], asked["stream"]) == ("some-model", True)


@pytest.mark.usefixtures("null_sink")
def test_a_text_can_be_followed_and_its_rest_be_said() -> None:
    with started(str(EXAMPLES / "follow.py")) as process:
        said, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, errors
    lines = said.splitlines()
    link = "(https://me:secret@example.com/page), *now*."
    assert lines[0] == f"**[Stop]** [this, please]{link}"
    assert f"**Stop** [this, [please]]{link}" in lines
    history, rest = said.partition("history: ")[2].split("\nthe rest: ")
    assert history.startswith("**Stop** [this,")
    assert history + rest == f"**Stop** [this, please]{link}\n\n1. Say the rest.\n"


def test_every_example_is_run_here() -> None:
    here = Path(__file__).read_text(encoding="utf-8")
    assert all(f'"{path.name}"' in here for path in EXAMPLES.glob("*.py"))
