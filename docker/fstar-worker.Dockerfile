# A worker for F* checks. F* comes from an official release archive, whose checksum must be given:
#   docker build -f docker/fstar-worker.Dockerfile \
#     --build-arg FSTAR_VERSION=2025.10.06 --build-arg FSTAR_SHA256=... -t aludel-fstar-worker .
#   docker run --network none|BROKER_NET --read-only --tmpfs /tmp --memory 6g --pids-limit 256 \
#     -e ALUDEL_BROKER_URL=redis://redis:6379 -e ALUDEL_DATABASE_URL=... aludel-fstar-worker
FROM python:3.12-slim-bookworm AS build
COPY . /src
RUN python -m venv /opt/aludel \
    && /opt/aludel/bin/pip install --no-cache-dir --require-hashes -r /src/requirements.lock \
    && /opt/aludel/bin/pip install --no-cache-dir --no-deps /src

FROM python:3.12-slim-bookworm AS fstar
ARG FSTAR_VERSION
ARG FSTAR_SHA256
COPY --from=build /opt/aludel /opt/aludel
ENV ALUDEL_CACHE_DIR=/opt/fstar
RUN /opt/aludel/bin/aludel toolchain install fstar \
        --version "${FSTAR_VERSION:?give --build-arg FSTAR_VERSION}" \
        --sha256 "${FSTAR_SHA256:?give --build-arg FSTAR_SHA256}"

FROM python:3.12-slim-bookworm
RUN useradd --system --create-home --uid 10001 aludel
COPY --from=build /opt/aludel /opt/aludel
COPY --from=fstar /opt/fstar /opt/fstar
ENV ALUDEL_CACHE_DIR=/opt/fstar ALUDEL_DATA_DIR=/tmp/aludel PATH=/opt/aludel/bin:$PATH
USER aludel
WORKDIR /tmp
ENTRYPOINT ["aludel", "worker", "--queues", "fstar.check"]
