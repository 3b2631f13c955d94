"""Runs vLLM-Omni's own request function for speech, on vLLM's own schedule: in their environment.

    python vllm_client.py '{"url": …, "texts": […], "rate": …, "concurrency": …}'

Both come from their published packages, unchanged and without what a GPU needs: what their modules
import besides, and what measures nothing, is replaced by empty stand-ins. Printed: a JSON list, an
entry for each request.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import sys
import types
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

# What takes part in the measurement is theirs; packages whose own __init__ loads an engine are
# entered without it.
_THEIRS = (
    "vllm.benchmarks.lib.endpoint_request_func",
    "vllm.benchmarks.serve",
    "vllm_omni.benchmarks.patch.patch",
    "vllm_omni.benchmarks.audio_continuity",
    "vllm_omni.metrics.definitions",
    "vllm_omni.metrics.utils",
)


class _Nothing(type):
    """A class that may be subclassed, called, indexed and asked for anything."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Empty

    def __getitem__(cls, _: Any) -> Any:
        return cls

    def __or__(cls, _: Any) -> Any:
        return cls

    def __ror__(cls, _: Any) -> Any:
        return cls

    def __iter__(cls) -> Any:
        return iter(())


class _Empty(metaclass=_Nothing):
    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Empty

    def __call__(self, *_: Any, **__: Any) -> Any:
        return self


class _StandIn(types.ModuleType):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__path__ = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        whole = f"{self.__name__}.{name}"
        return import_module(whole) if whole in _THEIRS else _Empty


class _Finder(MetaPathFinder, Loader):
    """Finds their own modules as files, and a stand-in for all else of theirs, and of engines."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        del path, target
        top = name.partition(".")[0]
        if name in _THEIRS:
            file = _site() / Path(*name.split("."))
            return importlib.util.spec_from_file_location(name, file.with_suffix(".py"))
        if top in {"vllm", "vllm_omni", "torch", "transformers", "prometheus_client"}:
            return ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec: ModuleSpec) -> types.ModuleType:
        return _StandIn(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        pass


def _site() -> Path:
    return next(Path(folder) for folder in sys.path if (Path(folder) / "vllm_omni").is_dir())


async def run(asked: dict[str, Any]) -> list[dict[str, Any]]:
    """Make all requests; return what their function measured of each."""
    import aiohttp

    shapes, serve, patch = (import_module(name) for name in _THEIRS[:3])
    send = patch.async_request_openai_audio_speech
    limit = asked.get("concurrency")
    semaphore = asyncio.Semaphore(limit) if limit else contextlib.nullcontext()

    async def one(text: str) -> Any:
        request = shapes.RequestFuncInput(
            prompt=text, api_url=asked["url"], prompt_len=1, output_len=1, model="model"
        )
        async with semaphore:  # as in their `benchmark`
            return await send(request, session=session)

    texts = [_Request(text) for text in asked["texts"]]
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=limit or 0, limit_per_host=limit or 0)
    ) as session:
        rate = asked.get("rate") or float("inf")
        tasks = [
            asyncio.create_task(one(each[0].text))
            async for each in serve.get_request(texts, rate, burstiness=float("inf"))
        ]
        return [
            {
                "ok": done.success,
                "first_byte": 1000 * done.audio_ttfp,
                "total": 1000 * done.latency,
                "rtf": done.audio_rtf,
                "continuous": done.audio_continuity_ok,
                "error": done.error,
            }
            for done in await asyncio.gather(*tasks)
        ]


class _Request:
    """What `get_request` asks of a sample."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.timestamp = None


if __name__ == "__main__":
    sys.meta_path.insert(0, _Finder())
    print(json.dumps(asyncio.run(run(json.loads(sys.argv[1])))))
