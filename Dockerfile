# The worker as one container. What it does is in scripts of docker/, which `make test` runs or checks.
FROM docker.io/library/python:3.13-slim-trixie

LABEL org.opencontainers.image.title="archiveworker" \
      org.opencontainers.image.licenses="GPL-3.0-or-later"

COPY docker/install-system.sh /tmp/install-system.sh
RUN bash /tmp/install-system.sh && rm -rf /tmp/install-system.sh /var/lib/apt/lists/*

WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY archiveworker archiveworker
COPY res res
RUN pip install --no-cache-dir '.[bridge,s3]' && rm -rf /src

# A user without rights, whose only writable folder is the data volume.
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin archiveworker \
    && install -d -o archiveworker -g archiveworker -m 0700 /data
COPY docker/healthcheck.py /usr/local/bin/archiveworker-healthcheck
USER archiveworker
WORKDIR /data
VOLUME /data
# Chromium's sandbox needs user namespaces: start the container with docker/seccomp.json (docs/howto/install.md).
ENV ARCHIVEWORKER_DATA_DIR=/data PYTHONUNBUFFERED=1
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD ["python3", "/usr/local/bin/archiveworker-healthcheck"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["archiveworker"]
CMD ["serve"]
