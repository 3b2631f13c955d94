"""A model's tokens, however slowly they come: nothing is cut inside of what belongs together."""

from __future__ import annotations

import random
import re

import pytest

from tests.support.token_corpus import SPEEDS, TEXTS, Model, parse, tokens, written

WHOLE_TEXT = (
    "3.14 19.99 $19.99 €5 1,234.50 12.5% 10:30 2026-11-28 28.11.2026 28/11/2026 v2.10.3 3.12.4 "
    "1.0.0-rc.1 example.com https://a.example/b?c=1,2&d=3.5 me@mail.example.co.uk /usr/local/bin "
    "C:\\x.txt 192.168.1.1 A320 B-52 H2O 16:9 2*3*4 #42 50-60 COVID-19 C++ U.S. U.S.A. e.g. p.m. "
    "Node.js ASP.NET"
)
WHOLE = WHOLE_TEXT.split()
OF = {
    "en": ["May 3, 2026", "Dr. Smith", "No. 5", "9 a.m.", "J. R. Holmes", "5 km", "1 234 567"],
    "de": ["3. Mai 2026", "Dr. Frank", "Nr. 5", "10 Uhr", "z. B.", "1.234,56 €", "ca. 5"],
    "fr": ["3 mai 2026", "M. Dupont", "10 h 30", "1 234,56 €", "art. 5", "p. 12", "n° 5"],
    "es": ["3 de mayo de 2026", "Sr. López", "núm. 5", "1.234,56 €", "EE. UU.", "pág. 12"],
    "it": ["3 maggio 2026", "dott. Rossi", "n. 5", "pag. 12"],
}
AROUND = {
    "en": "the house is very old and people say that it was never sold before",
    "de": "das Haus ist sehr alt und man sagt dass es nie verkauft wurde",
    "fr": "la maison est très vieille et on dit que personne ne veut la voir",
    "es": "la casa es muy vieja y se dice que nadie la quiere ver nunca",
    "it": "la casa è molto vecchia e si dice che nessuno la vuole vedere",
}


def corpus() -> list[tuple[str, str]]:
    return [(language, text) for language, texts in TEXTS.items() for text in texts]


def test_the_corpus_is_large_enough() -> None:
    assert len(corpus()) >= 60
    assert len(TEXTS) >= 6
    assert len(SPEEDS) == 5


@pytest.mark.parametrize("clean", [False, True])
@pytest.mark.parametrize("seconds", SPEEDS)
@pytest.mark.parametrize("language", TEXTS)
def test_nothing_is_cut_inside_at_any_speed(language: str, seconds: float, clean: bool) -> None:
    for text in TEXTS[language]:
        assert written(text, language, seconds, clean=clean).broken == [], text


@pytest.mark.parametrize(("language", "text"), corpus())
def test_nothing_of_the_text_is_lost_or_said_twice(language: str, text: str) -> None:
    plain, _ = parse(text)
    said = "".join(written(text, language, 0.5).pieces)
    assert re.sub(r"\s", "", said) == re.sub(r"\s", "", plain)


@pytest.mark.parametrize("language", ["en", "de", "fr", "es", "it"])
def test_a_slow_model_is_not_chopped_to_words(language: str) -> None:
    for text in TEXTS[language]:
        for piece in written(text, language, 0.5).pieces[:-1]:
            assert len(piece.split()) > 1 or re.search(r"\W$", piece), (text, piece)


def composed(dice: random.Random, language: str) -> str:
    """Write a text of words, marks, and things that must stay whole."""
    words: list[str] = []
    for _ in range(dice.randint(4, 14)):
        if dice.random() < 0.3:
            whole = dice.choice(WHOLE + OF[language] * 2)
            # A full stop behind it is not known to be one: 3.14 may end with it.
            words.append(f"⟦{whole}⟧" + dice.choice(["", "", ",", "?", ":"]))
        else:
            mark = dice.choice([""] * 8 + [",", ".", "!", "⟦?!⟧", "⟦...⟧", ":", " –"])
            words.append(dice.choice(AROUND[language].split()) + mark)
    text = " ".join(words)
    return text[0].upper() + text[1:]


@pytest.mark.no_cover
@pytest.mark.parametrize("language", AROUND)
def test_nothing_is_cut_inside_of_any_text_in_any_tokens(language: str) -> None:
    dice = random.Random(language)
    for _ in range(60):
        text = composed(dice, language)
        plain, spans = parse(text)
        split = dice.choice([tokens, list, lambda text: re.findall(r"(?s).{1,3}", text)])
        model, seconds = Model(language), dice.choice([0.03, 0.1, 0.3, 0.4, 0.8, 1.5])
        for token in split(plain):
            model.write(token, seconds)
        model.finish()
        inside = [plain[a:b] for a, b in spans if any(a < edge < b for edge in model.edges[:-1])]
        assert inside == [], (text, seconds, model.pieces)
