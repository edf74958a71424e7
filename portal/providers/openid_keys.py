"""Who signed an id token: the keys that a site publishes, and the few algorithms that count (RFC 7515, 7517).

Nothing is believed because the token says so: the algorithm is one of ours and of the site's own list, the key one of
its published ones, of that algorithm's kind.  No secret is ever a key here, so that none can be mistaken for one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, Key, OKPKey, RSAKey
from joserfc.util import urlsafe_b64decode

from portal.domain.integrations.site_logins import SiteLoginRefused, Wrong

MOST_KEYS: Final = 50
LEAST_RSA_BITS: Final = 2048
LONGEST_TOKEN: Final = 64 * 1024
TYPES: Final[Mapping[str, type[Key]]] = {"RS256": RSAKey, "ES256": ECKey, "EdDSA": OKPKey}
PUBLIC: Final = frozenset({"kty", "kid", "use", "alg", "n", "e", "crv", "x", "y"})  # the parts of a public key


class _Names(jws.JWSRegistry):
    """The algorithms by the names that sites use; a header of theirs that we do not know is none of our business."""

    def __init__(self, allowed: tuple[str, ...]) -> None:
        super().__init__(algorithms=allowed, strict_check_header=False)

    def get_alg(self, name: str) -> Any:
        """Return one that is allowed, and no other."""
        if name not in (self.allowed or ()):
            raise JoseError
        return self.algorithms[name]


@dataclass(frozen=True)
class Signed:
    """A token as it came: what its header says of its signature, which is not believed yet."""

    token: str
    algorithm: str
    key_id: str | None

    @classmethod
    def read(cls, token: str) -> Signed:
        """Read the header; raise SiteLoginRefused for what is no signed token."""
        try:
            header = json.loads(urlsafe_b64decode(token.partition(".")[0].encode("ascii")))
        except (ValueError, RecursionError):
            header = None
        if len(token) > LONGEST_TOKEN or not isinstance(header, dict) or not isinstance(header.get("alg"), str):
            raise SiteLoginRefused(Wrong.NO_TOKEN)
        key_id = header.get("kid")
        return cls(token, header["alg"], key_id if isinstance(key_id, str) else None)

    def fitting(self, keys: Sequence[Key]) -> list[Key]:
        """Return the keys that may have signed: of that name where one is given, and of the algorithm's kind."""
        return [
            key
            for key in keys
            if isinstance(key, TYPES[self.algorithm])
            and key.get("alg") in (None, self.algorithm)
            and self.key_id in (None, key.get("kid"))
        ]

    def verified(self, keys: Sequence[Key]) -> bytes:
        """Return what was signed, by one of these keys; raise SiteLoginRefused when it was none."""
        for key in keys:
            try:
                return jws.deserialize_compact(self.token, key, registry=_Names((self.algorithm,))).payload or b""
            except (JoseError, ValueError, TypeError):
                continue
        raise SiteLoginRefused(Wrong.BAD_SIGNATURE)


def usable(found: Mapping[str, Any]) -> list[Key]:
    """Return the keys that can verify a signature; what is broken, weak, secret or for something else is left out."""
    listed = found.get("keys")
    keys = [key for one in (listed if isinstance(listed, list) else [])[:MOST_KEYS] if (key := _key(one)) is not None]
    if not keys:
        raise SiteLoginRefused(Wrong.NO_KEYS)
    return keys


def _key(data: Any) -> Key | None:
    if not isinstance(data, dict) or data.get("use", "sig") != "sig" or _is_weak(data):
        return None
    public = {name: value for name, value in data.items() if name in PUBLIC}
    try:
        key = JWKRegistry.import_key(public) if public.get("kty") in ("RSA", "EC", "OKP") else None
        return key if key is not None and key.public_key is not None else None
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _is_weak(data: Mapping[str, Any]) -> bool:
    modulus = data.get("n", "")
    return data.get("kty") == "RSA" and isinstance(modulus, str) and len(modulus) * 6 < LEAST_RSA_BITS
