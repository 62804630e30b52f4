# One image: the service, replays, and (with --target app) the Home Assistant app. Plain Debian steps,
# so that `python3 dev verify` can prove them in a root directory where no container engine runs.

FROM debian:trixie-slim AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates python3 python3-venv \
 && apt-get clean && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY config config
COPY web web
COPY roastwatch roastwatch
# Small extras only; build with EXTRAS=phone,roasters,plots for pictures, and so on.
ARG EXTRAS=homeassistant,phone,roasters
RUN python3 -m venv /opt/roastwatch \
 && /opt/roastwatch/bin/pip install --no-cache-dir ".[${EXTRAS}]" \
 && /opt/roastwatch/bin/pip uninstall --yes pip \
 && find /opt/roastwatch -depth -type d \( -name tests -o -name __pycache__ \) -exec rm -rf {} +
# ALSA's way to PulseAudio and PipeWire, without the codecs that its Debian package asks for.
RUN apt-get update && cd /tmp \
 && apt-get download libasound2-plugins \
 && dpkg-deb -x libasound2-plugins_*.deb plugins \
 && mkdir /pulse \
 && cd plugins && find . -name '*_pulse.so' -exec cp --parents {} /pulse \; \
 && apt-get clean && rm -rf /var/lib/apt/lists/*

FROM debian:trixie-slim AS base
RUN apt-get update \
 && apt-get install -y --no-install-recommends \
      ca-certificates libportaudio2 libpulse0 python3 tini tzdata \
 && apt-get clean && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 1000 --no-create-home --home-dir /data --groups audio,dialout roastwatch \
 && mkdir /data && chown roastwatch:roastwatch /data
COPY --from=build /pulse/ /
COPY --from=build /opt/roastwatch /opt/roastwatch
COPY integrations/container/asound.conf /etc/asound.conf
ENV PATH=/opt/roastwatch/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
ENV HOME=/data XDG_DATA_HOME=/data ROASTWATCH_HEARTBEAT=/tmp/roastwatch-alive
# No library reports to its maker (roastwatch sets these too; here for whatever else is started).
ENV ORT_DISABLE_TELEMETRY=1 HF_HUB_DISABLE_TELEMETRY=1 DO_NOT_TRACK=1
WORKDIR /data
VOLUME /data
# The loop touches the file every five seconds.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
  CMD find /tmp/roastwatch-alive -newermt "-30 seconds" | grep -q .
ENTRYPOINT ["tini", "--", "roastwatch"]

# The Home Assistant app. It starts as root, because the Supervisor's folders belong to root; its
# command gives /data to the user roastwatch, and becomes that user before it starts the service.
FROM base AS app
ARG BUILD_VERSION
LABEL io.hass.type="app" io.hass.arch="aarch64|amd64" io.hass.version="${BUILD_VERSION}"
CMD ["home-assistant", "app"]

# The container for everything else.
FROM base AS service
USER roastwatch
CMD ["run"]
