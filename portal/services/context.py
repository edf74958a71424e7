"""What every use case needs from the outside, made once by the composition root."""

from __future__ import annotations

from dataclasses import dataclass, field

from portal.extensions import Database
from portal.passwords import Passwords
from portal.providers.breaches import BreachList
from portal.providers.deliveries import IpnVerifier, WebhookVerifier
from portal.providers.event_posts import EventPosts, HttpEventPosts
from portal.providers.host_names import HostNames, PublicHostNames
from portal.providers.letters import Mailer
from portal.providers.openid import OpenIdSites
from portal.providers.ports import Gateways
from portal.providers.time_stamps import TimeStamps
from portal.secrets import Vault
from portal.services.restores import Gate


@dataclass(frozen=True, kw_only=True)
class Context:
    """The database, the vault, PayPal, the mail server, and how the portal is called from outside."""

    db: Database
    vault: Vault
    gateways: Gateways
    webhooks: WebhookVerifier
    ipns: IpnVerifier
    mailer: Mailer
    base_url: str  # scheme and host, from the settings: never from a request
    mail_from: str
    bounce_address: str = ""  # where reports of undelivered mails come to; empty: nobody reads them
    gate: Gate | None = None  # what `gateways` and `mailer` ask before anything leaves; None: it is always open
    passwords: Passwords = field(default_factory=Passwords)
    event_posts: EventPosts = field(default_factory=HttpEventPosts)
    sites: OpenIdSites = field(default_factory=OpenIdSites)  # of merchants, that customers log in with
    host_names: HostNames = field(default_factory=PublicHostNames)  # of customers' pages, that merchants own
    time_stamps: TimeStamps = field(default_factory=TimeStamps)  # nobody is asked
    breaches: BreachList = field(default_factory=lambda: BreachList(""))  # nobody is asked

    @property
    def is_restored(self) -> bool:
        """Whether it is known that the database was restored and is not recovered: nothing leaves until then."""
        return self.gate is not None and self.gate.is_restored()

    @property
    def must_rest(self) -> bool:
        """Whether no row may be changed by itself: before a recovery, and while it is not known whether one is due."""
        return self.gate is not None and self.gate.must_rest()

    @property
    def is_shut(self) -> bool:
        """Whether nothing may leave: it was restored, or does not say that it was not."""
        return self.gate is not None and self.gate.is_shut()
