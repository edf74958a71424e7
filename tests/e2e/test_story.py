"""The product's story, lived from a demo in which nothing happened yet: without JavaScript, in both languages,
on a wide screen by mouse, on a narrow one by keyboard alone (cancellation.md, deciding test 12).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import pytest

from portal.demo.seed import ATELIER_KEY, PASSWORD
from tests.e2e.conftest import NewVisitor
from tests.e2e.demo import Demo, wait_for
from tests.e2e.visitor import NARROW, WIDE, Size, Visitor, plain

ANNE = "anne@atelier.example"
PIANO, PHOTO, DRAWING = "Cours de piano en ligne", "Club photo", "Formation dessin en six mois"

# The words of cancellation.md, written out: what the catalogue says must be these.
DATE, REFERENCE = r"(?P<date>[^.,]+? 20\d\d)", r"(?P<reference>[0-9A-Z-]{6,})"
TIME = r"(?P<time>\d\d:\d\d)(?: \((?:heure de Paris|Paris time)\))?"  # the zone comes with a page's first moment
NOT_YET = {
    "fr": "Vérifiez : votre abonnement n'est pas encore résilié",
    "en": "Check: your subscription is not cancelled yet",
}
CONFIRMED = {
    "fr": rf"Votre abonnement est résilié\. PayPal l'a confirmé le {DATE} à {TIME}\. "
    r"Aucun autre prélèvement ne sera effectué\. ",
    "en": rf"Your subscription is cancelled\. PayPal confirmed it on {DATE} at {TIME}\. "
    r"You will not be charged again\. ",
}
UNTIL = {
    "fr": r"Vous gardez vos accès jusqu'au (?P<until>[^.]+?)\. ",
    "en": r"You keep access until (?P<until>[^.]+?)\. ",
}
KEPT = {
    "fr": r"Vous conservez sans limite de durée : Leçon 1\. ",
    "en": r"You keep for good: Leçon 1\. ",
}
PROOF = {"fr": rf"Référence : {REFERENCE}\.", "en": rf"Reference: {REFERENCE}\."}
RECORDED = {
    "fr": rf"Votre demande a été enregistrée le {DATE} à {TIME}, référence {REFERENCE}\. PayPal ne l'a pas encore "
    r"confirmée\. Nous réessayons automatiquement et nous vous écrirons\. Vous n'avez rien à refaire\.",
    "en": rf"Your request was recorded on {DATE} at {TIME}, reference {REFERENCE}\. PayPal has not confirmed it yet\. "
    r"We are trying again and will email you\. You do not need to do anything\.",
}
CANCEL_NOW = {"fr": "Résilier maintenant", "en": "Cancel now"}
KEEP = {"fr": "Garder mon abonnement", "en": "Keep my subscription"}
CANCEL_MINE = {"fr": "Résilier mon abonnement", "en": "Cancel my subscription"}
# Deciding test 17: what nobody may read while PayPal has confirmed nothing.
SAID_TO_BE_OVER = re.compile(r"\b(?:résiliée?s?|annulée?s?|cancell?ed|stopped|ended|terminée?s?)\b", re.IGNORECASE)
HONEST = re.compile(
    r"n'est pas encore résilié|is not cancelled yet|jusqu'à ce que .{0,60}|until the subscription is .{0,20}",
    re.IGNORECASE,
)


def claims_an_end(text: str) -> list[str]:
    """Return the words of a text that say that something is over."""
    return SAID_TO_BE_OVER.findall(HONEST.sub("", plain(text)))


def found(pattern: str, visitor: Visitor) -> dict[str, str]:
    """Return what the page says in the places of a sentence; fail if the sentence is not there."""
    match = re.search(pattern, visitor.text)
    assert match is not None, f"{pattern}\nnot in\n{visitor.text}"
    return match.groupdict()


@dataclass
class Story:
    """One walk through the story, with who takes part and what they saw."""

    demo: Demo
    new_visitor: NewVisitor
    locale: str
    size: Size
    keyboard: bool
    asked: dict[str, int] = field(default_factory=dict)
    secrets: list[str] = field(default_factory=lambda: [ATELIER_KEY[1], PASSWORD])

    def person(self, name: str) -> Visitor:
        return self.new_visitor(name, locale=self.locale, size=self.size, keyboard=self.keyboard)

    def picture(self, who: Visitor, what: str) -> None:
        who.keep(f"story-{self.locale}-{self.size.width}-{what}")

    # At the desk

    def anne_logs_in(self) -> Visitor:
        anne = self.person("Anne").open(f"{self.demo.portal}/admin/")
        anne.type("Your email address", ANNE)
        anne.type("Your password", PASSWORD + "?")
        anne.press("button", "Continue")
        assert plain(anne.word("Wrong address or password.")) in anne.text
        anne.type("Your email address", ANNE)
        anne.type("Your password", PASSWORD)
        anne.press("button", "Continue")
        code = self.demo.totp(ANNE)
        anne.type("The code of your app, or a recovery code", code)
        anne.press("button", "Log in")
        assert anne.title == plain(anne.word("Five steps, and your customers can cancel by themselves"))
        self.picture(anne, "desk-first")
        return anne

    def switch_is_refused_before_the_key(self, anne: Visitor) -> None:
        anne.press("link", "Settings")
        assert plain(anne.word("Enter or test the key")) in anne.text
        anne.tick("Customers can cancel themselves")
        anne.press("button", "Save the settings")
        why = anne.word("This can be switched on once your PayPal key has passed its test: see the PayPal page.")
        assert plain(why) in anne.text
        self.picture(anne, "desk-switch-refused")

    def open_paypal(self, anne: Visitor, page: str) -> None:
        """Open one of the pages about the link to PayPal."""
        for name, link in (("Desk", "PayPal"), ("PayPal", page)):
            anne.press("link", link, within=anne.page.get_by_role("navigation", name=anne.word(name), exact=True))

    def key_is_entered(self, anne: Visitor) -> None:
        self.open_paypal(anne, "REST key")
        secret = ATELIER_KEY[1]
        tried = [
            ("Sandbox (tests, no real money)", secret[:-1] + "x", "PayPal does not know this key: "),
            ("Live (real payments)", secret, "This key belongs to the sandbox: "),
        ]
        sentences = set()
        for environment, typed, english in tried:
            self.send_key(anne, environment, typed)
            (sentence,) = [
                str(anne.word(msgid))
                for msgid in (
                    "PayPal does not know this key: the client ID or the secret is wrong.",
                    "This key belongs to the sandbox: choose “Sandbox”, or copy the live key.",
                )
                if msgid.startswith(english)
            ]
            assert plain(sentence) in anne.text
            assert secret not in anne.page.content()
            sentences.add(sentence)
        self.picture(anne, "desk-key-refused")
        self.demo.disturb("500")
        self.send_key(anne, "Sandbox (tests, no real money)", secret)
        silence = "PayPal did not answer. Nothing was saved and nothing is lost: try again in a few minutes."
        assert plain(anne.word(silence)) in anne.text
        assert len({*sentences, anne.word(silence)}) == 3
        self.demo.calm()
        self.send_key(anne, "Sandbox (tests, no real money)", secret)
        assert plain(anne.word("PayPal accepted the key. It is saved, encrypted.")) in anne.text
        for seen in ("The key works.", "Last test", "Access to subscriptions"):
            assert plain(anne.word(seen)) in anne.text
        assert secret not in anne.page.content()
        self.picture(anne, "desk-key")

    def send_key(self, anne: Visitor, environment: str, secret: str) -> None:
        anne.choose(environment)
        anne.type("Client ID", ATELIER_KEY[0])
        anne.type("Secret", secret)
        anne.press("button", "Test and save the key")

    def paypal_reports_by_itself(self, anne: Visitor) -> None:
        """Nobody entered an address at PayPal: the key was enough."""

        def look() -> bool:
            self.open_paypal(anne, "Messages")
            return plain(anne.word("Yes. PayPal knows this portal’s address.")) in anne.text

        wait_for(look, "the webhook", seconds=60)
        webhooks = self.demo.call("GET", f"{self.demo.simulator}/_simulator/webhooks").json()["webhooks"]
        assert any(one["url"].startswith(f"{self.demo.portal}/webhooks/paypal/") for one in webhooks)
        self.picture(anne, "desk-messages")

    def customers_may_cancel(self, anne: Visitor) -> None:
        anne.press("link", "Settings")
        anne.tick("Customers can cancel themselves")
        anne.press("button", "Save the settings")
        assert plain(anne.word("The settings are saved.")) in anne.text

    def subscriptions_come_in(self, anne: Visitor) -> None:
        anne.press("link", "Subscriptions")
        assert plain(anne.word("No subscriptions yet.")) in anne.text
        self.import_again(anne, "Import now")
        self.picture(anne, "desk-import")
        first = self.listed(anne)
        assert len(first) >= 10
        assert any("L'Écuyer" in row for row in first)
        assert any("ليلى حداد" in row for row in first)
        self.import_again(anne, "Import again")
        assert self.listed(anne) == first  # run again, nothing is doubled

    def import_again(self, anne: Visitor, button: str) -> None:
        anne.press("link", "Import from PayPal", within=anne.page.locator("main"))
        anne.press("button", button)
        done = plain(anne.word("The import is complete."))

        def look() -> bool:
            refresh = anne.page.get_by_role("link", name=anne.word("Refresh"), exact=True)
            if done not in anne.text and refresh.count():
                anne.go(refresh)
            return done in anne.text

        wait_for(look, "the import", seconds=60)

    def listed(self, anne: Visitor) -> list[str]:
        anne.press("link", "Subscriptions")
        return [plain(row) for row in anne.page.locator("tbody tr").all_inner_texts()]

    def rules_are_set(self, anne: Visitor) -> None:
        anne.press("link", "Products")
        self.picture(anne, "desk-products")
        anne.press("link", PIANO)
        anne.choose("What is already unlocked stays open for good.")
        for number, (title, days) in enumerate((("Leçon 1", 0), ("Leçon 9", 300)), start=1):
            anne.type_into(anne.word("Title of content %(number)s", number=number), title)
            anne.type_into(anne.word("Content %(number)s opens after (days)", number=number), str(days))
        anne.press("button", "Save the product")
        assert plain(anne.word("Who these changes affect")) == anne.title
        anne.press("button", "Save the product")
        assert plain(anne.word("The product is saved.")) in anne.text
        self.picture(anne, "desk-product")

    # The customer

    def asks_for_a_code(self, who: Visitor, email: str) -> tuple[str, str]:
        who.open(f"{self.demo.portal}/account/atelier/")
        who.type("Your email address", email)
        who.press("button", "Send me a code")
        code, link = self.demo.login_mail(email, after=self.asked.get(email, 0))
        self.asked[email] = self.asked.get(email, 0) + 1
        self.secrets += [link.rpartition("/")[2]]
        return code, link

    def claire_logs_in_by_code(self) -> Visitor:
        claire = self.person("Claire")
        code, link = self.asks_for_a_code(claire, "claire@exemple.fr")
        for method in ("HEAD", "GET", "HEAD", "GET"):  # a mail server's scanner
            assert self.demo.call(method, link).status_code == 200
        wrong = f"{(int(code.replace(' ', '')) + 1) % 10**6:06}"
        claire.type("6-digit code", wrong)
        claire.press("button", "Log in")
        wrong = "This code is wrong or has expired. Use the latest email, or ask for another code."
        assert plain(claire.word(wrong)) in claire.text
        claire.type("6-digit code", code)
        claire.press("button", "Log in")
        assert claire.title.startswith(("Bonjour ", "Hello "))
        assert self.demo.call("GET", link).status_code == 410  # the code has used up its link
        return claire

    def amelie_logs_in_by_link(self) -> Visitor:
        amelie = self.person("Amélie")
        _code, link = self.asks_for_a_code(amelie, "amelie@exemple.fr")
        amelie.open(link)
        amelie.open(link)  # opening changes nothing
        self.picture(amelie, "customer-link")
        amelie.press("button", "Log in")
        assert amelie.title.startswith(("Bonjour ", "Hello "))
        return amelie

    def recap(self, who: Visitor, product: str) -> str:
        """Open the recap of a product's subscription; return PayPal's id of it."""
        who.press("link", product)
        provider_id = self.id_at_paypal(who)
        assert self.demo.at_paypal(provider_id)["status"] == "ACTIVE"
        assert who.page.get_by_role("link", name=CANCEL_MINE[self.locale], exact=True).count() == 1
        who.press("link", "Cancel my subscription")
        assert who.title == NOT_YET[self.locale]
        sends, leaves = (
            who.page.get_by_role("button", name=CANCEL_NOW[self.locale], exact=True),
            who.page.get_by_role("link", name=KEEP[self.locale], exact=True),
        )
        assert sends.evaluate(LOOK) == leaves.evaluate(LOOK)  # neither pushed nor hidden (R-DP-2)
        return provider_id

    def id_at_paypal(self, who: Visitor) -> str:
        """Return the id of the subscription of that customer and that product at PayPal's stand-in."""
        product, person = who.title, {"Claire": "claire@exemple.fr", "Amélie": "amelie@exemple.fr"}[who.name]
        rows = self.demo.call("GET", f"{self.demo.simulator}/_simulator/subscriptions").json()["subscriptions"]
        plan = {PIANO: "P-DEMOPIANO000000000000000", PHOTO: "P-DEMOPHOTO000000000000000"}[product]
        (mine,) = [row["id"] for row in rows if row["email"] == person and row["plan_id"] == plan]
        return str(mine)

    def claire_cancels(self, claire: Visitor) -> tuple[str, str]:
        self.picture(claire, "account")
        provider_id = self.recap(claire, PIANO)
        self.picture(claire, "recap")
        claire.press("link", "Keep my subscription")
        assert self.demo.calls("cancel", provider_id) == 0
        claire.press("link", "Cancel my subscription")
        claire.unfold("Say why (optional)")
        claire.choose("I do not use it enough")
        claire.press("button", "Cancel now")
        kept = {
            "fr": r"Vous conservez sans limite de durée : Leçon 1\. ",
            "en": r"You keep for good: Leçon 1\. ",
        }
        said = found(CONFIRMED[self.locale] + kept[self.locale] + PROOF[self.locale], claire)
        assert "Leçon 9" not in claire.text.partition(said["reference"])[0]  # it had not opened
        assert self.demo.at_paypal(provider_id)["status"] == "CANCELLED"
        assert self.demo.calls("cancel", provider_id) == 1
        self.picture(claire, "result")
        mail = self.demo.mail("claire@exemple.fr", said["reference"])
        assert claims_an_end(mail["subject"])
        assert "Leçon 1" in mail["text"]
        self.mailed_links_change_nothing(mail["text"])
        claire.page.reload()
        assert said["reference"] in claire.text  # the proof can be opened again
        assert len([one for one in self.demo.mails("claire@exemple.fr") if said["reference"] in one["text"]]) == 1
        return provider_id, said["reference"]

    def mailed_links_change_nothing(self, text: str) -> None:
        links = re.findall(r"http://127\.0\.0\.1:\d+\S+", text)
        assert links
        for link in links:
            for method in ("HEAD", "GET"):
                assert self.demo.call(method, link).status_code in (200, 303)

    def the_desk_sees_it(self, anne: Visitor, reference: str) -> None:
        rows = [row for row in self.listed(anne) if "claire@exemple.fr" in row and PIANO in row]
        assert len(rows) == 1
        assert plain(anne.word("Cancelled")) in rows[0]
        self.picture(anne, "desk-subscriptions")
        anne.press("link", "Customers")
        anne.press("link", "Claire Dupont")
        assert reference in anne.text
        assert plain(anne.word("Cancellation confirmed by PayPal")) in plain(
            anne.page.locator("#timeline").inner_text()
        )
        self.picture(anne, "desk-customer")

    # The buyer ends it at PayPal

    def hugo_cancels_at_paypal(self, anne: Visitor) -> None:
        """PayPal's message leads to a read: the customer's page, the mail and the desk follow by themselves."""
        email = "hugo@exemple.fr"
        hugo = self.person("Hugo")
        code, _link = self.asks_for_a_code(hugo, email)
        hugo.type("6-digit code", code)
        hugo.press("button", "Log in")
        assert plain(hugo.page.locator("[data-status]").first.inner_text()) == plain(hugo.word("Active"))
        rows = self.demo.call("GET", f"{self.demo.simulator}/_simulator/subscriptions").json()["subscriptions"]
        (provider_id,) = [row["id"] for row in rows if row["email"] == email]
        happening = f"{self.demo.simulator}/_simulator/subscriptions/{provider_id}/buyer-cancels"
        assert self.demo.call("POST", happening, json={}).status_code == 200

        def look() -> bool:
            hugo.page.goto(hugo.page.url)
            return hugo.page.locator("[data-status]").first.get_attribute("data-status") == "cancelled"

        wait_for(look, "the message of PayPal", seconds=30)
        hugo.look()
        self.picture(hugo, "customer-cancelled-at-paypal")
        mail = self.demo.mail(email, DRAWING)
        assert claims_an_end(mail["subject"]) != []
        self.open_paypal(anne, "Messages")
        rows_shown = [
            plain(row) for row in anne.page.locator("tbody tr").filter(has_text=provider_id).all_inner_texts()
        ]
        (cancelled,) = [row for row in rows_shown if "BILLING.SUBSCRIPTION.CANCELLED" in row]
        assert plain(anne.word("Processed")) in cancelled
        self.picture(anne, "desk-messages-handled")

    # The merchant's own ends

    def staff_ends(self, anne: Visitor, *, email: str, action: str, status: str) -> None:
        """End a customer's only subscription, after the preview of its three effects."""
        anne.press("link", "Subscriptions")
        row = anne.page.locator("tbody tr").filter(has_text=email)
        anne.go(row.get_by_role("link"))
        anne.press("link", f"Mark as {action}")
        for effect in ("At PayPal", "Access", "Invitation to come back"):
            assert anne.page.get_by_role("heading", name=anne.word(effect), exact=True).count() == 1
        self.picture(anne, f"desk-preview-{status}")
        anne.type("Internal note", "Vu au téléphone")
        anne.press("button", f"End the subscription and mark it as {action}")
        word = plain(anne.word(status))
        assert re.search(rf"{word}\. .*PayPal", plain(anne.page.get_by_role("status").inner_text()), re.IGNORECASE)
        assert plain(anne.page.locator("[data-status]").first.inner_text()) == word
        provider_id = re.search(r"\bI-[A-Z0-9]+", anne.text)
        assert provider_id is not None
        assert self.demo.at_paypal(provider_id[0])["status"] == "CANCELLED"
        mail = self.demo.mail(email, PIANO if status == "Completed" else DRAWING)
        assert "Vu au téléphone" not in mail["text"]
        self.picture(anne, f"desk-{status}")

    # PayPal is away

    def amelie_cancels_while_paypal_fails(self, amelie: Visitor, anne: Visitor) -> tuple[str, str]:
        provider_id = self.recap(amelie, PHOTO)
        self.demo.disturb("500")
        amelie.press("button", "Cancel now")
        said = found(RECORDED[self.locale], amelie)
        assert claims_an_end(amelie.text) == []
        self.picture(amelie, "result-waiting")
        mail = self.demo.mail("amelie@exemple.fr", said["reference"])
        assert claims_an_end(mail["subject"] + "\n" + mail["text"]) == []
        amelie.press("link", "My subscriptions")
        assert claims_an_end(amelie.text) == []
        anne.press("link", "To do")
        row = anne.page.locator("tbody tr").filter(has_text=said["reference"])
        assert claims_an_end(row.inner_text()) == []  # the figures below name the ends of others
        anne.go(row.get_by_role("link"))
        assert said["reference"] in anne.text
        assert self.desk_claims(anne) == []
        assert plain(anne.page.locator("[data-status]").first.inner_text()) == plain(anne.word("Active"))
        self.picture(anne, "desk-waiting")
        return provider_id, said["reference"]

    def desk_claims(self, anne: Visitor) -> list[str]:
        """Return the words of a record that say an end, but not what only names one that is asked for or to come:
        « Terminé : pas à ce jour », « Souhaité : Annulé », « Fin demandée : Annulé ».
        """
        over = anne.word("Cancelled")
        asked = anne.word("%(fact)s: %(status)s", fact=anne.word("Cancellation requested"), status=over)
        wanted = anne.page.locator("#requests dl > div").filter(has_text=anne.word("Type of end"))
        assert over in wanted.inner_text()
        text = anne.text
        for named in (asked, *anne.page.locator("main dt").all_inner_texts(), over):
            assert plain(named) in text
            text = text.replace(plain(named), "", 1)
        return claims_an_end(text)

    def it_is_finished(self, amelie: Visitor, provider_id: str, reference: str, *, seconds: float) -> None:
        amelie.open(f"{self.demo.portal}/account/atelier/requests/{reference}")

        def look() -> bool:
            refresh = amelie.page.get_by_role("link", name=amelie.word("Refresh this page"), exact=True)
            if refresh.count():
                amelie.page.goto(amelie.page.url)
            return re.search(CONFIRMED[self.locale], amelie.text) is not None

        wait_for(look, "PayPal's confirmation", seconds=seconds)
        said = found(CONFIRMED[self.locale] + UNTIL[self.locale] + PROOF[self.locale], amelie)
        assert said["reference"] == reference
        assert self.demo.at_paypal(provider_id)["status"] == "CANCELLED"
        assert self.demo.calls("cancel", provider_id) == 1
        self.demo.mail("amelie@exemple.fr", reference)
        wait_for(
            lambda: any(
                claims_an_end(mail["subject"])
                for mail in self.demo.mails("amelie@exemple.fr")
                if reference in mail["text"]
            ),
            "the mail of the confirmation",
        )
        self.picture(amelie, "result-confirmed")


LOOK = """one => { const { width, height, backgroundColor, color, fontSize, fontWeight } = getComputedStyle(one);
  return [width, height].map(parseFloat).map(Math.round).concat([backgroundColor, color, fontSize, fontWeight]); }"""


@pytest.mark.parametrize(
    ("locale", "size", "keyboard"),
    [
        ("fr", WIDE, False),
        pytest.param("en", NARROW, True, marks=pytest.mark.drill),
    ],  # each language, width and way to move once: a demo is dear
    ids=["fr-1280-mouse", "en-320-keyboard"],
)
def test_12_the_whole_story(fresh_demo: Demo, new_visitor: NewVisitor, locale: str, size: Size, keyboard: bool) -> None:
    """It takes long because a whole demo starts, and a browser goes through dozens of pages."""
    story = Story(fresh_demo, new_visitor, locale, size, keyboard)
    anne = story.anne_logs_in()
    story.switch_is_refused_before_the_key(anne)
    story.key_is_entered(anne)
    story.paypal_reports_by_itself(anne)
    story.subscriptions_come_in(anne)
    story.customers_may_cancel(anne)
    story.rules_are_set(anne)

    amelie = story.amelie_logs_in_by_link()
    provider_id, reference = story.amelie_cancels_while_paypal_fails(amelie, anne)
    fresh_demo.calm()
    if keyboard:  # the merchant does not wait for the next try
        anne.press("button", "Try request %(reference)s again now", reference=reference)
        assert reference in anne.text
        patience = 20.0
    else:
        patience = 90.0  # the first try again comes after a minute: meanwhile, others go on

    claire = story.claire_logs_in_by_code()
    _, proof = story.claire_cancels(claire)
    story.the_desk_sees_it(anne, proof)

    story.hugo_cancels_at_paypal(anne)
    story.staff_ends(anne, email="benoit@exemple.fr", action="completed", status="Completed")
    story.staff_ends(anne, email="ines@exemple.fr", action="abandoned", status="Abandoned")
    story.it_is_finished(amelie, provider_id, reference, seconds=patience)

    logs = fresh_demo.logs()
    for secret in story.secrets:
        assert secret not in logs
