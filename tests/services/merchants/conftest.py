"""People at the desks of the merchants whose life is told here."""

from tests.web.conftest import hire  # noqa: F401 - one maker of staff for all tests
