"""Short words of some languages that tell where a phrase begins or ends.

They are closed classes of any grammar: prepositions, articles, conjunctions, pronouns,
auxiliary verbs. A language that is not here is cut between any two words.
"""

from __future__ import annotations

from typing import Final, Literal

_BEGINS: Final = {
    "en": "a an the this that these those my your his her its our their of in on at by for from to "
    "with without about into over under after before between through during against and or but "
    "nor so because if when while where which who whose whom than as is are was were be been has "
    "have had will would can could should may might must do does did not per very "
    "too more most no some any all each every i he she we they",
    "de": "der die das den dem des ein eine einen einem einer eines mein dein sein ihr unser in im "
    "an am auf aus bei beim mit nach seit von vom zu zum zur für durch ohne um gegen über unter "
    "vor hinter neben zwischen und oder aber denn sondern weil dass wenn als ob wo wie ist sind "
    "war waren wird werden hat haben hatte kann muss soll will nicht pro sehr "
    "kein keine jede jeder alle ich du er wir man",
    "fr": "le la les un une des du de à au aux ce cet cette ces mon ma mes ton ta tes son sa ses "
    "notre nos votre vos leur leurs dans sur sous avec sans pour par en chez vers entre depuis et "
    "ou mais donc car ni que qui quand si comme où est sont était a ont avait sera peut doit ne se "
    "te me très plus tout toute tous je tu il on ils",
    "es": "el la los las un una unos unas de del a al en con sin por para sobre entre desde hasta "
    "hacia mi tu su nuestro y e o u pero ni que quien cuando si como donde porque es son era fue "
    "está están ha han había será puede debe no se me te le lo nos les muy más todo toda cada "
    "yo tú",
    "it": "il lo la i gli le un uno una di del della dei a al alla da dal in nel nella con su sul "
    "per tra fra e o ma che chi cui quando se come dove è sono era ha hanno non si mi ti più ogni "
    "io tu",
    "pt": "o a os as um uma de do da dos das em no na nos nas ao à com sem por para sobre entre "
    "e ou mas que quem quando se como onde é são era foi está tem não me te mais cada eu tu",
    "nl": "de het een van in op aan bij met voor door uit naar over onder en of maar want dat die "
    "als wanneer waar is zijn was heeft kan moet niet geen elke ik jij hij zij wij",
}
_PRONOUNS: Final = {
    "en": "you it there",
    "de": "sie es ihr",
    "fr": "elle nous vous elles",
    "es": "él ella nosotros ellos usted",
    "it": "lui lei noi voi loro",
    "pt": "ele ela nós eles você",
    "nl": "je ze jullie",
}
_ENDS: Final = {"hi": "में से को का के की पर तक ने लिए साथ और है हैं था थी थे"}
_ORDINALS: Final = {
    "de": "der die das dem den des am im vom zum zur beim ab bis seit jeder jede jedes jeden "
    "sein ihr",
    "da": "den det de",
    "no": "den det de",
    "nb": "den det de",
    "nn": "den det dei",
}
_TITLES: Final = {
    "de": "hr fr dr prof dipl ing mag",
    "es": "sr sra srta dr dra d dña ud uds lic ing",
    "fr": "m mm mme mmes mlle mlles mgr me dr pr",
    "it": "sig sigg dott prof ing avv arch",
    "pt": "sr sra srta dr dra prof eng",
}
_DATE_WORDS: Final = (
    "lundi mardi mercredi jeudi vendredi samedi dimanche janvier février mars avril mai juin "
    "juillet août septembre octobre novembre décembre lunes martes miércoles jueves viernes sábado "
    "domingo enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre "
    "diciembre lunedì martedì mercoledì giovedì venerdì sabato domenica gennaio febbraio aprile "
    "maggio giugno luglio settembre ottobre dicembre segunda terça quarta quinta sexta janeiro "
    "fevereiro março maio junho julho setembro outubro novembro dezembro maandag dinsdag woensdag "
    "donderdag vrijdag zaterdag zondag januari februari maart april juni juli augustus september "
    "oktober november december"
)
_BEFORE_NUMBERS: Final = (
    "no nos nr nrn num núm nº n° art arts abs fig figs abb p pp s pg pág págs vol vols bd ch chap "
    "chs kap cap pag pagg ca approx tel sec sect § eq eqs tab ver v rev st op cf c"
)

BEGINS: Final = {code: frozenset(words.split()) for code, words in _BEGINS.items()}
"""Words that begin a phrase, by language: a good place is before one of them, never behind it."""

PRONOUNS: Final = {code: frozenset(words.split()) for code, words in _PRONOUNS.items()}
"""Words that begin a phrase too, and may end one: "that you | and I"."""

ENDS: Final = {code: frozenset(words.split()) for code, words in _ENDS.items()}
"""Words that end a phrase: postpositions."""

TITLES: Final = {code: frozenset(words.split()) for code, words in _TITLES.items()}
"""Titles that are abbreviated: a name follows, and no sentence ends."""

ORDINALS: Final = {code: frozenset(words.split()) for code, words in _ORDINALS.items()}
"""Words behind which a number with a full stop is an ordinal, where ordinals are written so."""

DATE_WORDS: Final = frozenset(_DATE_WORDS.split())
"""Days and months written with a small letter, behind whose comma a date may go on ("vendredi, 28
novembre"). Where a language writes them with a capital, that tells."""

BEFORE_NUMBERS: Final = frozenset(_BEFORE_NUMBERS.split())
"""Abbreviations that stand before a number: no sentence ends there."""

_MENTIONS: Final = {
    "en": ("Code block", "Image"),
    "de": ("Codeblock", "Bild"),
    "fr": ("Bloc de code", "Image"),
    "es": ("Bloque de código", "Imagen"),
    "it": ("Blocco di codice", "Immagine"),
    "pt": ("Bloco de código", "Imagem"),
    "nl": ("Codeblok", "Afbeelding"),
    "zh": ("代码块", "图片"),
    "ja": ("コードブロック", "画像"),
    "ko": ("코드 블록", "이미지"),
    "hi": ("कोड ब्लॉक", "चित्र"),
}


def mention_of(language: str, kind: Literal["code", "image"], info: str) -> str:
    """Return what is said in place of something that cannot be read aloud.

    Parameters
    ----------
    language : str
        Two letters.
    kind : {'code', 'image'}
        What it is.
    info : str
        The language of the code, as it stands behind the fence.
    """
    code, image = _MENTIONS.get(language, _MENTIONS["en"])
    name = info.strip(" {}.").split()
    what = code if kind == "code" else image
    return f"{what}, {name[0]}." if name and name[0][0].isalpha() else f"{what}."
