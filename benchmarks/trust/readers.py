"""Every reader of foreign input, as a function of bytes that raises typed errors only."""

from __future__ import annotations

import contextlib
import os
import tempfile
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from benchmarks.trust import seeds
from benchmarks.trust.seeds import book_with, events_with

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamplay.cli.parser import Parser

Kind = Literal["json", "toml", "text", "bytes"]


@dataclass(frozen=True, slots=True)
class Reader:
    """One reader.

    Parameters
    ----------
    kind : {'json', 'toml', 'text', 'bytes'}
        What it reads: JSON and TOML are also damaged value by value.
    read : callable
        Takes the input whole.
    seeds : tuple of bytes
        What it reads when all is well.
    """

    kind: Kind
    read: Callable[[bytes], object]
    seeds: tuple[bytes, ...]


_FOLDER: Final = Path(tempfile.mkdtemp(prefix="streamplay-foreign-"))


def _file(data: bytes, suffix: str) -> Path:
    path = _FOLDER / f"input-{os.getpid()}{suffix}"
    path.write_bytes(data)
    return path


def _text(data: bytes) -> str:
    """Return text as the command line and the environment hold it: lone surrogates included."""
    return os.fsdecode(data)


def _trace(data: bytes) -> object:
    from streamplay.policy.jitter import policy
    from streamplay.policy.simulate import play
    from streamplay.trace import load

    trace = load(_file(data, ".jsonl"))
    return play(trace, policy("auto", trace.samplerate)) if trace.arrivals else trace


def _remembered(data: bytes) -> object:
    from streamplay.network.request_shapes import Server
    from streamplay.policy.store import FileMemory

    memory = FileMemory(_file(data, ".json"))
    memory.load()
    memory.learn_server("https://a.example/v1", {"api": "openai"})
    memory.save()
    for facts in memory.servers.values():
        Server().recall(facts)
    return memory


@cache
def _parser(command: str) -> Parser:
    from streamplay.cli import parser

    return parser.build(command)


def _configured(command: str, data: bytes) -> object:
    from streamplay.cli import config, options

    flags = _parser(command)
    args = flags.parse_words(["Hello"] if command == "say" else [])
    content = config.parse(data, "config.toml")
    config.fill_from(content, args, command, flags, "config.toml", environment={})
    return options.for_player(args) if command == "say" else None


def _tables(data: bytes) -> object:
    from streamplay.cli import config

    folder = _FOLDER / "streamplay"
    folder.mkdir(exist_ok=True)
    (folder / "config.toml").write_bytes(data)
    return config.tables({"XDG_CONFIG_HOME": str(_FOLDER)})


def _flag(flag: str, data: bytes) -> object:
    """Read a flag of `say`, and check what it gives as a player would."""
    from streamplay.cli import options
    from streamplay.options import Options

    args = _parser("say").parse_words([f"{flag}={_text(data)}", "Hello"])
    asked = options.for_player(args)
    return Options(**{"voice": "tara", **asked}).request("Hello")


def _extra(data: bytes) -> object:
    from streamplay.cli.options import extra_field
    from streamplay.network.message import content_of
    from streamplay.rules.fields import body_of, request_fields, settled

    name, value = extra_field(_text(data))
    fields = settled(request_fields({"voice": "tara", "extra": {name: value}}, "Hello"))
    return content_of(body_of(fields, "together"))


def _advice(data: bytes) -> object:
    from streamplay.network.retry import read_advice

    value = data.decode("latin-1")
    names = ("retry-after-ms", "retry-after", "x-ratelimit-reset", "date")
    advice = [read_advice({name: value}, 1.7e9) for name in names]
    return [None if each is None else f"{each:.3g}" for each in advice]


def _base_url(data: bytes) -> object:
    from streamplay.network.endpoint import find_endpoint

    endpoint = find_endpoint({"TOGETHER_API_KEY": "k"}, base_url=_text(data))
    return endpoint.port, endpoint.path, endpoint.notice


def _key(data: bytes) -> object:
    from streamplay.network.endpoint import find_endpoint
    from streamplay.network.message import authorization

    return authorization(find_endpoint({"TOGETHER_API_KEY": _text(data)}).api_key)


def _proxy(data: bytes) -> object:
    from streamplay.network.endpoint import find_endpoint
    from streamplay.network.proxies import BrokenProxyError, proxy_for, proxy_settings

    endpoint = find_endpoint({}, base_url="https://a.example/v1")
    with contextlib.suppress(BrokenProxyError):  # the transport raises the typed error of it
        proxy_for(endpoint, proxy_settings({"https_proxy": _text(data)}))
    return proxy_for(endpoint, proxy_settings({"no_proxy": _text(data)}))


def _framing(data: bytes) -> object:
    from streamplay.network.framing import AnswerReader

    reader = AnswerReader()
    for at in range(0, len(data), 4096):
        reader.feed_bytes(data[at : at + 4096])
        reader.check()
    reader.feed_end()
    return reader.headers


def _refusal(data: bytes) -> object:
    from streamplay.network.endpoint import find_endpoint
    from streamplay.network.failures import read_error, refusal, told_limit
    from streamplay.request import SpeechRequest

    endpoint = find_endpoint({}, base_url="http://localhost/v1")
    request = SpeechRequest(input="Hello", voice="tara")
    said = read_error(data, "application/json")
    headers = {"retry-after": "1", "location": data.decode("latin-1")}
    for status in (302, 400, 401, 404, 429, 500):
        str(refusal(status, headers, said, data, endpoint=endpoint, now=0.0, request=request))
    return told_limit(said, 1000)


def _body(content_type: str, data: bytes) -> object:
    from streamplay.audio import AudioFormat
    from streamplay.stream.decoder import Decoder
    from streamplay.stream.wire import Audio, reader_for

    wire = reader_for(content_type, max_event_bytes=1 << 18)
    decoder = Decoder(AudioFormat("pcm_s16le", 24000), "request", content_type=content_type)
    events = [*wire.feed(data), *wire.finish()]
    for event in events:
        if isinstance(event, Audio):
            list(decoder.feed(event.data))
    return list(decoder.finish())


def _sound(data: bytes) -> object:
    from streamplay.audio import AudioFormat
    from streamplay.stream.decoder import Decoder

    decoder = Decoder(AudioFormat("pcm_s16le", 24000), "request", content_type="audio/mpeg")
    for at in range(0, len(data), 4096):
        list(decoder.feed(data[at : at + 4096]))
    return list(decoder.finish())


def _told(data: bytes) -> object:
    from streamplay.stream.declared import told_by_headers

    value = data.decode("latin-1")
    names = ("content-type", "x-sample-rate", "sample-rate", "x-audio-encoding", "x-channels")
    return [told_by_headers({name: value}) for name in names]


def _voices(data: bytes) -> object:
    from streamplay.models import read_models, read_voices
    from streamplay.stream.dialects import parsed

    answer = parsed(data)
    return read_voices(answer), read_voices(answer, "m"), read_models(answer)


def _document(suffix: str, data: bytes) -> object:
    from streamplay.words.books import read_document

    document = read_document(_file(data, suffix))
    return [sentence.text for _, sentence in zip(range(200), document.sentences(), strict=False)]


def _from(data: bytes) -> object:
    from streamplay.words.books import read_document, starting_at

    document = read_document(_file(seeds.MARKDOWN, ".md"))
    return next(starting_at(document, _text(data)))


def _cleaned(data: bytes) -> object:
    from streamplay.words.sources import whole

    return list(whole(_text(data), clean=True))


class _State:
    """The user's files, with one of them foreign."""

    def __init__(self, name: str, data: bytes) -> None:
        from streamplay.cli.user_files import UserFiles

        folder = _FOLDER / "state"
        folder.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)
        self.files = UserFiles(folder, lambda _: None)


def _phrases(data: bytes) -> object:
    from streamplay.cli.phrases import Phrases

    phrases = Phrases({}, _State("phrases.json", data).files, {}, lambda _: None)
    return [phrases.name_of_key(number) for number in range(1, 13)], phrases.texts


def _history(data: bytes) -> object:
    from streamplay.cli.vocabulary import UserHistory, WordCompleter

    lines = UserHistory(_State("history", data).files).read()
    return WordCompleter(lines, {}).words_like("a")


def _unspoken(data: bytes) -> object:
    from streamplay.cli.lines import shortened, unspoken

    return [shortened(text) for text in unspoken(data.decode(errors="replace").splitlines())]


def _places_of_files(data: bytes) -> object:
    from streamplay.cli.reading_file import ReadAloud

    read = ReadAloud.__new__(ReadAloud)
    read._files = _State("places.json", data).files
    return [int(each["start"]) for each in read._places().values()]


def _baseline(data: bytes) -> object:
    from streamplay.bench.baseline import load

    return load(_file(data, ".json"))


def _target(data: bytes) -> object:
    from streamplay.bench.target import read

    return [target.request("A text.") for target in read([_text(data)], {"local": True})]


def _target_file(data: bytes) -> object:
    from streamplay.bench.target import read

    return [t.request("A text.") for t in read([str(_file(data, ".toml"))], {"local": True})]


def _order(data: bytes) -> object:
    from streamplay.server.json_fields import parse
    from streamplay.server.order import read
    from streamplay.server.scenario import Scenario

    order = read(parse(data))
    return Scenario().over(order.scenario) if order.scenario else order


def _event(data: bytes) -> object:
    return _body("text/event-stream", events_with(data))


READERS: Final[dict[str, Reader]] = {
    "arrival trace": Reader("json", _trace, (seeds.TRACE,)),
    "remembered": Reader("json", _remembered, (seeds.LEARNED,)),
    "configuration of say": Reader("toml", partial(_configured, "say"), (seeds.CONFIG,)),
    "configuration of live": Reader("toml", partial(_configured, "live"), (seeds.CONFIG,)),
    "tables of the configuration": Reader("toml", _tables, (seeds.CONFIG,)),
    **{f"say {flag}": Reader("text", partial(_flag, flag), seeds.SAMPLES) for flag in seeds.FLAGS},
    "--extra": Reader("text", _extra, (b'a={"b": [1, "c"]}', b"extra_params={}")),
    "Retry-After": Reader(
        "text", _advice, (b"5", b"6m0s", b"Fri, 31 Dec 2027 23:59:59 GMT", b"1.5")
    ),
    "base URL": Reader("text", _base_url, (b"https://[::1]:8443/v1", b"http://a.example:80/v1")),
    "API key": Reader("text", _key, (b"sk-0123456789",)),
    "proxies": Reader("text", _proxy, (b"socks5://user:pass%40@a.example:1080", b"*.a.example")),
    "HTTP answer": Reader("bytes", _framing, (seeds.ANSWER, seeds.SIZED)),
    "refusal": Reader(
        "json", _refusal, (seeds.SAID, b'{"detail": [{"loc": ["body", "voice"], "msg": "m"}]}')
    ),
    "event": Reader(
        "json", _event, (seeds.EVENT, b'{"data": {"object": "audio.tts.chunk", "b64": "AAAA"}}')
    ),
    "words": Reader(
        "json",
        _event,
        (seeds.WORDS,),
    ),
    "chat": Reader(
        "json",
        _event,
        (seeds.CHAT,),
    ),
    "lines of JSON": Reader("json", partial(_body, "application/x-ndjson"), (seeds.EVENT,)),
    "whole JSON": Reader(
        "json", partial(_body, "application/json"), (b'{"audio_base64": "AAAA"}',)
    ),
    "events": Reader("bytes", partial(_body, "text/event-stream"), (events_with(seeds.EVENT),)),
    "WAVE": Reader("bytes", partial(_body, "audio/wav"), (seeds.WAV,)),
    "mp3 tag": Reader("bytes", _sound, (seeds.MP3,)),
    "lists of voices and models": Reader(
        "json", _voices, (b'{"data": [{"model": "m", "voices": [{"id": "a", "name": "b"}]}]}',)
    ),
    "headers of audio": Reader("text", _told, (b"audio/L16; rate=24000; channels=1", b"24000")),
    "text to be cleaned": Reader("text", _cleaned, (seeds.MARKDOWN, seeds.HTML)),
    "text file": Reader("text", partial(_document, ".txt"), (b"One. Two.\n\nChapter 3\n\nFour.",)),
    "--from": Reader("text", _from, (b"1", b"A heading")),
    "Markdown": Reader("text", partial(_document, ".md"), (seeds.MARKDOWN,)),
    "HTML": Reader("bytes", partial(_document, ".html"), (seeds.HTML,)),
    "EPUB": Reader("bytes", partial(_document, ".epub"), (book_with(),)),
    "page of a book": Reader(
        "bytes", lambda data: _document(".epub", book_with(data.decode("latin-1"))), (seeds.HTML,)
    ),
    "phrases": Reader("json", _phrases, (b'{"a": "b"}',)),
    "history": Reader("json", _history, (b'"a line"\n"another"',)),
    "unspoken lines": Reader("json", _unspoken, (b'["+", 1, "a"]\n["-", 1]',)),
    "reading places": Reader("json", _places_of_files, (b'{"/a": {"sentence": 3, "start": 9}}',)),
    "baseline": Reader("json", _baseline, (seeds.RESULT,)),
    "target": Reader(
        "text", _target, (b"model=m,voice=v,speed=1.5", b"name=x,sample_rate=24000,voice=y")
    ),
    "targets' file": Reader(
        "toml", _target_file, (b'[a]\nvoice = "v"\nspeed = 1.5\nlocal = true\n',)
    ),
    "order of the server": Reader("json", _order, (seeds.ORDER,)),
}
