# What the scripts beside this file share; sourced, not run. Written for bash 3.2, which macOS has.
# Everything said here goes to standard error: standard output belongs to what is run.
# shellcheck shell=bash

set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=$root/.venv

# At a terminal a line of progress may stand there: it goes first.
say() {
  if [ -t 2 ]; then printf '\r\033[K' >&2; fi
  printf '%s\n' "$*" >&2
}

die() {
  say "$*"
  exit 1
}

# Run a command and keep its output to itself, unless it fails.
quietly() {
  local output status=0
  output=$("$@" 2>&1 </dev/null) || status=$?
  if [ "$status" -ne 0 ] && [ -n "$output" ]; then say "$output"; fi
  return "$status"
}

# --- the system's packages (Debian, Ubuntu) ---------------------------------------------------

apt_get="sudo apt-get"
if [ "$(id -u)" -eq 0 ]; then apt_get="apt-get update && apt-get"; fi

installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# dpkg wants the sbin folders, which a bare PATH lacks.
apt() {
  PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin" DEBIAN_FRONTEND=noninteractive \
    apt-get -qq -y -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=120 "$@"
}

update_apt() {
  if [ -n "${apt_is_fresh:-}" ]; then return 0; fi
  apt update >/dev/null 2>&1 && apt_is_fresh=yes
}

# system_packages WHAT-FOR PACKAGE…: install those that are missing, or say how, and go on.
system_packages() {
  local purpose=$1 package missing=""
  shift
  for package in "$@"; do installed "$package" || missing="$missing $package"; done
  if [ -z "$missing" ]; then return 0; fi
  if [ "$(id -u)" -eq 0 ]; then
    say "Installing$missing ($purpose) …"
    # shellcheck disable=SC2086  # a list of names
    if update_apt && apt --no-install-recommends install $missing >/dev/null 2>&1; then return 0; fi
  fi
  # apt's own lines would come again with the command, which is the one to run.
  say "Missing: $purpose. To install it: $apt_get install$missing"
}

# What sounddevice loads; on macOS and Windows its wheel carries it.
portaudio() {
  if command -v dpkg-query >/dev/null; then
    system_packages "PortAudio, for sound from a device" libportaudio2
  elif [ "$(uname)" = Linux ] && ! /sbin/ldconfig -p | grep -q libportaudio.so.2; then
    say "Missing: PortAudio, for sound from a device. Install your system's package portaudio."
  fi
}

# What the tests take for a sound card, and the compiler of the native part.
test_packages() {
  if command -v dpkg-query >/dev/null; then
    system_packages "PulseAudio, the tests' sound card" \
      libasound2-plugins pulseaudio pulseaudio-utils
    command -v cc >/dev/null || system_packages "a C compiler" gcc libc6-dev
    command -v chromium >/dev/null ||
      system_packages "Chromium, in which the tests look at the benchmark's report" chromium
    command -v tmux >/dev/null ||
      system_packages "tmux, the terminal in which the tests look at live and say" tmux
    system_packages "the shells, man page and speech daemon that some tests try" \
      zsh fish mandoc speech-dispatcher
  else
    command -v pulseaudio >/dev/null ||
      say "Missing: PulseAudio, the tests' sound card. The tests that listen to it will fail."
    command -v cc >/dev/null || say "Missing: a C compiler."
  fi
}

# --- the virtual environment ------------------------------------------------------------------

python_is_new() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
  local name
  for name in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11; do
    if command -v "$name" >/dev/null && python_is_new "$name"; then
      command -v "$name"
      return
    fi
  done
  die "streamplay needs Python 3.11 or newer, and none was found. PYTHON=/path/to/python names one."
}

make_venv() {
  local python
  if [ -x "$venv/bin/python" ] && python_is_new "$venv/bin/python" &&
    "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    return
  fi
  if ! [ -w "$root" ]; then
    die "$root cannot be written to. A copy of your own can: cp -r $root ~/streamplay"
  fi
  python=$(find_python)
  # Debian ships `venv` without the pip that it would put in, unless python3-venv is installed.
  if ! "$python" -c 'import ensurepip' 2>/dev/null && command -v dpkg-query >/dev/null; then
    system_packages "Python's ensurepip" python3-venv
  fi
  if "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    "$python" -m venv --clear "$venv"
  elif "$python" -c 'import virtualenv' 2>/dev/null; then
    quietly "$python" -m virtualenv --clear "$venv"
  else
    say "Going on without it: pip comes from PyPI."
    "$python" -m venv --clear --without-pip "$venv"
    "$venv/bin/python" "$root/scripts/get_pip.py"
  fi
}

pip() { quietly "$venv/bin/python" -m pip --quiet --disable-pip-version-check --no-input "$@"; }

# install_telling ARGUMENT…: run pip install, show what it does, and keep what it says in $pip_log.
pip_log=$venv/.pip-log
install_telling() {
  local status
  PYTHONUNBUFFERED=1 "$venv/bin/python" -m pip install --disable-pip-version-check \
    --no-input --retries 1 --progress-bar off "$@" 2>&1 </dev/null | tee "$pip_log" | show_progress
  status=${PIPESTATUS[0]}
  if [ -t 2 ]; then printf '\r\033[K' >&2; fi
  return "$status"
}

# One line that changes at a terminal; elsewhere a line every five seconds.
show_progress() {
  local line what count=0 last=0
  while IFS= read -r line; do
    case $line in
      Collecting\ *)
        what=${line#Collecting }
        count=$((count + 1))
        what="fetching ${what%%[^A-Za-z0-9_.-]*} ($count)"
        ;;
      "Processing "*.whl*) # from a folder of wheels
        what=${line%%.whl*}
        what=${what##*/}
        count=$((count + 1))
        what="found ${what%%-*} ($count)"
        ;;
      "Building "* | "  Building "*) what="building" ;;
      "Installing collected"*) what="installing $count packages" last=-5 ;;
      *) continue ;;
    esac
    if [ -t 2 ]; then
      printf '\r\033[K  %d s: %s' "$SECONDS" "$what" >&2
    elif [ $((SECONDS - last)) -ge 5 ]; then
      last=$SECONDS
      say "  $SECONDS s: $what"
    fi
  done
}

# By a path. The import hook that setuptools installs otherwise costs every start 10 ms and more.
# setuptools calls this mode transitional: where pip refuses it, the hook is good enough.
in_place=(--config-settings editable_mode=compat --editable)

# install_in_place PROJECT: install it in place, and show what pip does.
install_in_place() {
  install_telling "${in_place[@]}" "$1" && return
  grep -qi 'editable.mode' "$pip_log" || return 1
  in_place=(--editable)
  install_telling "${in_place[@]}" "$1"
}

# Whether pip failed because no index could be reached.
lacks_network() {
  grep -q -E 'NewConnectionError|NameResolutionError|ConnectTimeout|ProxyError|[Tt]emporary failure in name' \
    "$pip_log"
}

# What an installation depends on: where it stands, its Python, what was asked for, and the native
# playout, which is built where there is a compiler.
fingerprint() {
  {
    printf '%s\n' "$root"
    "$venv/bin/python" -V
    command -v cc || true
    cat "$root"/pyproject.toml "$root"/requirements.lock "$root"/setup.py "$root"/streamplay/playback/*.c
  } 2>/dev/null | cksum
}

up_to_date() {
  local stamp=$venv/.streamplay-$1
  [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(fingerprint)" ]
}

stamp() { fingerprint >"$venv/.streamplay-$1"; }

# Whether what stands in .venv can speak, of whatever version it is.
can_speak() {
  "$venv/bin/python" -c '
from streamplay.server.child import lacking
import numpy, sounddevice, sys
sys.exit(bool(lacking()))' >/dev/null 2>&1
}

# streamplay with its built-in voices, in the newest versions that it takes. What cannot be
# installed is said, and the rest is used.
install_for_use() {
  local extras
  # The tests' installation holds all that use needs.
  if up_to_date use || up_to_date development; then return; fi
  say "Setting up .venv (once, about half a minute) …"
  if [ -t 2 ]; then printf '  making the environment' >&2; fi
  make_venv
  for extras in local,espeak,codecs,books local,espeak local espeak; do
    if install_in_place "${root}[$extras]"; then
      if [ "$extras" != local,espeak,codecs,books ]; then
        say "Not all could be installed. To see why: $(shown_pip) install -e '$root[all]'"
      fi
      if ! ls "$root"/streamplay/playback/_playout.* 2>/dev/null | grep -qv '\.c$'; then
        say "Without a C compiler sound is played from Python, which a busy machine can disturb. For the native playout: $(compiler_command), then scripts/speak again"
      fi
      stamp use
      say "Set up in $SECONDS s. For the command streamplay in this terminal: . ${venv#"$PWD"/}/bin/activate"
      return
    fi
    if lacks_network; then break; fi
  done
  if can_speak; then
    say "Could not bring .venv up to date; going on with what is there. To see why: $(shown_pip) install -e '$root[all]'"
    return
  fi
  if lacks_network; then
    die "No network, and the packages are not here yet. In a clone where there is one, with the same system and Python: pip download -d wheels '.[local,espeak,codecs,books]' 'setuptools>=77'; then bring the folder wheels here: PIP_NO_INDEX=1 PIP_FIND_LINKS=wheels scripts/speak"
  fi
  tail -n 20 "$pip_log" >&2
  die "Not installed: $(shown_pip) failed, see above."
}

shown_pip() { printf '%s' "$venv/bin/python -m pip"; }

compiler_command() {
  if command -v dpkg-query >/dev/null; then
    printf '%s' "$apt_get install gcc libc6-dev"
  else
    printf '%s' "install cc"
  fi
}

# streamplay and its tools, in exactly the versions of requirements.lock.
install_for_development() {
  if up_to_date development; then return; fi
  say "Setting up .venv for development …"
  make_venv
  pip install --require-hashes --requirement "$root/requirements.lock"
  pip install --no-deps --no-build-isolation "${in_place[@]}" "$root"
  # The lock must hold all that pyproject.toml asks for: scripts/lock writes it anew.
  pip check
  stamp development
}
