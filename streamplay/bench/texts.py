"""The texts of a benchmark: built-in sets, or a file with one on each line."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from streamplay.errors import InvalidRequest

_SHORT_EN: Final = (
    "Yes, of course.",
    "One moment, please.",
    "I am listening.",
    "Good morning.",
    "That is all set.",
    "How can I help you?",
)
_SENTENCE_EN: Final = (
    "The next train to the coast leaves at twenty past seven from platform four.",
    "I have moved your appointment to Thursday afternoon, and told the others about it.",
    "It will stay dry until the evening, with a light wind from the west.",
    "Your parcel was handed to the courier this morning and should reach you tomorrow.",
    "If you turn left after the bridge, you will see the library on your right.",
    "The recipe asks for two eggs, a cup of flour, and a little patience.",
)
_SENTENCE_DE: Final = (
    "Der nächste Zug an die Küste fährt um zwanzig nach sieben von Gleis vier.",
    "Ich habe Ihren Termin auf Donnerstagnachmittag verschoben und allen Bescheid gesagt.",
    "Bis zum Abend bleibt es trocken, bei leichtem Wind aus Westen.",
    "Wenn Sie nach der Brücke links abbiegen, sehen Sie rechts die Bücherei.",
)
_SENTENCE_ES: Final = (
    "El próximo tren a la costa sale a las siete y veinte del andén cuatro.",
    "He cambiado su cita al jueves por la tarde y he avisado a los demás.",
    "Hasta la noche no lloverá, con un viento suave del oeste.",
    "Si gira a la izquierda después del puente, verá la biblioteca a su derecha.",
)
_SENTENCE_FR: Final = (
    "Le prochain train pour la côte part à sept heures vingt du quai numéro quatre.",
    "J'ai déplacé votre rendez-vous à jeudi après-midi et prévenu les autres.",
    "Il fera sec jusqu'au soir, avec un vent léger venant de l'ouest.",
    "Si vous tournez à gauche après le pont, vous verrez la bibliothèque à droite.",
)
_PARAGRAPH_EN: Final = (
    " ".join(_SENTENCE_EN[:3]),
    " ".join(_SENTENCE_EN[3:]),
    " ".join((*_SENTENCE_EN[1:3], *_SENTENCE_EN[4:])),
)

SETS: Final[dict[str, tuple[str, ...]]] = {
    "short": _SHORT_EN,
    "sentence": _SENTENCE_EN,
    "paragraph": _PARAGRAPH_EN,
    "sentence-de": _SENTENCE_DE,
    "sentence-es": _SENTENCE_ES,
    "sentence-fr": _SENTENCE_FR,
    "paragraph-de": (" ".join(_SENTENCE_DE[:2]), " ".join(_SENTENCE_DE[2:])),
    "paragraph-es": (" ".join(_SENTENCE_ES[:2]), " ".join(_SENTENCE_ES[2:])),
    "paragraph-fr": (" ".join(_SENTENCE_FR[:2]), " ".join(_SENTENCE_FR[2:])),
}
"""In English, German, Spanish and French: a word or two, a sentence of 60 to 90 characters, and a
paragraph of several."""

DEFAULT_SET: Final = "sentence"


def find(name: str) -> tuple[str, ...]:
    """Return a built-in set, or the lines of the file `name`.

    Raises
    ------
    InvalidRequest
        If there is neither such a set nor such a file, or the file is empty.
    """
    if name in SETS:
        return SETS[name]
    try:
        content = Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        allowed = f"a file with one text a line, or {', '.join(SETS)}"
        raise InvalidRequest("texts", f"{name!r} cannot be read", allowed=allowed) from error
    lines = tuple(line.strip() for line in content.splitlines() if line.strip())
    if not lines:
        raise InvalidRequest("texts", f"{name} is empty", allowed="one text a line")
    return lines
