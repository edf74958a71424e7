"""What is found by the words that staff type: each by its beginning, in any order, without case and accents.

Each way of finding has its index, meets nobody twice and stops at a limit, so that a common word costs no more than a
rare one; the next way is asked only while too few are found.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, false, func, literal_column, or_, select, union_all
from sqlalchemy.orm import Session

from portal.domain.people import email_addresses
from portal.models import Customer, EndRequest, ReceivedRequest, SearchWord, Subscription
from portal.queries.aliases import kept_alias

MOST_WORDS: Final = 8  # that one search goes by: the longest
MANY: Final = 40  # subscriptions of one customer whose ids begin alike; a search would seem complete with more of them
LAST: Final = "\U0010ffff"  # no word goes on with a later letter

_ALSO: Final = kept_alias(SearchWord)  # a word beside the one that a row is


@dataclass(frozen=True)
class Sought:
    """What was typed: its words, the longest first, and the whole where it may be an id. Without words: nothing is.

    `whole`: as it was typed, since a merchant's own id of a customer may be anything.
    """

    words: tuple[str, ...]
    id: str = ""
    whole: str = ""


def sought(session: Session, typed: str) -> Sought:
    """Take apart what was typed; an address that is whole is sought in the form in which it is stored."""
    parts = [email_addresses.normal(part) if "@" in part else part for part in typed.split()]
    found: Sequence[str] = session.scalar(select(func.search_words_in(" ".join(parts)))) or ()
    longest = sorted(found, key=lambda word: (-len(word), word))[:MOST_WORDS]
    return Sought(words=tuple(longest), id=parts[0].upper() if len(parts) == 1 else "", whole=typed)


def customers(
    merchant_id: uuid.UUID, wanted: Sought, narrowed: Sequence[ColumnElement[bool]] = (), *, most: int
) -> Select[*tuple[Any, ...]]:
    """Return the ids of the customers that are found among those narrowed to, `most` at most, in no order."""
    worded, of_contract = select(SearchWord.customer_id), select(Subscription.customer_id)
    named = _named_so(merchant_id, wanted)
    if narrowed:
        worded = worded.join(Customer, Customer.id == SearchWord.customer_id).where(*narrowed)
        of_contract = of_contract.join(Customer, Customer.id == Subscription.customer_id).where(*narrowed)
        named = named.where(*narrowed)
    ways = [_by_words(worded, merchant_id, wanted)] if wanted.words else []
    contracts = [*_by_id(of_contract, merchant_id, wanted), *_by_own_reference(of_contract, merchant_id, wanted)]
    ways += [_once(way, most * MANY) for way in contracts]
    return _first([*ways, named], most)


def subscriptions(
    merchant_id: uuid.UUID, wanted: Sought, narrowed: Sequence[ColumnElement[bool]], *, most: int
) -> Select[*tuple[Any, ...]]:
    """Return the ids of the subscriptions that are found among those narrowed to, `most` at most, in no order."""
    own = select(Subscription.id).where(*narrowed)
    held = own.join(SearchWord, SearchWord.customer_id == Subscription.customer_id)
    ways = [_by_words(held, merchant_id, wanted)] if wanted.words else []
    named = own.where(Subscription.customer_id.in_(_named_so(merchant_id, wanted)))
    return _first([*ways, *_by_id(own, merchant_id, wanted), *_by_own_reference(own, merchant_id, wanted), named], most)


def _named_so(merchant_id: uuid.UUID, wanted: Sought) -> Select[uuid.UUID]:
    """Return the id of the customer whom the merchant's own systems call exactly so."""
    return select(Customer.id).where(Customer.merchant_id == merchant_id, Customer.external_id == wanted.whole)


def _by_own_reference(
    statement: Select[*tuple[Any, ...]], merchant_id: uuid.UUID, wanted: Sought
) -> list[Select[*tuple[Any, ...]]]:
    """Return what finds by the merchant's own reference, from its beginning, in capitals or not: it may be anything."""
    if not wanted.whole:
        return []
    is_so = func.lower(Subscription.reference).startswith(wanted.whole.lower(), autoescape=True)
    return [statement.where(Subscription.merchant_id == merchant_id, is_so)]


def _first(ways: Sequence[Select[*tuple[Any, ...]]], most: int) -> Select[*tuple[Any, ...]]:
    """Return what any of the ways finds, once. One that each of them finds leaves room for as many others."""
    if not ways:
        return select(Subscription.id).where(false())
    enough = most * len(ways)
    each = union_all(*(select(way.limit(enough).subquery()) for way in ways))
    return _once(select(each.subquery()), enough).limit(most)


def _once(statement: Select[*tuple[Any, ...]], most: int) -> Select[*tuple[Any, ...]]:
    """Return what `most` rows hold, each once."""
    return select(statement.limit(most).subquery()).distinct()


def _by_words(statement: Select[*tuple[Any, ...]], merchant_id: uuid.UUID, wanted: Sought) -> Select[*tuple[Any, ...]]:
    """Narrow to who has a word that begins with each of those. The longest leads; the others are looked up for each.

    Who has several that begin with the longest is met at the first of them alone.
    """
    longest, *others = wanted.words
    is_met = _has(_begins(_ALSO, longest), _ALSO.word < SearchWord.word)
    statement = statement.where(SearchWord.merchant_id == merchant_id, _begins(SearchWord, longest), ~is_met)
    for word in others:
        statement = statement.where(_has(_begins(_ALSO, word)))
    return statement


def _has(*which: ColumnElement[bool]) -> ColumnElement[bool]:
    """Say that the customer has such a word too.

    OFFSET 0 keeps PostgreSQL from gathering all who have one first: there may be a million.
    """
    found = select(_ALSO).where(_ALSO.customer_id == SearchWord.customer_id, *which)
    return found.offset(literal_column("0")).correlate(SearchWord).exists()


def _begins(row: Any, word: str) -> ColumnElement[bool]:
    return and_(row.word >= word, row.word < word + LAST)


def _by_id(
    statement: Select[*tuple[Any, ...]], merchant_id: uuid.UUID, wanted: Sought
) -> list[Select[*tuple[Any, ...]]]:
    """Return what finds by PayPal's id, with or without its « I- », and by the portal's own references."""
    if not wanted.words or not wanted.id:
        return []
    named = wanted.id if "-" in wanted.id else f"{wanted.id[:4]}-{wanted.id[4:]}" if wanted.id[4:] else wanted.id
    of_request = select(EndRequest.subscription_id).where(
        EndRequest.merchant_id == merchant_id, EndRequest.reference.startswith(named, autoescape=True)
    )
    of_letter = (
        select(func.coalesce(ReceivedRequest.subscription_id, EndRequest.subscription_id))
        .outerjoin(EndRequest, EndRequest.id == ReceivedRequest.end_request_id)
        .where(ReceivedRequest.merchant_id == merchant_id, ReceivedRequest.reference.startswith(named, autoescape=True))
    )
    starts = {wanted.id, wanted.id if wanted.id.startswith("I-") else f"I-{wanted.id}"}
    of_paypal = or_(*(Subscription.provider_id.startswith(start, autoescape=True) for start in sorted(starts)))
    found = [of_paypal, Subscription.id.in_(of_request), Subscription.id.in_(of_letter)]
    return [statement.where(Subscription.merchant_id == merchant_id, way) for way in found]
