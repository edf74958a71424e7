"""What is wrong with a merchant's site, in words for its owner: what to change, and where."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

from portal.domain.integrations.site_logins import Proof, SiteLoginRefused, Wrong

PROOF: Final[Mapping[Proof, LazyString]] = {
    Proof.EMAIL: _l("The email address that your site has verified"),
    Proof.EXTERNAL_ID: _l("Your own customer ID"),
}
# The part of them that a test of the set-up can meet; the others happen to customers (web/auth/site_words.py).
WRONG: Final[Mapping[Wrong, LazyString]] = {
    Wrong.NOT_ADDRESSABLE: _l(
        "This address cannot be reached from here: it has to begin with https://, have a public name, and no port, "
        "question mark or #."
    ),
    Wrong.NO_ANSWER: _l(
        "Your site did not answer in time, or its certificate is not valid. Open the address in your browser, then try "
        "again."
    ),
    Wrong.NOT_FOUND: _l(
        "There is no OpenID document under this address (answer %(detail)s). It should open in your browser with "
        "/.well-known/openid-configuration at its end."
    ),
    Wrong.MOVED: _l("Your site leads on to another address. Enter that one: nothing is followed."),
    Wrong.TOO_LARGE: _l("The answer of your site is far too long for an OpenID document."),
    Wrong.NOT_JSON: _l("Your site answers with a page, not with an OpenID document (JSON)."),
    Wrong.OTHER_ISSUER: _l(
        "The document names another issuer: “%(detail)s”. Enter exactly that one, if it is yours; a slash at the end "
        "counts."
    ),
    Wrong.MISSING_ENDPOINT: _l("The document names no usable https address for “%(detail)s”."),
    Wrong.NO_ALGORITHM: _l(
        "Your site signs by “%(detail)s” only. Choose RS256, ES256 or EdDSA there for the signature of the ID token."
    ),
    Wrong.NO_CODE_FLOW: _l("Your site does not offer the authorization code flow (“code”): switch it on there."),
    Wrong.NO_KEYS: _l("Your site publishes no key that could verify a signature (jwks_uri)."),
    Wrong.OFF: _l("Somebody else has just changed the set-up. Look at it again."),
}


def why(refusal: SiteLoginRefused) -> str:
    """Return what the owner reads."""
    return str(WRONG[refusal.wrong]) % {"detail": refusal.detail or "–"}
