"""A batch's answers, written as text: the shape of `AccessAnswerOut`, in the words of `resources.access`.

Five hundred dictionaries, made, put together and written by the encoder, cost twice as much.  What is open is asked
where the single check asks it (`resources.seen`), and tests hold both against each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from json.encoder import encode_basestring as quoted

from portal.api.bodies import encoded
from portal.domain.access.access import Window
from portal.services import resources
from portal.services.resources import Checked


def batch(answers: Iterable[tuple[Mapping[str, str], Checked | None]], *, with_contents: bool, now: datetime) -> bytes:
    """Return the whole answer: to each pair that was asked about, what is open, in the order of the question."""
    lines = [
        _line(index, asked, one, with_contents=with_contents, now=now) for index, (asked, one) in enumerate(answers)
    ]
    return f'{{"object":"list","data":[{",".join(lines)}]}}\n'.encode()


def _line(index: int, asked: Mapping[str, str], one: Checked | None, *, with_contents: bool, now: datetime) -> str:
    pair = ",".join([f"{quoted(name)}:{quoted(value)}" for name, value in asked.items()])
    begin = f'{{"object":"access","index":{index},"asked":{{{pair}}},"found":'
    if one is None:
        contents = ',"contents":[]' if with_contents else ""
        return (
            f'{begin}false,"customer":null,"product":null,"allowed":false,{_closes(None)},'
            f'"from":[],"next_change_at":null{contents}}}'
        )
    seen = resources.seen(one, now=now)
    sources = ",".join([f'{{"type":"{kind}","id":"{key}",{_closes(last)}}}' for kind, key, last in seen.sources])
    contents = f',"contents":{encoded(resources.contents(seen, now=now))}' if with_contents else ""
    return (
        f'{begin}true,"customer":"{one.customer}","product":"{one.product}",'
        f'"allowed":{"true" if seen.last is not None else "false"},{_closes(seen.last)},'
        f'"from":[{sources}],"next_change_at":{_moment(seen.next_at(now))}{contents}}}'
    )


def _closes(last: Window | None) -> str:
    if last is None:
        return '"until":null,"until_is":null'
    return f'"until":{_moment(last.until)},"until_is":"' + last.end + '"'


def _moment(at: datetime | None) -> str:
    return f'"{resources.moment(at)}"' if at is not None else "null"
