"""The composition root: the only place that picks PayPal, the mail server and the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from config import Config
    from portal.services.context import Context


def make_context(config: Config, *, pages: bool = True) -> Context:
    """Build what the use cases need from the settings; starts the embedded database when none is given.

    Its patience is that of a page; commands, the worker among them, take more (portal/cli/context.py).  Pages alone go
    through a pooler: a worker's LISTEN and a migration's lock would be lost in it.
    """
    import atexit

    import structlog

    from portal.extensions import WEB, Database
    from portal.journal.gathering import Journal
    from portal.postgres import ensure_server
    from portal.providers.breaches import BreachList
    from portal.providers.event_posts import HttpEventPosts
    from portal.providers.gates import GatedGateways, GatedMailer
    from portal.providers.host_names import PublicHostNames
    from portal.providers.openid import OpenIdSites
    from portal.providers.paypal import PayPalGateways, PayPalIpns, PayPalSignatures
    from portal.providers.smtp import SmtpMailer
    from portal.providers.time_stamps import TimeStamps
    from portal.secrets import Vault
    from portal.services.context import Context
    from portal.services.restores import Gate

    vault = Vault(config.master_keys)
    url = config.database_url or ensure_server(config.data_folder)
    direct = config.database_direct_url
    db = Database(url if pages else direct or url, patience=WEB, is_pooled=pages and direct is not None)
    db.follow_clock()
    if config.journal_folder is not None:
        journal = Journal(config.journal_folder, vault, days=config.journal_days)
        db.keep_journal(journal)
        atexit.register(journal.close)
    elif not config.is_pretend:
        structlog.get_logger(__name__).warning("no_journal", setting="PORTAL_JOURNAL")
    gate = Gate(db)
    return Context(
        db=db,
        vault=vault,
        gate=gate,
        gateways=GatedGateways(PayPalGateways(config.paypal_urls), gate.is_shut),
        webhooks=PayPalSignatures(config.paypal_urls, trust=config.paypal_trust),
        ipns=PayPalIpns(config.paypal_urls),
        mailer=GatedMailer(SmtpMailer.from_url(config.smtp_url), gate.is_shut),
        base_url=config.base_url,
        mail_from=config.mail_from,
        bounce_address=config.bounce_address,
        sites=OpenIdSites(allow_loopback=config.allow_loopback),
        breaches=BreachList(config.breach_list_url),
        time_stamps=TimeStamps(config.timestamp_url, config.timestamp_trust, loopback=config.allow_loopback),
        event_posts=HttpEventPosts(loopback=config.allow_loopback),
        host_names=PublicHostNames(loopback=config.allow_loopback),
    )


def create_app(config: Config, context: Context | None = None, *, pages: bool = True) -> Flask:
    """Build the web application, or with `pages=False` what the commands need of it, in half the time.

    A context may be given by the tests.
    """
    from flask import Flask

    from config import ROOT
    from portal import cli, logs

    logs.set_up(config.log_level)
    app = Flask("portal", root_path=str(ROOT), template_folder="templates", static_folder="static")
    app.extensions["portal"] = context if context is not None else make_context(config, pages=pages)
    app.extensions["portal_config"] = config
    cli.install(app)
    if pages:
        from portal import api, web

        web.install(app, config)
        api.mount(app, config)
    return app
