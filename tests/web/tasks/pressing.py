"""What a person presses who came by a link, and where things are."""

from __future__ import annotations

BEGIN, CONTINUE = "Continue, and send me a code", "Continue"


def home(merchant, more=""):
    return f"/account/{merchant.slug}/{more}"


class Clicks:
    """Counts what a person presses, from the mail on: opening the link is the first."""

    def __init__(self, browser, path):
        self.count, self.page = 1, browser.get(path)

    def press(self, words, **fields):
        self.count += 1
        self.page = self.page.submit(press=words, **fields)
        return self.page

    def follow(self, words):
        self.count += 1
        self.page = self.page.follow(words)
        return self.page
