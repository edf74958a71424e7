"""What gunicorn serves in the harness: the product's application, wrapped."""

from tests.chaos.wrapping import wrap

wrap()

from wsgi import app  # noqa: E402, F401 - the application is made at import
