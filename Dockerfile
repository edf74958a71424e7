# One image for web, worker, migrations and every other command: docs/install-compose.md.
# Any OCI builder makes it: `docker build -t portal .`, `podman build -t portal .`, `buildah bud -t portal .`.
# Another base with Python 3.11 or later on glibc: --build-arg BASE=…

ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /srv/portal
RUN python -m venv /opt/portal
# The libraries first: they change less often than the sources. No more, no other and no newer ones than the lock has.
COPY deploy/requirements.lock deploy/requirements.lock
RUN /opt/portal/bin/pip install --quiet --no-deps --require-hashes --only-binary :all: -r deploy/requirements.lock
COPY . .
RUN for language in fr de; do \
      /opt/portal/bin/pybabel --quiet compile -l "$language" \
        -i "portal/translations/$language/LC_MESSAGES/messages.po" -o "portal/translations/$language/LC_MESSAGES/messages.mo" || exit 1; \
    done \
 && /opt/portal/bin/python -m compileall -q --invalidation-mode unchecked-hash portal migrations config.py wsgi.py gunicorn.conf.py

FROM ${BASE}
LABEL org.opencontainers.image.title="portal" \
      org.opencontainers.image.description="Self-service portal for subscriptions paid by PayPal"
# Nothing is written but to /tmp, to the journal's folder, and to /var/lib/portal where the embedded database is kept there.
RUN groupadd --gid 10001 portal \
 && useradd --uid 10001 --gid portal --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin portal \
 && install -d -o portal -g portal -m 0700 /var/lib/portal /var/lib/portal-journal
COPY --from=build /opt/portal /opt/portal
COPY --from=build /srv/portal /srv/portal
ENV PATH=/opt/portal/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    FLASK_APP=wsgi \
    PORTAL_DATA=/var/lib/portal
WORKDIR /srv/portal
USER 10001:10001
EXPOSE 8000
# SIGTERM ends web and worker in order: give the web 35 seconds, a worker 90.
STOPSIGNAL SIGTERM
CMD ["gunicorn", "wsgi:app", "--bind", "0.0.0.0:8000"]
