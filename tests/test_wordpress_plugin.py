"""The plugin for WordPress, as far as its text alone can tell; `make wordpress` plays it."""

import re

from tests.wordpress_site import PLUGIN

SOURCE = PLUGIN.read_text()
CODE, FRENCH = SOURCE.split("function french() {")


def test_every_text_has_its_french_and_no_other_has() -> None:
    texts = set(re.findall(r"__\( '([^']+)', 'portal-access' \)", CODE))
    french = dict(re.findall(r"^\t\t'([^']+)' => '([^']+)',$", FRENCH, re.MULTILINE))
    assert texts == french.keys()
    for english, translated in french.items():
        assert sorted(re.findall(r"%(?:\d\$)?[sd]", english)) == sorted(re.findall(r"%(?:\d\$)?[sd]", translated))
        assert not re.search(r"[ '][;!?:]|'", translated), translated


def test_what_acts_asks_who_and_whether_they_meant_it() -> None:
    for function, guards in {
        "save_settings": ("current_user_can( 'manage_options' )", "check_admin_referer("),
        "save_profile": ("current_user_can( 'edit_users' )", "wp_verify_nonce("),
        "send_to_session": ("wp_verify_nonce(",),
    }.items():
        body = CODE.split(f"function {function}(")[1].split("\n}\n")[0]
        for guard in guards:
            assert guard in body, (function, guard)
