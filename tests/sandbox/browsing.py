"""Pages of the explorer as a program sees them: parsed, and followed from link to link."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

import requests

_VOID = {"meta", "link", "img", "input", "br", "base", "source"}
_BLOCKS = {
    "td",
    "th",
    "dt",
    "dd",
    "div",
    "p",
    "li",
    "h1",
    "h2",
    "h3",
    "section",
    "summary",
    "option",
}
_REFERENCES = {"href", "src", "action", "formaction", "srcset", "poster", "data", "xlink:href"}


@dataclass
class Element:
    """An element with what it says, its children's words included."""

    tag: str
    attributes: dict[str, str]
    text: str = ""


class Parsed(HTMLParser):
    """A page: its elements in their order."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        if tag in _BLOCKS:
            self.handle_data(" ")
        if tag not in _VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop().tag != tag:
            pass

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data

    def all(self, tag: str, class_: str = "") -> list[Element]:
        """The elements of a tag, of a class if one is named."""
        return [
            element
            for element in self.elements
            if element.tag == tag
            and (not class_ or class_ in element.attributes.get("class", "").split())
        ]

    def said(self) -> str:
        """The words of the page, blanks made one."""
        return " ".join(self.all("body")[0].text.split())

    def references(self) -> list[str]:
        """Every address that the page names, fragments of its own pictures left out."""
        return [
            value
            for element in self.elements
            for name, value in element.attributes.items()
            if name in _REFERENCES
        ]


@dataclass
class Browser:
    """Looks at the explorer of one sandbox."""

    base_url: str
    session: requests.Session = field(default_factory=requests.Session)

    def get(self, path: str, **options: object) -> requests.Response:
        return self.request("GET", path, **options)

    def request(self, method: str, path: str, **options: object) -> requests.Response:
        url = urljoin(self.base_url, path)
        return self.session.request(method, url, timeout=300, allow_redirects=False, **options)  # type: ignore[arg-type]

    def page(self, path: str, status: int = 200) -> Parsed:
        answer = self.get(path)
        assert answer.status_code == status, f"{path}: {answer.status_code} {answer.text[:300]}"
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        return Parsed(answer.text)

    def tour(self) -> Iterator[tuple[str, requests.Response]]:
        """Everything that can be reached from the first page, each address once."""
        waiting, seen = ["/"], {"/"}
        while waiting:
            path = waiting.pop(0)
            answer = self.get(path)
            yield path, answer
            if answer.headers["Content-Type"].startswith("text/html"):
                found = dict.fromkeys(Parsed(answer.text).references())
                waiting += [other for other in found if other not in seen]
                seen.update(found)
