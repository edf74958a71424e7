"""A merchant's own id of a customer or a product: what its other systems know it by (docs/integrations/ids.md).

It is taken as it is and compared letter by letter: `A7` and `a7` are two. Each names one customer, and one product, of
one merchant.
"""

from __future__ import annotations

from typing import Final

from portal.domain.errors import DomainError

LONGEST: Final = 128


class BadExternalId(DomainError):
    """The text cannot be one: empty, too long, or with something in it that nobody sees."""


class ExternalIdTaken(DomainError):
    """Another customer, or another product, of the same merchant has it."""


class ExternalIdStands(DomainError):
    """There is another one already, and nobody has said that it is to go: whoever asks by it finds nobody then."""


def is_external_id(text: str) -> bool:
    """Say whether the text can be one: 1 to 128 visible characters, with single plain spaces inside at the most."""
    return 0 < len(text) <= LONGEST and text.isprintable() and text == text.strip() and "  " not in text
