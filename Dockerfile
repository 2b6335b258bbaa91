# One image for every process: `tunehouse api`, `worker`, `migrate`, `trainer`, `admin-key`.
# It holds no PostgreSQL and no Valkey (the extra `embedded` stays out), no compiler and no installer.
# `make images` pins the base by digest. Set PYTHON_IMAGE to build from a mirror.
ARG PYTHON_IMAGE=docker.io/library/python:3.11-slim

FROM ${PYTHON_IMAGE} AS build
WORKDIR /app
COPY .ci/uv.txt .ci/uv.txt
RUN python3 -m venv /uv && /uv/bin/pip install --no-cache-dir --require-hashes --only-binary :all: -r .ci/uv.txt
ENV UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_NO_CACHE=1
COPY pyproject.toml uv.lock ./
# Dependencies alone first: they change less often than the code, and this layer is kept.
RUN /uv/bin/uv sync --frozen --no-dev --extra traces --no-install-project
COPY README.md LICENSE ./
COPY migrations migrations
COPY service service
COPY trainer trainer
COPY worker worker
RUN /uv/bin/uv sync --frozen --no-dev --extra traces --no-editable

FROM ${PYTHON_IMAGE}
# A volume that is new takes over this folder's owner, so that the user may write to it.
RUN groupadd --system --gid 10001 tunehouse \
    && useradd --system --uid 10001 --gid 10001 --home-dir /var/lib/tunehouse --shell /usr/sbin/nologin tunehouse \
    && install --directory --owner 10001 --group 10001 --mode 0700 /var/lib/tunehouse /var/lib/tunehouse-trainer
COPY --from=build /app/.venv /app/.venv
ENV PATH=/app/.venv/bin:/usr/local/bin:/usr/bin:/bin PYTHONUNBUFFERED=1
WORKDIR /var/lib/tunehouse
USER 10001:10001
EXPOSE 8800
# For the api; the compose file turns it off where another command runs. No proxy: this is about this container.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 CMD ["python3", "-c", \
    "from urllib.request import ProxyHandler, build_opener; build_opener(ProxyHandler({})).open('http://127.0.0.1:8800/healthz', timeout=4)"]
ENTRYPOINT ["tunehouse"]
CMD ["api", "--host", "0.0.0.0"]
