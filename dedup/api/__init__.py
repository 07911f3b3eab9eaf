"""HTTP: the JSON API under ``/v1``, the web pages at ``/``, metrics and health.

Thin: every route validates what came in, calls :class:`dedup.service.aio.AsyncService`, and shows
what it answered.  :func:`dedup.api.app.create_app` builds the application.
"""
