"""Elements of HTML and SVG. Text is escaped unless it was made here, so a name can't become markup."""

from __future__ import annotations

import base64
import html

from ..files.text import printable


class Markup(str):
    """Text that is markup already."""


def text(value: object) -> Markup:
    """A value as text: escaped, with a mark for characters that can't be seen. Markup stays as it is."""
    return value if isinstance(value, Markup) else Markup(html.escape(printable(str(value))))


def join(*parts: object) -> Markup:
    """One behind the other."""
    return Markup("".join(text(part) for part in parts))


def element(name: str, *children: object, **attributes: object) -> Markup:
    """`<name attributes>children</name>`.

    Parameters
    ----------
    children : text or markup
    attributes : `_` stands for `-`, and one at the end of a name (`class_`) for nothing; None leaves an attribute out,
        True gives one without a value
    """
    written = []
    for key, value in attributes.items():
        key = key.removesuffix("_").replace("_", "-")
        if value is True:
            written.append(f" {key}")
        elif value is not None and value is not False:
            written.append(f' {key}="{text(value)}"')
    start = f"<{name}{''.join(written)}>"
    if name in ("img", "input", "meta", "br"):
        return Markup(start)
    return Markup(f"{start}{join(*children)}</{name}>")


def picture(jpeg: bytes, alt: str, **attributes: object) -> Markup:
    """An image that lies in the page itself."""
    source = f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"
    return element("img", src=source, alt=alt, decoding="async", **attributes)
