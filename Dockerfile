# Not built as an image yet: no container daemon was at hand. Its commands were run one by one in an
# empty root of the same system (scripts/try-dockerfile).
#
#   docker build -t streamplay . && docker run --rm streamplay say --local --json --no-play "Hello."
#
# Sound from a container needs the host's PulseAudio:
#   docker run --rm -e PULSE_SERVER=unix:/pulse -v $XDG_RUNTIME_DIR/pulse/native:/pulse streamplay say "Hello."
FROM python:3.13-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev
WORKDIR /src
COPY . .
RUN python -m venv /opt/streamplay && /opt/streamplay/bin/pip install --no-cache-dir '.[local]'

FROM python:3.13-slim-bookworm
RUN apt-get update \
    && apt-get install -y --no-install-recommends libportaudio2 libasound2-plugins \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home speaker
COPY --from=build /opt/streamplay /opt/streamplay
# ALSA's default device is PulseAudio, where the host lends it.
RUN printf 'pcm.!default { type pulse }\nctl.!default { type pulse }\n' > /etc/asound.conf
USER speaker
ENTRYPOINT ["/opt/streamplay/bin/streamplay"]
CMD ["--help"]
