"""What gunicorn serves in the harness: the product's application, wrapped."""

from tests.chaos.wrapping import wrap

wrap()

from portal.web.warming import warm  # noqa: E402
from wsgi import app  # noqa: E402 - the application is made at import

warm(app)  # as the product's own worker does before it has threads
