"""The plugin for WordPress in a real one, played in a browser.

`make wordpress` sets up a WordPress of Debian's with a MariaDB of its own, starts the portal with a worker and PayPal's
simulator, uploads docs/integrations/wordpress/portal-access.php as a merchant does, and follows
docs/integrations/wordpress.md: who subscribes reads the lesson, who does not does not, an end closes it with the event,
what the portal's own worker signs and sends opens and closes it, and a portal that is down opens or closes as it was
set.  Pictures are in var/wordpress.

Exit status: 0 all as it should be, 1 something was not, 2 nothing could be judged.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import sys
import time
import uuid
import zipfile
from collections.abc import Callable
from typing import Any, Final

from playwright.sync_api import Browser, Page, sync_playwright

from bench import simulated
from bench.stack import ROOT, free_port, local_http, standing
from portal.services.context import Context
from tests import wordpress_site, wordpress_world
from tests.e2e.browser import LAUNCH_FLAGS, find_browser
from tests.wordpress_site import NAMED, PASSWORD, PLUGIN, Missing
from tests.wordpress_world import World

PICTURES: Final = ROOT / "var" / "wordpress"
SIGNING: Final = base64.b64encode(bytes(range(32))).decode()
LESSON, PASSAGE = "Tie the first knot", "And here the second one"
EVERY_ANSWER_STAYS: Final = """global $wpdb;
$wpdb->query( "UPDATE wp_options SET option_value = option_value + 3600
    WHERE option_name LIKE '_transient_timeout_portal_access_%'" );
wp_cache_flush(); return get_option( 'portal_access_cleared' );"""
NOTHING_IS_KEPT: Final = """global $wpdb; return $wpdb->query( "CREATE TRIGGER wp_options_full
    BEFORE UPDATE ON wp_options FOR EACH ROW SIGNAL SQLSTATE '45000'" );"""
ALL_IS_KEPT: Final = "global $wpdb; return $wpdb->query( 'DROP TRIGGER wp_options_full' );"
PATIENCE: Final = 90  # seconds in which PayPal confirms


def main() -> int:
    """Play; return the exit status."""
    found = find_browser()
    try:
        wordpress_site.check()
        if found.path is None:
            raise Missing(found.reason)
    except Missing as error:
        print(f"Not judged, since this is missing: {error}", file=sys.stderr)
        return 2
    PICTURES.mkdir(parents=True, exist_ok=True)
    with standing(small=True) as stack, stack.database() as url, simulated.simulating(stack, 4) as simulator:
        address = f"http://127.0.0.1:{free_port()}"
        # The sender's own guard, told by the setting of the demo and the tests that this machine is an address too.
        settings = stack.environment(url, simulator) | {"PORTAL_BASE_URL": address, "PORTAL_ALLOW_LOOPBACK": "1"}
        with wordpress_site.running(stack.folder / "wp") as site, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=found.path, args=list(LAUNCH_FLAGS))
            world = wordpress_world.made(stack, url, simulator, site, address)
            try:
                with wordpress_world.worker(stack, settings), wordpress_world.portal(stack, address, settings):
                    _set_up(browser, world)
                    _reads(browser, world)
                    _goes_there(browser, world)
                    _ends(browser, world)
                    with stack.context(url, simulator) as ctx:
                        _is_told_by_the_portal(browser, world, ctx)
                    _cannot_be_fooled(browser, world)
                _is_down(browser, world)
            except AssertionError:
                print(site.complaints(), file=sys.stderr)
                raise
            assert site.complaints() == "", site.complaints()
    print(f"WordPress: played to its end. Pictures are in {PICTURES.relative_to(ROOT)}.")
    return 0


def _logged_in(browser: Browser, world: World, name: str, *, locale: str = "en-GB") -> Page:
    page = browser.new_context(locale=locale, viewport={"width": 1280, "height": 900}).new_page()
    page.set_default_timeout(30_000)
    # Not by its page: a script there moves the focus about while somebody types.
    form = {"log": name, "pwd": PASSWORD, "redirect_to": f"{world.site.address}/wp-admin/profile.php"}
    assert page.request.post(f"{world.site.address}/wp-login.php", form=form).url.endswith("/wp-admin/profile.php")
    return page


def _set_up(browser: Browser, world: World) -> None:
    """Upload the file, make the settings, mark a page and name a user, as the page of the docs says."""
    page = _logged_in(browser, world, "admin")
    archive = world.site.folder / "portal-access.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.write(PLUGIN, PLUGIN.name)
    page.goto(f"{world.site.address}/wp-admin/plugin-install.php?tab=upload")
    page.set_input_files("#pluginzip", archive)
    page.click("#install-plugin-submit")
    page.click("text=Activate Plugin")
    world.site.php(
        "foreach ( array( 'ada', 'bob', 'eve' ) as $name )"
        f"    wp_create_user( $name, '{PASSWORD}', $name . '@courses.example' );"
    )
    _save(page, world, prefix="cus_x", signing="nothing")  # what is wrong is said, and the rest kept
    assert page.locator(".notice-error").count() == 2, page.content()
    _save(page, world, prefix="wp-", signing=f"whsec_{SIGNING}")
    assert "The portal answers, and knows this key." in page.inner_text(".wrap")
    _no_secret(page, world)
    page.goto(f"{world.site.address}/wp-admin/options.php")
    _no_secret(page, world)
    # Without its scripts the editor saves what is there: with them it drops a press while it keeps a draft.
    plain = browser.new_context(java_script_enabled=False, storage_state=page.context.storage_state()).new_page()
    _write(plain, world, "Lesson", LESSON, world.product)
    passage = f'[portal_access product="{world.product}"]{PASSAGE}[/portal_access]'
    passage += "[portal_subscriptions]<!-- wp:portal-access/my-subscriptions /-->"
    _write(plain, world, "Passage", passage, "")
    _name(page, world)
    page.goto(f"{world.site.address}/wp-admin/post-new.php?post_type=page&blocks=yes")
    page.wait_for_function("() => window.wp?.blocks?.getBlockType('portal-access/my-subscriptions')")


def _open_settings(page: Page, world: World) -> None:
    page.goto(f"{world.site.address}/wp-admin/options-general.php?page=portal-access")


def _save(page: Page, world: World, **more: str) -> None:
    _open_settings(page, world)
    typed = {"address": f"{world.portal}/", "merchant": "bench", "key": world.key, **more}
    for name, text in typed.items():
        page.fill(f"[name={name}]", text)
    page.check("[name=by_email]")
    page.fill("[name='product[0]']", world.product)
    page.select_option("[name='role[0]']", "contributor")
    with page.expect_navigation():
        page.click("#submit")
    page.screenshot(path=PICTURES / "settings.png", full_page=True)


def _no_secret(page: Page, world: World) -> None:
    assert world.key[-30:] not in page.content()
    assert SIGNING not in page.content()


def _write(page: Page, world: World, title: str, text: str, product: str) -> None:
    page.goto(f"{world.site.address}/wp-admin/post-new.php?post_type=page")
    page.fill("#title", title)
    page.fill("#content", text)
    page.fill("#portal-access-product", product)
    page.click("#publish")
    page.wait_for_selector("#message.updated")
    assert page.input_value("#portal-access-product") == product


def _name(page: Page, world: World) -> None:
    """Say on Ada's profile which customer she is."""
    profile = f"{world.site.address}/wp-admin/user-edit.php?user_id={_user(world, 'ada')}"
    for typed, said in (("cus_" + "0" * 32, "Not done"), (world.ada, "Done")):
        page.goto(profile)
        page.fill("#portal-access-customer", typed)
        page.click("#submit")
        page.wait_for_selector(f"text={said}")
    page.screenshot(path=PICTURES / "profile.png", full_page=True)


def _user(world: World, name: str) -> int:
    return int(world.site.php(f"return get_user_by( 'login', '{name}' )->ID;"))


def _roles(world: World, name: str) -> list[str]:
    return sorted(world.site.php(f"return array_values( get_user_by( 'login', '{name}' )->roles );"))


def _sees(page: Page, world: World) -> bool:
    """Say whether the lesson and the passage are open; never one without the other."""
    page.goto(f"{world.site.address}/lesson/")
    lesson = LESSON in page.content()
    page.goto(f"{world.site.address}/passage/")
    assert (PASSAGE in page.content()) is lesson, page.content()
    return lesson


def _reads(browser: Browser, world: World) -> None:
    nobody = browser.new_context().new_page()
    assert not _sees(nobody, world)
    assert nobody.locator(f"a[href='{world.portal}/account/bench/']").count() == 2  # shortcode, block
    for path in (
        "wp-json/wp/v2/pages?slug=lesson",
        "?s=knot",
        "?feed=rss2&post_type=page",
        "wp-json/wp/v2/search?search=knot",
    ):
        nobody.goto(f"{world.site.address}/{path}")
        assert LESSON not in nobody.content(), path
    for name, reads in (("ada", True), ("bob", False), ("eve", True)):
        page = _logged_in(browser, world, name)
        assert _sees(page, world) is reads, name
        assert ("contributor" in _roles(world, name)) is reads, name
        page.goto(f"{world.site.address}/lesson/")
        page.screenshot(path=PICTURES / f"lesson-{name}.png")
    world.site.php(
        "update_user_meta( get_user_by( 'login', 'bob' )->ID, 'locale', 'fr_FR' ); update_option( 'WPLANG', 'fr_FR' );"
    )
    french = _logged_in(browser, world, "bob", locale="fr-FR")
    french.goto(f"{world.site.address}/lesson/")
    assert "Mes abonnements" in french.content()
    french.set_viewport_size({"width": 375, "height": 700})
    french.screenshot(path=PICTURES / "lesson-bob-fr.png")
    admin = _logged_in(browser, world, "admin", locale="fr-FR")
    _open_settings(admin, world)
    admin.screenshot(path=PICTURES / "settings-fr.png", full_page=True)
    world.site.php("update_option( 'WPLANG', '' );")


def _goes_there(browser: Browser, world: World) -> None:
    """Ada, whom the merchant named, gets a session; Eve, who was found by her address, has to log in at the portal."""
    for name, where in (("ada", "/session/"), ("eve", "/login")):
        page = _logged_in(browser, world, name)
        page.goto(f"{world.site.address}/passage/")
        page.click("form.portal-access-link button")
        page.wait_for_url(f"{world.portal}/account/bench/**")
        assert where in page.url, page.url
        if name == "ada":
            page.click("main button")
            page.wait_for_load_state()
            assert page.get_attribute(f"a[href^='{NAMED}']", "href") == f"{NAMED}/passage/"
            page.screenshot(path=PICTURES / "session.png")


def _event(
    world: World, *, secret: str = SIGNING, at: int | None = None, times: int = 1, name: str | None = None
) -> list[int]:
    """Send an event as the portal does, with a signature of a former secret first; return how each was answered."""
    body = b'{"type":"subscription.ended","timestamp":"2026-12-03T08:00:00Z","data":{}}'
    name, moment = name or f"evt_{uuid.uuid4().hex}", str(int(time.time()) if at is None else at)
    signed = hmac.new(base64.b64decode(secret), f"{name}.{moment}.".encode() + body, hashlib.sha256).digest()
    headers = {
        "webhook-id": name,
        "webhook-timestamp": moment,
        "webhook-signature": f"v1,{base64.b64encode(bytes(32)).decode()} v1,{base64.b64encode(signed).decode()}",
        "content-type": "application/json",
    }
    with local_http() as http:
        address = f"{world.site.address}/wp-json/portal/v1/events"
        return [http.post(address, data=body, headers=headers, timeout=60).status_code for _ in range(times)]


def _ends(browser: Browser, world: World) -> None:
    """An end that PayPal confirmed closes with the event: not with a forged one, nor with an old one."""
    page = _logged_in(browser, world, "ada")
    assert _sees(page, world)
    before = world.site.php(EVERY_ANSWER_STAYS)
    _end(world)
    other = base64.b64encode(bytes(range(1, 33))).decode()
    assert (
        _event(world, secret=other)
        == _event(world, at=int(time.time()) - 900)
        == _event(world, at=int(time.time()) + 900)
        == [401]
    )
    assert world.site.php(EVERY_ANSWER_STAYS) == before
    assert _sees(page, world)
    name = f"evt_{uuid.uuid4().hex}"
    world.site.php(NOTHING_IS_KEPT)
    assert _event(world, name=name) == [503]  # not taken: the portal brings it again
    world.site.php(ALL_IS_KEPT)
    assert world.site.php(EVERY_ANSWER_STAYS) == before
    assert _event(world, name=name, times=2) == [204, 204]
    assert world.site.php(EVERY_ANSWER_STAYS) != before
    assert not _sees(page, world)
    assert "contributor" not in _roles(world, "ada")


def _is_told_by_the_portal(browser: Browser, world: World, ctx: Context) -> None:
    """The portal's worker signs and sends: what opens and what closes is there without the plugin's own minute."""
    ada = _logged_in(browser, world, "ada")
    assert not _sees(ada, world)
    with local_http() as http:
        http.headers["Authorization"] = f"Bearer {world.strong}"
        wish = {"url": f"{world.site.address}/wp-json/portal/v1/events", "types": ["access.granted", "access.ended"]}
        made = http.post(f"{world.portal}/v1/webhook_endpoints", json=wish, timeout=60)
        assert made.status_code == 201, made.text
        admin = _logged_in(browser, world, "admin")
        _save(admin, world, prefix="wp-", signing=made.json()["secret"])
        _until(lambda: wordpress_world.is_watched(ctx), "the worker to look at who may open what")
        given = wordpress_world.give(ctx, world)
        _until(lambda: _sees_by_event(ada, world), "the portal's event to open the lesson")
        wordpress_world.take_back(ctx, world, given)
        _until(lambda: not _sees_by_event(ada, world), "the portal's event to close the lesson")
        told = http.get(f"{world.portal}/v1/events?limit=5", timeout=60).json()["data"]
    assert [one["type"] for one in told[:2]] == ["access.ended", "access.granted"], told
    _save(admin, world, prefix="wp-", signing=f"whsec_{SIGNING}")


def _sees_by_event(page: Page, world: World) -> bool:
    """Say whether the lesson is open, with what the plugin keeps kept for an hour: only an event makes it ask again.

    One page is looked at, not two as in `_sees`: the event may come between them.
    """
    world.site.php(EVERY_ANSWER_STAYS)
    page.goto(f"{world.site.address}/lesson/")
    return LESSON in page.content()


def _until(look: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not look():
        assert time.monotonic() < deadline, what
        time.sleep(0.5)


def _end(world: World) -> None:
    with local_http() as http:
        http.headers["Authorization"] = f"Bearer {world.strong}"
        asked = http.post(f"{world.portal}/v1/end_requests", json={"subscription": world.subscription}, timeout=60)
        assert asked.status_code == 202, asked.text
        deadline = time.monotonic() + PATIENCE
        told: dict[str, Any] = asked.json()
        while told["status"] != "confirmed":
            assert time.monotonic() < deadline, told
            time.sleep(0.5)
            told = http.get(f"{world.portal}/v1/end_requests/{told['id']}", timeout=60).json()


def _cannot_be_fooled(browser: Browser, world: World) -> None:
    """Settings are saved by administrators, from their own page."""
    before = world.site.php("return get_option( 'portal_access' );")
    form = {"action": "portal_access_save", "address": "https://evil.example", "merchant": "evil", "prefix": "x"}
    for name in ("bob", "admin"):
        page = _logged_in(browser, world, name)
        assert page.request.post(f"{world.site.address}/wp-admin/admin-post.php", form=form).status == 403
    assert world.site.php("return get_option( 'portal_access' );") == before


def _is_down(browser: Browser, world: World) -> None:
    """Without the portal: closed, or open to those who are logged in, as it was set; roles stay as they are."""
    eve, nobody = _logged_in(browser, world, "eve"), browser.new_context().new_page()
    assert _event(world) == [204]
    assert not _sees(eve, world)
    admin = _logged_in(browser, world, "admin")
    _open_settings(admin, world)
    admin.check("[name=unknown][value=open]")
    with admin.expect_navigation():
        admin.click("#submit")
    assert "The portal does not answer" in admin.inner_text(".wrap")
    assert _sees(eve, world)
    assert not _sees(nobody, world)
    assert "contributor" in _roles(world, "eve")
    _no_secret(admin, world)


if __name__ == "__main__":
    os.environ.setdefault("LC_ALL", "C.UTF-8")
    sys.exit(main())
