"""The page shows the figures that are kept, and no others."""

from __future__ import annotations

from pathlib import Path

from reliability.figures import Table, Topic, read_all, write
from reliability.page import page, section

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"

TOPIC = Topic(
    "Made up", 5, "make up", ("Two tries.",), (Table(("what", "tried"), [("a", 1), ("b", 12)]),)
)


def test_the_page_is_byte_for_byte_what_its_figures_make() -> None:
    assert PAGE.read_text("utf-8") == page(), "it is out of date: make reliability-page"


def test_a_topic_comes_back_as_it_was_kept(tmp_path: Path) -> None:
    write("made-up", TOPIC, tmp_path)
    (found,) = read_all(tmp_path)
    assert section(found) == section(TOPIC)


def test_a_section_names_its_command() -> None:
    assert section(TOPIC) == (
        "## Made up\n\nMade by `make up`.\n\nTwo tries.\n\n"
        "| what | tried |\n| --- | ---: |\n| a | 1 |\n| b | 12 |\n"
    )


def test_every_topic_that_the_page_is_about_has_figures() -> None:
    titles = {topic.title for topic in read_all()}
    assert titles >= {"The crash matrix", "Atomic cutover", "The window without compare-and-swap"}
