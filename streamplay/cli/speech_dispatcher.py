"""A module of speech-dispatcher that speaks through streamplay, for spd-say and screen readers.

It is of speech-dispatcher's generic kind: a file that says which command speaks a text. The daemon
puts the text in place of ``$DATA``, with its single quotes escaped, and numbers from -100 to 100 in
place of ``$RATE`` and ``$VOLUME``; it ends the command with SIGKILL to silence it.
"""

from __future__ import annotations

import shlex

TYPE_CHECKING = False  # as in streamplay.cli
if TYPE_CHECKING:
    from typing import Final

_CODES: Final = (
    "c none aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr "
    "cs cu cv cy da de dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha "
    "he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko "
    "kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne "
    "ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si "
    "sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur "
    "uz ve vi vo wa wo xh yi yo za zh zu"
)
"""ISO 639-1, and what clients say without a locale. The daemon recodes a text to ISO 8859-1, which
has few of the world's letters, unless the file names another charset for its language."""

_FILE: Final = r"""# streamplay as a voice of speech-dispatcher. To install it:
#
#   mkdir -p ~/.config/speech-dispatcher/modules
#   streamplay config speech-dispatcher > ~/.config/speech-dispatcher/modules/streamplay.conf
#
# and, in ~/.config/speech-dispatcher/speechd.conf (spd-conf makes one, or copy the one in /etc):
#
#   AddModule "streamplay" "sd_generic" "streamplay.conf"
#   DefaultModule streamplay
#
# Voice, model and server are those of streamplay's configuration. The built-in voice answers
# soonest where it is already running: `streamplay serve --port 8880`, and base_url =
# "http://127.0.0.1:8880/v1" in the configuration.

Debug 0

# The speed is 1 at rate 0, 0.25 at -100 and 3 at 100; the volume 0 dB at 100 and -40 dB at -100.
# The language is named only where it is not English: most models speak that without being told.
GenericExecuteSynth \
"rate=$RATE; if [ $rate -gt 0 ]; then rate=$((rate * 2)); else rate=$((rate * 3 / 4)); fi; \
rate=$((rate + 100)); language=$(echo \'$LANGUAGE\' | tr A-Z_ a-z-); \
case $language in en*|c|none|'') language=;; *) language=--language=$language;; esac; \
exec @program@ say --quiet --speed=$((rate / 100)).$((rate / 10 % 10))$((rate % 10)) \
--volume=$((($VOLUME - 100) / 5)) $language -- \'$DATA\'"

GenericCmdDependency "@command@"
@languages@

GenericRateForceInteger 1
GenericRateAdd 0
GenericRateMultiply 100
GenericVolumeForceInteger 1
GenericVolumeAdd 0
GenericVolumeMultiply 100

# A text is spoken by one command, up to this length: one for each sentence would leave pauses, so
# the mark that parts a text is one that hardly any text has.
GenericMaxChunkLength 4000
GenericDelimiters "|"

AddVoice "en" "FEMALE1" "streamplay"
DefaultVoice "streamplay"
"""


def module_file(program: str) -> str:
    """Return the module's file.

    Parameters
    ----------
    program : str
        The path of streamplay's command: the daemon may have another ``PATH``.
    """
    # In the quotes of that file, a shell's own quotes stand behind a backslash.
    quoted = shlex.quote(program).replace("'", r"\'").replace('"', r"\"")
    languages = "\n".join(f'GenericLanguage "{code}" "{code}" "utf-8"' for code in _CODES.split())
    filled = {"@program@": quoted, "@command@": program, "@languages@": languages}
    text = _FILE
    for mark, value in filled.items():
        text = text.replace(mark, value)
    return text
