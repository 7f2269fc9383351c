# One image, three commands: api (the default), worker, migrate.

FROM node:22.22.2-bookworm-slim AS pages
WORKDIR /source/frontend
COPY frontend/package.json frontend/package-lock.json frontend/.npmrc ./
RUN npm ci --omit=dev --ignore-scripts
COPY frontend/ ./
RUN node build.mjs

# Bookworm, because its ImageMagick 6.9.11 is the one that every figure and every limit was measured with.
FROM python:3.12.13-slim-bookworm
RUN apt-get update \
    && apt-get install -y --no-install-recommends libmagickwand-6.q16-6 \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /srv/safelight
COPY requirements.txt ./
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.txt
COPY app ./app
COPY --from=pages /source/app/static ./app/static
RUN python -c "import site; open(site.getsitepackages()[0] + '/safelight.pth', 'w').write('/srv/safelight\n')" \
    && python -m compileall -q app \
    && printf '#!/bin/sh\nexec python -m app "$@"\n' > /usr/local/bin/safelight \
    && chmod 755 /usr/local/bin/safelight \
    && useradd --system --uid 10001 --home-dir /data safelight \
    && install -d -o safelight -g safelight -m 700 /data
USER safelight
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 SAFELIGHT_HOST=0.0.0.0 SAFELIGHT_DATA_DIR=/data
VOLUME /data
EXPOSE 8000
ENTRYPOINT ["safelight"]
CMD ["api"]
