"""Every page that the browser opens: who opens it, where, and what is done there before it is looked at."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Page

from portal.demo.seed import PASSWORD
from tests.services.made_pictures import png


@dataclass(frozen=True)
class Shown:
    """A page: who opens it, where (a path with names of `World.paths`), what is done there before looking, and the
    place that leads to, where it is another one (`places.py`).
    """

    who: str
    path: str
    then: Callable[[Page], None] | None = None
    status: int = 200
    lands: str = ""


def send(page: Page) -> None:
    """Send the page's own form as it is: the way to its errors."""
    with page.expect_navigation():
        page.locator("main form button[type=submit], main form button").first.click()


def open_folds(page: Page) -> None:
    for fold in page.locator("summary").all():
        fold.click()


def half_way(page: Page) -> None:
    """Give the first factor each time: it is only good for five minutes, less than all pages take."""
    page.locator("input[name=email]").fill("sam@studio.example")
    page.locator("input[name=password]").fill(PASSWORD)
    send(page)


def wrong_code(page: Page) -> None:
    page.locator("input[name=code]").fill("000000")
    send(page)


def check_the_proof(page: Page) -> None:
    """From the result page to what a third party reads who types the code that stands on it."""
    page.locator("details > summary").first.click()
    printed = page.locator("dl.summary > div", has_text=re.compile("Verification code|Code de vérification"))
    code = printed.locator("dd").inner_text()
    with page.expect_navigation():
        page.locator("a[href*='/proof/']").click()
    page.locator("input[name=code]").fill(code)
    send(page)


def save_a_view(page: Page) -> None:
    """Save one, and go to where it is renamed: each run makes one more."""
    page.locator("input[name=name]").fill("Late ones")
    send(page)
    with page.expect_navigation():
        page.locator("a[href*='/admin/views/']").first.click()


def make_a_key(page: Page) -> None:
    page.locator("input[name=name]").fill("Shop")
    page.locator("input[name=mode][value=test]").check()
    page.locator("input[name=reads]").first.check()
    send(page)


def wrong_key(page: Page) -> None:
    page.locator("input[name=client_id]").fill("somebody")
    page.locator("input[name=client_secret]").fill("something-wrong")
    send(page)


def wrong_classic_key(page: Page) -> None:
    for name in ("api_user", "api_password", "api_signature"):
        page.locator(f"input[name={name}]").fill("something-wrong-that-is-long-enough")
    send(page)


def open_menu(page: Page) -> None:
    """On a narrow screen the desk's navigation is behind a button."""
    menu = page.locator(".spine .menu:visible")
    if menu.count():
        menu.click()


def open_settings_menu(page: Page) -> None:
    """So are the settings' groups, behind another one."""
    menu = page.locator("main .menu:visible")
    if menu.count():
        menu.click()


def see_their_space(page: Page) -> None:
    with page.expect_navigation():
        page.locator("form[action$='/view'] button").click()


def nothing_named(page: Page) -> None:
    page.locator("input[name=name]").fill("")
    with page.expect_navigation():
        page.locator("main form button").first.click()


def accented(page: Page, colour: str) -> None:
    """Look at the face in a colour; nothing is published."""
    page.locator("input[name=accent]").fill(colour)
    send(page)


def pale_accent(page: Page) -> None:
    accented(page, "#f4c20d")


def bright_accent(page: Page) -> None:
    accented(page, "#c2185b")


def no_web_address(page: Page) -> None:
    page.locator("input[name=contents-0-link]").fill("http://atelier.example")
    with page.expect_navigation():
        page.locator(".button-primary").click()


def code_in_a_mail(page: Page) -> None:
    page.locator("textarea[name=opening]").fill("{{ config }}")
    send(page)


def another_rule(page: Page) -> None:
    """Go as far as the numbers: nothing is saved."""
    page.locator("input[name=grace_days]").evaluate("field => { field.value = 30; }")
    with page.expect_navigation():
        page.locator(".button-primary").click()


def saved_meanwhile(page: Page) -> None:
    """Send a form whose answer another tab has changed since."""
    other = page.context.new_page()
    other.goto(page.url)
    for one, said in ((other, "their words"), (page, "my words")):
        one.locator("textarea").fill(f"{said} {time.monotonic()}")
        send(one)
    other.close()


def brought_logo(page: Page) -> None:
    """Bring a picture, and look at it before it is published."""
    page.locator("input[type=file]").set_input_files({"name": "logo.png", "mimeType": "image/png", "buffer": png()})
    send(page)


def leave_word(page: Page) -> None:
    page.locator("input[name=name]").fill("Zoé Dupont")
    page.locator("input[name=email]").fill("zoe@client.example")
    page.locator("textarea[name=message]").fill("I can no longer read my old address.")
    send(page)


def sum_up(page: Page) -> None:
    page.locator("input[name=name]").fill("Zoé Dupont")
    page.locator("input[name=email]").fill("zoe@client.example")
    send(page)


def declare(page: Page) -> None:
    sum_up(page)
    send(page)


def open_the_newest(page: Page) -> None:
    with page.expect_navigation():
        page.locator("tbody th a").first.click()


def no_address(page: Page) -> None:
    page.locator("input[name=email]").fill("emma")
    send(page)


def choose_a_product(page: Page) -> None:
    page.locator("select[name=product]").select_option(index=1)
    send(page)


NOBODY, EMMA, KENJI, OLIVER, ANA, SAM, ANNE = "nobody", "emma", "kenji", "oliver", "ana", "sam", "anne"
EMAILS = {SAM: "sam@studio.example", ANNE: "anne@atelier.example"}
PAGES = {
    "desk customers, menu open": Shown(SAM, "/admin/customers", open_menu),
    "desk API keys": Shown(SAM, "/admin/integrations/keys"),
    "desk API keys, none yet": Shown(ANNE, "/admin/integrations/keys"),
    "desk API key": Shown(SAM, "{key}"),
    "desk API key, new": Shown(SAM, "/admin/integrations/keys/new"),
    "desk API key, new, nothing typed": Shown(SAM, "/admin/integrations/keys/new", send, 422),
    "desk API key, made": Shown(SAM, "/admin/integrations/keys/new", make_a_key),
    "desk API key, changed": Shown(SAM, "{key}/change"),
    "desk API key, replaced": Shown(SAM, "{key}/rotation"),
    "desk API key, revoked": Shown(SAM, "{key}/revocation"),
    "desk rest key": Shown(SAM, "/admin/paypal/rest", open_folds),
    "desk rest key, without a key": Shown(ANNE, "/admin/paypal/rest"),
    "desk rest key, wrong key": Shown(ANNE, "/admin/paypal/rest", wrong_key, 422),
    "desk rest key, removal": Shown(SAM, "/admin/paypal/rest/removal"),
    "desk classic key": Shown(SAM, "/admin/paypal/classic", open_folds),
    "desk classic key, without a key": Shown(ANNE, "/admin/paypal/classic"),
    "desk classic key, wrong key": Shown(ANNE, "/admin/paypal/classic", wrong_classic_key, 422),
    "desk classic key, removal": Shown(SAM, "/admin/paypal/classic/removal"),
    "desk receivers": Shown(SAM, "/admin/paypal/classic/receivers"),
    "desk refund": Shown(SAM, "{late}/refund"),
    "desk product, without a name": Shown(SAM, "{product}", nothing_named, 422),
    "home": Shown(NOBODY, "/"),
    "accessibility": Shown(NOBODY, "/accessibility"),
    "legal notice": Shown(NOBODY, "/studio/legal-notice"),
    "privacy": Shown(NOBODY, "/studio/privacy"),
    "site map": Shown(NOBODY, "/studio/site-map"),
    "accessibility, of a merchant": Shown(NOBODY, "/studio/accessibility"),
    "terms of sale": Shown(NOBODY, "/studio/terms-of-sale"),
    "not found": Shown(NOBODY, "/account/nowhere/", status=404),
    "customer log-in": Shown(NOBODY, "/account/studio/login"),
    "customer log-in, nothing typed": Shown(NOBODY, "/account/studio/login", send, 422),
    "customer code": Shown("asker", "/account/studio/login/code", open_folds),
    "customer code, wrong": Shown("asker", "/account/studio/login/code", wrong_code, 422),
    "customer link": Shown("asker", "{link}"),
    "customer link elsewhere": Shown(NOBODY, "{link}"),
    "cancel contract": Shown(NOBODY, "/studio/resilier"),
    "cancel contract, nothing typed": Shown(NOBODY, "/studio/resilier", send, 422),
    "cancel contract, summary": Shown(NOBODY, "/studio/resilier", sum_up),
    "cancel contract, declared": Shown(NOBODY, "/studio/resilier", declare, lands="/studio/declared/*"),
    "cancel contract, asked": Shown(NOBODY, "{declaration}"),
    "withdraw from contract": Shown(NOBODY, "/studio/renoncer"),
    "withdraw from contract, nothing typed": Shown(NOBODY, "/studio/renoncer", send, 422),
    "withdraw from contract, logged in": Shown(EMMA, "/studio/withdraw-from-contract"),
    "desk contract": Shown(SAM, "{desk-emma}/contract"),
    "desk withdrawal, effects": Shown(SAM, "{desk-emma}/withdrawal"),
    "address link": Shown(NOBODY, "{address-link}"),
    "address link over": Shown(NOBODY, "/account/studio/address/over", status=410),
    "customer log-in by a number": Shown(NOBODY, "/account/studio/login/number"),
    "customer who cannot log in": Shown(NOBODY, "/account/studio/login/help"),
    "customer who cannot log in, nothing typed": Shown(NOBODY, "/account/studio/login/help", send, 422),
    "customer who could not log in, recorded": Shown(
        NOBODY, "/account/studio/login/help", leave_word, lands="/account/studio/login/help/recorded"
    ),
    "customer, a code again": Shown(EMMA, "/account/studio/login/again"),
    "customer address, hold over": Shown(NOBODY, "/account/studio/address/hold/over", status=410),
    "which one to cancel": Shown(ANA, "/account/studio/cancel"),
    "desk customer, a link for them": Shown(SAM, "{desk-customer}/link"),
    "desk log-ins that failed": Shown(SAM, "/admin/received/lost"),
    "desk return addresses": Shown(SAM, "/admin/settings/returns"),
    "desk legal texts": Shown(SAM, "/admin/settings/legal-texts", open_folds),
    "desk legal notice": Shown(SAM, "/admin/settings/legal-texts/notice"),
    "desk privacy": Shown(SAM, "/admin/settings/legal-texts/privacy"),
    "desk terms of sale, nothing typed": Shown(SAM, "/admin/settings/legal-texts/terms", send, 422),
    "desk log-in with the site": Shown(SAM, "/admin/settings/site-login", open_folds),
    "desk log-in with the site, removal": Shown(SAM, "/admin/settings/site-login/removal"),
    "desk log-in with the site, not set up": Shown(ANNE, "/admin/settings/site-login"),
    "customer back from the site, over": Shown(NOBODY, "/account/studio/login/site/back?state=x&code=x", status=410),
    "link to a task, over": Shown(NOBODY, "/account/studio/task/over", status=410),
    "portal session, over": Shown(NOBODY, "/account/studio/session/over", status=410),
    "desk portal sessions": Shown(SAM, "/admin/integrations/sessions"),
    "customer link over": Shown(NOBODY, "/account/studio/login/link/over", status=410),
    "account": Shown("noor", "/account/studio/", open_folds),
    "proof check": Shown(NOBODY, "{proof}"),
    "proof check, wrong code": Shown(NOBODY, "{proof}", wrong_code, 422),
    "proof check, genuine": Shown(EMMA, "{emma-request}", check_the_proof),
    "access": Shown("noor", "/account/studio/access", open_folds),
    "account over": Shown(EMMA, "/account/studio/", open_folds),
    "account waiting": Shown(OLIVER, "/account/studio/", open_folds),
    "subscription": Shown("noor", "{noor}"),
    "payments": Shown("noor", "/account/studio/payments"),
    "receipt": Shown("noor", "/account/studio/payments", open_the_newest, lands="/account/studio/payments/*"),
    "charge": Shown("noor", "/account/studio/payments/search"),
    "charge, nothing typed": Shown("noor", "/account/studio/payments/search", send, 422),
    "recap": Shown("noor", "{noor}/cancellation"),
    "pause": Shown("noor", "{noor}/pause"),
    "recap, another day": Shown("noor", "{noor}/cancellation?on={far}"),
    "result, money later": Shown("lena", "{lena-request}"),
    "subscription over": Shown(EMMA, "{emma}"),
    "coming back": Shown(EMMA, "{emma}/comeback"),
    "coming back, to approve": Shown("lena", "{lena-comeback}"),
    "coming back, turned back at PayPal": Shown("lena", "{lena-comeback}/cancelled"),
    "late payment": Shown("mia", "{mia}/late"),
    "paying what is outstanding": Shown("mia", "{mia}/settlement"),
    "settlement, nothing taken": Shown("mia", "{mia-settlement}"),
    "notification": Shown("mia", "{mia}/notification"),
    "result confirmed": Shown(EMMA, "{emma-request}"),
    "result waiting": Shown(OLIVER, "{oliver-request}"),
    "result needs merchant": Shown(KENJI, "{kenji-request}"),
    "subscription, paused": Shown(ANA, "{ana}"),
    "resume": Shown(ANA, "{ana}/resume"),
    "whose subscriptions": Shown(ANA, "/account/studio/accounts"),
    "customer sessions": Shown(EMMA, "/account/studio/sessions"),
    "own data": Shown(EMMA, "/account/studio/data"),
    "own data, erasure": Shown(EMMA, "/account/studio/data/erasure"),
    "customer profile": Shown(EMMA, "/account/studio/profile"),
    "account people": Shown(EMMA, "/account/studio/profile/people"),
    "account invitation": Shown(NOBODY, "{account-invitation}"),
    "account invitation over": Shown(NOBODY, "/account/studio/invitation/over", status=410),
    "desk account member, removal": Shown(SAM, "{account-member}"),
    "not yours": Shown(KENJI, "{emma}", status=404),
    "desk log-in": Shown(NOBODY, "/admin/login"),
    "desk log-in, nothing typed": Shown(NOBODY, "/admin/login", send, 422),
    "desk log-in closed": Shown(NOBODY, "/admin/login/unlock"),
    "desk log-in opened again": Shown(NOBODY, "{unlock}"),
    "desk second factor": Shown("half", "/admin/login", half_way, lands="/admin/login/code"),
    "desk inbox": Shown(SAM, "/admin/"),
    "desk inbox, empty": Shown(ANNE, "/admin/"),
    "desk inbox, narrowed": Shown(SAM, "/admin/?about=ends"),
    "desk inbox, several": Shown(SAM, "/admin/inbox/several"),
    "desk first steps": Shown(SAM, "/admin/start"),
    "desk subscriptions": Shown(SAM, "/admin/subscriptions"),
    "desk subscriptions, filtered": Shown(SAM, "/admin/subscriptions?state=active&sort=-next&ended_by=x", open_folds),
    "desk view, new": Shown(SAM, "/admin/views/new?list=subscriptions&late=yes"),
    "desk view": Shown(SAM, "/admin/views/new?late=yes", save_a_view, lands="/admin/views/*"),
    "desk subscriptions, none found": Shown(SAM, "/admin/subscriptions?q=nobody"),
    "desk subscriptions, empty": Shown(ANNE, "/admin/subscriptions"),
    "desk subscription, active": Shown(SAM, "{desk-noor}"),
    "desk subscription, cancelled": Shown(SAM, "{desk-emma}"),
    "desk subscription, needs you": Shown(SAM, "{desk-kenji}"),
    "desk letter": Shown(SAM, "/admin/received/new"),
    "desk letter, recorded": Shown(SAM, "{letter}"),
    "desk acts on many": Shown(SAM, "/admin/bulk"),
    "desk act on many, preview": Shown(SAM, "{bulk}"),
    "desk act on many, done": Shown(SAM, "{bulk-done}"),
    "desk payment after an end": Shown(SAM, "{late}"),
    "desk payment": Shown(SAM, "{payment}"),
    "desk refund of a payment": Shown(SAM, "{payment}/refund"),
    "desk journal": Shown(SAM, "/admin/audit"),
    "desk end, cancel": Shown(SAM, "{desk-noor}/end/cancel"),
    "desk pause": Shown(SAM, "{desk-noor}/pause/pause"),
    "desk end, complete": Shown(SAM, "{desk-noor}/end/complete"),
    "desk end, abandon": Shown(SAM, "{desk-noor}/end/abandon"),
    "desk end, abandon later": Shown(SAM, "{desk-emma}/end/abandon"),
    "desk customers": Shown(SAM, "/admin/customers"),
    "desk customers, filtered": Shown(SAM, "/admin/customers?email=none&erased=no"),
    "desk customers, empty": Shown(ANNE, "/admin/customers"),
    "desk customer": Shown(SAM, "{desk-customer}"),
    "desk customer identity": Shown(SAM, "{desk-customer}/identity"),
    "desk customer identity, not an address": Shown(SAM, "{desk-customer}/identity", no_address, 422),
    "desk customer, worked on": Shown(SAM, "{desk-worked-on}"),
    "desk customer, of one address with others": Shown(SAM, "{desk-joined}"),
    "desk customers to join": Shown(SAM, "{joining}"),
    "desk customers to split": Shown(SAM, "{splitting}"),
    "desk note to delete": Shown(SAM, "{note}"),
    "desk access by hand, changed": Shown(SAM, "{gift}"),
    "desk access withdrawn": Shown(SAM, "{gift}/withdrawal", open_folds),
    "desk access by hand": Shown(SAM, "{desk-customer}/grants/new"),
    "desk access by hand, with its mail": Shown(SAM, "{desk-customer}/grants/new", choose_a_product),
    "desk products": Shown(SAM, "/admin/products"),
    "desk products, empty": Shown(ANNE, "/admin/products"),
    "desk product": Shown(SAM, "{product}"),
    "desk product, all unfolded": Shown(SAM, "{product}", open_folds),
    "desk product, not an address": Shown(SAM, "{product}", no_web_address, 422),
    "desk product, whom it touches": Shown(SAM, "{product}", another_rule),
    "desk product, new": Shown(SAM, "/admin/products/new"),
    "desk product, plans": Shown(SAM, "{product}/plans"),
    "desk product, plan": Shown(SAM, "{plan-move}"),
    "desk product, kind of contract": Shown(SAM, "{plan-kind}"),
    "desk renewals": Shown(SAM, "{desk-noor}/renewal"),
    "desk paypal": Shown(SAM, "/admin/paypal", open_folds),
    "desk paypal, without a key": Shown(ANNE, "/admin/paypal"),
    "desk messages": Shown(SAM, "/admin/paypal/events", open_folds),
    "desk messages, without a key": Shown(ANNE, "/admin/paypal/events"),
    "desk message": Shown(SAM, "{message}", open_folds),
    "desk comparisons": Shown(SAM, "/admin/paypal/comparisons"),
    "desk comparisons, without a key": Shown(ANNE, "/admin/paypal/comparisons"),
    "desk comparison": Shown(SAM, "{comparison}"),
    "desk profiles": Shown(SAM, "/admin/paypal/profiles"),
    "desk profiles, without a key": Shown(ANNE, "/admin/paypal/profiles"),
    "desk profile list": Shown(SAM, "{profiles}"),
    "desk integrations": Shown(SAM, "/admin/integrations"),
    "desk recipes": Shown(SAM, "/admin/integrations/recipes"),
    "desk recipes, nothing sold": Shown(ANNE, "/admin/integrations/recipes"),
    "desk endpoints": Shown(SAM, "/admin/integrations/endpoints"),
    "desk endpoints, none yet": Shown(ANNE, "/admin/integrations/endpoints"),
    "desk endpoint, new": Shown(SAM, "/admin/integrations/endpoints/new"),
    "desk endpoint": Shown(SAM, "{endpoint}"),
    "desk endpoint, changed": Shown(SAM, "{endpoint}/settings"),
    "desk endpoint, new secret": Shown(SAM, "{endpoint}/secret"),
    "desk endpoint, removal": Shown(SAM, "{endpoint}/removal"),
    "desk event": Shown(SAM, "{delivery}", open_folds),
    "desk import": Shown(SAM, "/admin/import"),
    "desk import, without a key": Shown(ANNE, "/admin/import"),
    "desk settings": Shown(SAM, "/admin/settings"),
    "desk settings, with their menu": Shown(SAM, "/admin/settings/language", open_settings_menu),
    "desk import and export": Shown(SAM, "/admin/data"),
    "desk import, nothing chosen": Shown(SAM, "/admin/data", send, 422),
    "desk archive": Shown(SAM, "/admin/data/archive"),
    "desk settings, without a key": Shown(ANNE, "/admin/settings"),
    "desk addresses": Shown(SAM, "/admin/settings/addresses"),
    "desk sections": Shown(SAM, "/admin/settings/sections"),
    "desk countries": Shown(SAM, "/admin/settings/countries"),
    "desk emails": Shown(SAM, "/admin/settings/notices", open_folds),
    "desk email": Shown(SAM, "/admin/settings/notices/end_recorded/fr", open_folds),
    "desk email, refused": Shown(SAM, "/admin/settings/notices/end_recorded/en", code_in_a_mail, 422),
    "desk email, the portal's own": Shown(SAM, "/admin/settings/notices/login_code/en"),
    "desk reasons": Shown(SAM, "/admin/settings/reasons", open_folds),
    "desk reason": Shown(SAM, "/admin/settings/reasons/too_expensive"),
    "desk offer": Shown(SAM, "/admin/settings/offer", open_folds),
    "desk retention": Shown(SAM, "/admin/settings/retention"),
    "desk own host": Shown(SAM, "/admin/settings/host"),
    "desk own host, to be proved": Shown(ANNE, "/admin/settings/host", open_folds),
    "desk own host, giving it up": Shown(ANNE, "/admin/settings/host/removal"),
    "desk links": Shown(SAM, "/admin/settings/links"),
    "desk links, all unfolded": Shown(SAM, "/admin/settings/links", open_folds),
    "desk language": Shown(SAM, "/admin/settings/language"),
    "desk face": Shown(SAM, "/admin/settings/face"),
    "desk settings, saved meanwhile": Shown(SAM, "/admin/settings", saved_meanwhile, 409),
    "desk logo": Shown(SAM, "/admin/settings/logo"),
    "desk logo, preview": Shown(SAM, "/admin/settings/logo", brought_logo, lands="/admin/settings/logo/*"),
    "desk face, unreadable": Shown(SAM, "/admin/settings/face", pale_accent, 422),
    "desk face preview": Shown(SAM, "/admin/settings/face", bright_accent),
    "desk confirm": Shown(SAM, "/admin/confirm"),
    "desk sessions": Shown(SAM, "/admin/sessions"),
    "desk team": Shown(SAM, "/admin/team"),
    "desk team, invitation": Shown(SAM, "/admin/team/new"),
    "desk team, nobody named": Shown(SAM, "/admin/team/new", send, 422),
    "desk member": Shown(SAM, "{member}", open_folds),
    "desk account": Shown(SAM, "/admin/account"),
    "desk account, password": Shown(SAM, "/admin/account/password"),
    "desk passkeys": Shown(SAM, "/admin/account/passkeys"),
    "desk account, app": Shown(SAM, "/admin/account/factor", open_folds),
    "invitation": Shown(NOBODY, "{invitation}"),
    "invitation, nothing typed": Shown(NOBODY, "{invitation}", send, 422),
    "invitation, second factor": Shown(NOBODY, "{invited}/code", open_folds),
    "invitation, over": Shown(NOBODY, "/admin/invitation/over", status=410),
    "desk forgotten password": Shown(NOBODY, "/admin/password"),
    "desk new password": Shown(NOBODY, "{password}"),
    "account, seen from the desk": Shown(SAM, "{desk-customer}", see_their_space),
}
# Pages that are another page with something else in it: one title for both.
VARIANTS = re.compile(r", |^not |elsewhere| over$| waiting$| needs merchant$")
