"""Texts in which nothing may be cut in some places, and a model that writes them, in virtual time.

What must stay whole stands between ⟦ and ⟧: numbers, prices, dates, versions, addresses,
abbreviations, runs of marks.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from streamplay.words.passage import SpokenText
from streamplay.words.preparation import preparation
from streamplay.words.text import SentenceCutter

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamplay.words.passage import Said

SPEEDS: Final = (0.05, 0.2, 0.35, 0.5, 1.2)
"""Seconds a token: 20 tokens/s, and down to a model that is slower than any one would wait for."""

TEXTS: Final = {
    "en": [
        "The value of pi is about ⟦3.14159⟧, they say, and it goes on for ever.",
        "It costs only ⟦$19.99⟧ per month, or ⟦$1,234.50⟧ for all of it.",
        "Please go to ⟦example.com⟧ and look at ⟦https://example.com/a/b?c=1&d=2.5#e⟧ too.",
        "Use ⟦Node.js⟧ or the ⟦U.S.⟧ site at ⟦9 a.m.⟧ today, I beg you.",
        "The meeting starts today at ⟦10:30⟧ in room B, and ends at ⟦12:45:30⟧.",
        "He ran⟦...⟧ Wait⟦...⟧ what⟦?!⟧ No⟦!!!⟧ Really⟦?⟧ Yes.",
        "We met on ⟦May 3, 2026⟧ and again on ⟦2026-11-28⟧, then on ⟦11/28/2026⟧.",
        "On ⟦Friday, 28 November 2026⟧ we will all go there together, I think.",
        "Upgrade to version ⟦v2.10.3-rc.1⟧ of ⟦Python 3.12.4⟧ before you begin.",
        "Write to ⟦first.last+tag@mail.example.co.uk⟧ and wait for the answer.",
        "Open ⟦/home/me/notes.v2/todo.txt⟧ or ⟦C:\\Users\\me\\x.txt⟧ in the editor.",
        "Dial ⟦+1 (555) 123-4567⟧ or ⟦555 0199⟧ when you are there.",
        "The server at ⟦192.168.1.10:8080⟧ is down, and so is ⟦[::1]:80⟧, it seems.",
        "See ⟦No. 5⟧ and ⟦Fig. 3.2⟧ on ⟦p. 47⟧ of the book that I gave you.",
        "⟦Dr. Smith⟧ lives at ⟦221B⟧ Baker Street with ⟦Mr. J. R. Holmes⟧ of London.",
        "About ⟦1,000,000⟧ people, or ⟦12.5%⟧ of them, said so in ⟦1999.⟧ Then they left.",
        "The ratio is ⟦16:9⟧, the sum is ⟦2+2=4⟧ and the product ⟦2*3*4⟧, of course.",
        'I said ⟦"Stop!"⟧ and then he went away without a single word to me.',
        "Bring apples, pears, e.g. ⟦3.5 kg⟧ of them, i.e. about ⟦7 lb⟧, if you can.",
        "The temperature is ⟦-12.5 °C⟧ outside, which is ⟦9.5 °F⟧ for you.",
        "At ⟦7:05 p.m.⟧ the ⟦B-52⟧ and the ⟦A320neo⟧ landed on runway ⟦27L⟧.",
        "Between ⟦1914–1918⟧ and ⟦1939-45⟧ there was peace, more or less, in Europe.",
        "Read ⟦Rev. 3:16⟧, ⟦§ 4.2⟧ and ⟦ISO 8601⟧ before the meeting that we have.",
        "It was ⟦3.⟧ Then it was ⟦4.⟧ Now it is ⟦5.⟧",
        "Go to ⟦10 Downing St.⟧ and ask for ⟦Lt. Col. Smith⟧ or ⟦King Jr.⟧ in person.",
        "Use ⟦f(x, y)⟧ or ⟦a[0].b⟧ there, ⟦3 ½ cups⟧ of it, and ⟦1'234'567⟧ in all.",
    ],
    "de": [
        "Die Temperatur ist heute ⟦22,1 Grad⟧, sagen sie, und morgen ⟦19,5⟧.",
        "Er wurde am ⟦3. Mai 1987⟧ geboren und lebt seit dem ⟦1. Januar⟧ in Wien.",
        "Das kostet ⟦1.234,56 €⟧ im Jahr, also ⟦99,90 Euro⟧ im Monat, immerhin.",
        "Wir treffen uns am ⟦Freitag, 28. November⟧ um ⟦10:30 Uhr⟧ vor dem Haus.",
        "Siehe ⟦Nr. 7⟧, ⟦Abb. 3⟧ und ⟦S. 12⟧ in dem Buch, das ich dir gab.",
        "Im ⟦1. und 2. Stock⟧ sind es ⟦3 ½ Stunden⟧ und ⟦2,5 Mio. Euro⟧ für alles.",
        "Die Firma aus dem ⟦19. Jahrhundert⟧ hat ⟦z. B.⟧ auch Uhren gebaut.",
        "Schau auf ⟦www.beispiel.de/seite?a=1,5⟧ nach, bevor du ihm schreibst.",
        "Wie bitte⟦?!⟧ Das kann nicht sein⟦...⟧ Doch⟦!⟧",
        "Version ⟦4.2.1⟧ kam am ⟦28.11.2026⟧ heraus, wie man überall lesen kann.",
        "⟦Prof. Dr. Meier⟧ hat um ⟦8.15 Uhr⟧ angerufen, und niemand war da.",
    ],
    "fr": [
        "La température est de ⟦22,1⟧ degrés, dit-on, et demain de ⟦19,5⟧.",
        "Cela coûte ⟦1 234,56 €⟧ par an, soit ⟦99,90 euros⟧ par mois, tout de même.",
        "Nous nous verrons ⟦vendredi 28 novembre 2026⟧ à ⟦10 h 30⟧ devant la maison.",
        "Il est né le ⟦1er mai 1987⟧ et il habite au ⟦3 bis⟧ depuis longtemps.",
        "Vraiment⟦ ?!⟧ Mais non⟦...⟧ Si⟦ !⟧",
        "Allez sur ⟦https://exemple.fr/page,1.html⟧ avant de lui écrire, s'il vous plaît.",
        "Voir l'⟦art. 5⟧ et la ⟦p. 12⟧ du livre que je vous ai donné hier.",
        "La version ⟦2.10.3⟧ est sortie le ⟦28/11/2026⟧, comme on peut le lire.",
    ],
    "es": [
        "La temperatura es de ⟦22,1⟧ grados, dicen, y mañana de ⟦19,5⟧.",
        "Cuesta ⟦1.234,56 €⟧ al año, es decir, ⟦99,90 euros⟧ al mes, más o menos.",
        "Nos vemos el ⟦viernes 28 de noviembre⟧ a las ⟦10:30⟧ delante de la casa.",
        "¿De verdad⟦?!⟧ ¡No puede ser⟦!⟧ Espera⟦...⟧",
        "El ⟦Sr. López⟧ vive en el ⟦núm. 5⟧ de la calle desde el año ⟦1999⟧.",
        "Escribe a ⟦ana.lopez@ejemplo.es⟧ o mira ⟦ejemplo.es/ayuda⟧ antes de venir.",
        "La versión ⟦3.2.1⟧ salió el ⟦28/11/2026⟧, como se puede leer allí.",
    ],
    "zh": [
        "今天的气温是⟦22.1度⟧，明天是⟦19.5度⟧，他们说。",
        "我们⟦2026年11月28日⟧上午⟦10:30⟧见面，好吗？",
        "这本书⟦19.99元⟧，那本书⟦1,234元⟧，都很贵。",
        "圆周率大约是⟦3.14159⟧，没有尽头。",
        "请看⟦https://example.com/a,b⟧，然后告诉我。",
        "真的吗⟦？！⟧不会吧⟦……⟧好的。",
        "一共有⟦三百五十六⟧个人参加了这次会议，他们都很高兴。",
    ],
    "ja": [
        "今日の気温は⟦22.1度⟧で、明日は⟦19.5度⟧だそうです。",
        "会議は⟦2026年11月28日⟧の⟦10:30⟧に始まりますので、来てください。",
        "値段は⟦1,980円⟧です。高いですか⟦？！⟧",
        "バージョン⟦3.12.4⟧を使ってください、お願いします。",
    ],
    "hi": [
        "आज का तापमान ⟦22.1⟧ डिग्री है, और कल ⟦19.5⟧ होगा।",
        "बैठक ⟦28 नवंबर 2026⟧ को ⟦10:30⟧ बजे शुरू होगी।",
        "इसका दाम ⟦₹1,23,456.78⟧ है, क्या आप जानते हैं⟦?!⟧",
        "कृपया ⟦example.com⟧ पर जाएँ और देखें।",
    ],
    "it": [
        "La temperatura è di ⟦22,1⟧ gradi, dicono, e domani di ⟦19,5⟧.",
        "Ci vediamo ⟦venerdì 28 novembre⟧ alle ⟦10:30⟧ davanti alla casa.",
        "Il ⟦dott. Rossi⟧ abita al ⟦n. 5⟧ e paga ⟦1.234,56 €⟧ al mese.",
    ],
}

_TOKEN: Final = re.compile(
    r" ?[^\W\d_]+|\d{1,2}|[\u3041-\u30ff\u4e00-\u9fff]{1,2}|[.!?…]{1,2}|\s|.", re.DOTALL
)


class Written(NamedTuple):
    """What became of a text.

    Attributes
    ----------
    pieces : list of str
        What would be requested.
    broken : list of str
        What was cut and should not have been.
    """

    pieces: list[str]
    broken: list[str]


def parse(text: str) -> tuple[str, list[tuple[int, int]]]:
    """Return a text without its brackets, and where it must stay whole."""
    plain, spans, begin = "", [], 0
    for character in text:
        if character == "⟦":
            begin = len(plain)
        elif character == "⟧":
            spans.append((begin, len(plain)))
        else:
            plain += character
    return plain, spans


def tokens(text: str) -> list[str]:
    """Split a text about as a model does: words with the space before them, few digits, marks."""
    return [match[0] for match in _TOKEN.finditer(text)]


def written(text: str, language: str, seconds: float, *, clean: bool = False) -> Written:
    """Have a model write a text of the corpus, a token each so many seconds."""
    plain, spans = parse(text)
    model = Model(language, clean=clean)
    for token in tokens(plain):
        model.write(token, seconds)
    model.finish()
    edges = model.edges[:-1]  # the last piece ends with the text
    broken = [plain[a:b] for a, b in spans if any(a < edge < b for edge in edges)]
    return Written(model.pieces, broken)


class Model:
    """Writes tokens, in virtual time, as `streamplay.words.sources` reads them."""

    def __init__(self, language: str, *, clean: bool = False) -> None:
        self.pieces: list[str] = []
        self.edges: list[int] = []
        self.now = 0.0
        self._cutter = SentenceCutter(language)
        self._spoken = SpokenText()
        self._prepare = preparation(language, wanted=clean)

    def write(self, token: str, seconds: float) -> None:
        until = self.now + seconds
        while (at := self._deadline()) is not None and at <= until:
            self.now = max(self.now, at)
            if self._prepare.is_holding and self._cutter.pause_at <= at:
                self._take(self._cutter.extend(self._prepared(self._prepare.release()), at))
            self._take(self._cutter.expire(at))
        self.now = until
        self._take(self._cutter.feed(self._prepared(self._prepare.feed(token)), until, token))

    def finish(self) -> None:
        self._take(self._cutter.extend(self._prepared(self._prepare.finish()), self.now))
        self._take(self._cutter.finish())

    def _deadline(self) -> float | None:
        held = self._cutter.pause_at if self._prepare.is_holding else None
        return min((at for at in (held, self._cutter.deadline) if at is not None), default=None)

    def _prepared(self, said: Iterable[Said]) -> str:
        parts = list(said)
        for part in parts:
            self._spoken.append(*part)
        return "".join(part.text for part in parts)

    def _take(self, pieces: Iterable[str]) -> None:
        for piece in pieces:
            self.pieces.append(piece)
            self.edges.append(self._spoken.take(self._spoken.taken, self._cutter.stop).stop)
