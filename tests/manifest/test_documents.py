"""YAML text to placed values: resolution, positions, every syntax error, limits, files."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from work import calls

from reconciler.manifest import documents
from reconciler.manifest.documents import load, load_texts, parse
from reconciler.manifest.files import find_files
from reconciler.manifest.nodes import (
    Document,
    Mapping,
    Scalar,
    Sequence,
    describe,
    find,
    locate,
    mapping_root,
    plain,
)

LOADERS = {"libyaml": yaml.CSafeLoader, "python": yaml.SafeLoader}


@pytest.fixture(params=LOADERS, autouse=True)
def _loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "_LOADER", LOADERS[request.param])


def one(text: str) -> Any:
    """The root of a text that has one document and no errors."""
    found_documents, found = parse(text, "m.yaml")
    assert found == []
    (document,) = found_documents
    return document.root


def told(text: str | bytes) -> list[str]:
    """The errors of a text, each in a line."""
    return [
        f"{found.origin.line}:{found.origin.column} {found.code} {found.message}"
        for found in parse(text, "m.yaml")[1]
    ]


# --- values


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True), ("True", True), ("TRUE", True), ("false", False), ("FALSE", False),
        ("null", None), ("Null", None), ("NULL", None), ("~", None),
        ("no", "no"), ("on", "on"), ("yes", "yes"), ("y", "y"), ("tRue", "tRue"), ("nULL", "nULL"),
        ("12", 12), ("-12", -12), ("+12", 12), ("007", 7), ("0o17", 15), ("0x1F", 31),
        ("-0x1F", "-0x1F"), ("0o18", "0o18"), ("0b11", "0b11"), ("1_0", "1_0"), ("1:30", "1:30"),
        ("1.5", 1.5), (".5", 0.5), ("5.", 5.0), ("-1e3", -1000.0), ("12e4", 120000.0),
        ("1e-3", 0.001), ("1e", "1e"), ("e1", "e1"), (".", "."), ("+", "+"), ("1.2.3", "1.2.3"),
        ("2024-01-01", "2024-01-01"), ("1,5", "1,5"), ("٣", "٣"), ("=", "="),
        ("'12'", "12"), ('"true"', "true"), ("''", ""), ('"\\u00e9"', "é"),
        ("!!str 12", "12"), ("!!int '12'", 12), ("!!float 1", 1.0), ("!!bool 'true'", True),
        ("!!null ''", None), ("! 12", "12"),
    ],
    ids=str,
)  # fmt: skip
def test_a_scalar_is_resolved_by_the_core_schema(text: str, value: Any) -> None:
    root = one(text)
    assert root.value == value
    assert type(root.value) is type(value)


@pytest.mark.parametrize(
    ("text", "written", "is_plain"),
    [("12e4", "12e4", True), ("007", "007", True), ("'12e4'", "12e4", False), ("~", "~", True)],
)
def test_a_scalar_keeps_the_text_as_written(text: str, written: str, is_plain: bool) -> None:
    root = one(text)
    assert (root.text, root.plain) == (written, is_plain)


def test_plain_gives_ordinary_data_and_can_keep_the_text() -> None:
    root = one("a: {b: [1, x, null]}\n12e4: 12e4\ntrue: ~\n")
    assert plain(root) == {"a": {"b": [1, "x", None]}, "12e4": 120000.0, "true": None}
    assert plain(root, lambda scalar: scalar.text) == {
        "a": {"b": ["1", "x", "null"]},
        "12e4": "12e4",
        "true": "~",
    }


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["lf", "crlf", "cr"])
@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["bare", "bom"])
@pytest.mark.parametrize("kind", [str, bytes], ids=["text", "bytes"])
def test_every_value_and_key_knows_its_place(end: str, mark: str, kind: type) -> None:
    text = mark + end.join(["a:", "  日本: {x: 1, 'y': [é, z]}", "b: |", "  text", "c:", ""])
    (document,), found = parse(text if kind is str else text.encode(), "m.yaml")
    assert found == []
    root = document.root
    places = {
        ("a",): ((1, 1), (2, 3)),
        ("a", "日本"): ((2, 3), (2, 7)),
        ("a", "日本", "x"): ((2, 8), (2, 11)),
        ("a", "日本", "y"): ((2, 14), (2, 19)),
        ("a", "日本", "y", 1): ((2, 23), (2, 23)),
        ("b",): ((3, 1), (3, 4)),
        ("c",): ((5, 1), (5, 3)),
    }
    for path, (key, value) in places.items():
        at_key, at_value = locate(root, path, key=True), locate(root, path)
        assert (at_key.line, at_key.column) == key, path
        assert (at_value.line, at_value.column) == value, path


def test_a_path_that_leads_nowhere_gives_the_nearest_place() -> None:
    root = one("models:\n  a:\n    thresholds: {x: 1}\n  b: [1, {c: 2}]\n")
    assert str(locate(root, ())) == "m.yaml:1:1"
    assert str(locate(root, ("models", "a", "description"))) == "m.yaml:3:5"
    assert str(locate(root, ("models", "a", "description"), key=True)) == "m.yaml:2:3"
    assert str(locate(root, ("models", "a", "function-before", "thresholds", "x"))) == "m.yaml:3:21"
    assert str(locate(root, ("models", "a", "thresholds", "x", "[key]"), key=True)) == "m.yaml:3:18"
    assert str(locate(root, ("models", "b", 7))) == "m.yaml:4:6"
    assert str(locate(root, ("models", "b", 1, "c"), key=True)) == "m.yaml:4:11"
    assert str(locate(root, ("models", "b", -1))) == "m.yaml:4:6"
    assert find(root, ("models", "b", 7)) is None
    assert find(root, ("models", "b", "x", "y")) is None
    assert isinstance(find(root, ("models", "b", 0)), Scalar)
    assert root.key_origin("nowhere") == root.origin


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{}", "a mapping"), ("[]", "a list"), ("12e4", "number 12e4"), ("0.50", "number 0.50"),
        ("yes", "text 'yes'"), ("true", "true"), ("~", "nothing (~)"), ("''", "text ''"),
        ("x" * 50, f"text '{'x' * 39}…'"),
    ],
    ids=lambda value: value[:12],
)  # fmt: skip
def test_describe(text: str, words: str) -> None:
    assert describe(one(text)) == words


def test_documents_of_one_file_are_separate_parts() -> None:
    found_documents, found = parse("# none\n---\na: &x 1\n---\n---\n- b\n...\n", "m.yaml")
    assert found == []
    assert [plain(document.root) for document in found_documents] == [{"a": 1}, None, ["b"]]
    assert parse("", "m.yaml") == ([], [])
    assert parse("# only a comment\n", "m.yaml") == ([], [])


def test_a_root_that_is_no_mapping_is_named() -> None:
    root = mapping_root(Document(one("- a"), "m.yaml"))
    assert not isinstance(root, Mapping)
    assert (root.code, str(root.origin)) == ("RC007", "m.yaml:1:1")
    assert root.message == "expected a mapping at the top of the document, got a list"
    empty = mapping_root(Document(one("---\n"), "m.yaml"))
    assert isinstance(empty, Mapping)
    assert empty.items == {}


# --- what is wrong


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a:\n\tb: 1\n", "2:1 RC002 a tab in the indentation"),
        ("a:\n  b: 1\n\tc: 2\n", "3:1 RC002 a tab in the indentation"),
        ('a: 1\nb: "x\nc: 2\n', "2:4 RC002 a quote that is never closed"),
        ("a: 'x\n---\n", "1:4 RC002 a quote that is never closed"),
        ("a: b: c\n", "1:5 RC002 a second ': ' in one line"),
        ("a:1\nb: 2\n", "1:1 RC002 no space after the colon of 'a:'"),
        ("x:\n  a:1\n  # why\n\n  b: 2\n", "2:3 RC002 no space after the colon of 'a:'"),
        ("b: 2\na:1\nc: 3\n", "2:1 RC002 no space after the colon of 'a:'"),
        ("a: 1\nb\nc: 2\n", "2:1 RC002 expected 'key: value', but there is no colon followed by a space"),
        ("a:\n    b: 1\n  c: 2\n", "3:3 RC002 an indentation that fits no line above"),
        ("a: 1\n  b: 2\n", "2:3 RC002 a key that is indented deeper than the value above allows"),
        ("a:\n  - x\n  y: 1\n", "3:3 RC002 expected a further list item, which begins with '- '"),
        ("a:\n - b\n- c\n", "3:1 RC002 a list item among the keys of a mapping"),
        ("a: - b\n", "1:4 RC002 a list item cannot begin here"),
        ("a: 'x' y\n", "1:8 RC002 text after the end of the value"),
        ("a: [1, 2\nb: 3\n", "2:2 RC002 expected ',' or ']' here"),
        ("a: {x: 1\nb: 3\n", "2:2 RC002 expected ',' or '}' here"),
        ("a: [1, 2\n", "1:4 RC002 '[' is never closed"),
        ("a: {b: 1\n", "1:4 RC002 '{' is never closed"),
        ("a: ]\n", "1:4 RC002 ']' without its opening bracket"),
        ("a: [1,,2]\n", "1:7 RC002 a value is missing here"),
        ("a: @x\n", "1:4 RC002 a value cannot begin with '@'"),
        ("a: & x\n", "1:4 RC002 a text that begins with '*' or '&' (an alias or an anchor, which need a name)"),
        ("a: **.yaml\n", "1:4 RC002 a text that begins with '*' or '&' (an alias or an anchor, which need a name)"),
        ("a: |x\n  y\n", "1:5 RC002 '|' or '>' is not followed by an indented text"),
        ("{a: 1}\nb: 2\n", "2:1 RC002 text after the end of the document"),
        ("%YAML 3.0\n---\na: 1\n", "1:1 RC002 an unknown YAML version"),
        ("a: !x!y z\n", "1:4 RC002 an unknown tag"),
        ("a: !env HOME\n", "1:4 RC002 tag '!env' means nothing here"),
        ("a: !!python/name:os.system x\n", "1:4 RC002 tag '!!python/name:os.system' means nothing here"),
        ("a: !!set {b}\n", "1:4 RC002 tag '!!set' means nothing here"),
        ("a: !!map [b]\n", "1:4 RC002 tag '!!map' means nothing here"),
        ("a: !!int x\n", "1:4 RC002 'x' is not what its tag '!!int' says"),
        ("a: !!int true\n", "1:4 RC002 'true' is not what its tag '!!int' says"),
        ("a: {{ x }}\n", "1:5 RC002 a key must be text, got a mapping"),
        ("a: *b\n", "1:4 RC002 alias '*b' has no anchor '&b' before it"),
        ("a: &b [*b]\n", "1:8 RC004 alias '*b' stands inside its own value"),
        ("a: .nan\n", "1:4 RC005 '.nan' is not a finite number"),
        ("a: [-.Inf]\n", "1:5 RC005 '-.Inf' is not a finite number"),
        ("a: 1e999\n", "1:4 RC005 '1e999' is too large a number"),
        (f"a: {'9' * 5000}\n", f"1:4 RC005 '{'9' * 39}…' is too large a number"),
        ("a:\n  <<: {b: 1}\n", "2:3 RC101 unknown key '<<': YAML 1.2 has no merge keys"),
        ("a: x\0y\n", "1:5 RC008 control character U+0000"),
        ("a: \x1b[31m\x07\n", "1:4 RC008 control character U+001B (and 1 more such)"),
        ("a: x\u2028y\n", "1:5 RC008 control character U+2028"),
        ("a: \ud800\n", "1:4 RC008 control character U+D800"),
        (b"a: 1\nb: caf\xe9\n", "2:7 RC008 byte 0xE9 at offset 11 is not UTF-8"),
        ("a: 1\n".encode("utf-16"), "0:0 RC008 the file is UTF-16, but manifests are UTF-8"),
    ],
    ids=lambda value: repr(value[:24]) if isinstance(value, (str, bytes)) else "",
)  # fmt: skip
def test_each_mistake_has_its_place_and_words(text: str | bytes, expected: str) -> None:
    assert told(text) == [expected]


def test_an_escape_that_is_none() -> None:
    (found,) = parse('a: "c:\\dir"\n', "m.yaml")[1]
    assert found.message == "an unknown escape sequence in double quotes"
    assert found.hint == "use single quotes, or write \\\\ for a backslash"


def test_each_duplicate_key_names_both_places() -> None:
    found_documents, found = parse("a: 1\nb: {c: 1, c: 2}\na: 2\n'a': 3\n", "m.yaml")
    assert [(d.code, d.message, str(d.origin), d.related) for d in found] == [
        ("RC003", "key 'c' is given twice", "m.yaml:2:11", (("first defined here", locate(found_documents[0].root, ("b", "c"), key=True)),)),
        ("RC003", "key 'a' is given twice", "m.yaml:3:1", (("first defined here", locate(found_documents[0].root, ("a",), key=True)),)),
        ("RC003", "key 'a' is given twice", "m.yaml:4:1", (("first defined here", locate(found_documents[0].root, ("a",), key=True)),)),
    ]  # fmt: skip
    assert plain(found_documents[0].root) == {"a": 1, "b": {"c": 1}}


def test_a_hint_names_the_nearest_anchor() -> None:
    (found,) = parse("a: &people 1\nb: *peple\n", "m.yaml")[1]
    assert found.hint == "did you mean 'people'?"


def test_documents_after_a_broken_one_are_read_with_their_places() -> None:
    text = "a: [1\n---\nb: 2\n---\nc: 'x\n---\nd: .inf\ne: 1\ne: 2\n"
    found_documents, found = parse(text, "m.yaml")
    assert [plain(document.root) for document in found_documents] == [{"b": 2}, {"d": 0.0, "e": 1}]
    assert [f"{d.origin.line}:{d.origin.column} {d.code}" for d in found] == [
        "1:4 RC002",
        "5:4 RC002",
        "7:4 RC005",
        "9:1 RC003",
    ]
    assert str(locate(found_documents[0].root, ("b",))) == "m.yaml:3:4"


def test_text_that_is_not_utf8_is_read_on() -> None:
    found_documents, found = parse(b"a: caf\xe9\nb: .nan\n", "m.yaml")
    assert [d.code for d in found] == ["RC008", "RC005"]
    assert plain(found_documents[0].root) == {"a": "caf\ufffd", "b": 0.0}


# --- aliases and limits


def test_an_alias_stands_for_the_anchored_value() -> None:
    root = one("a: &t {x: 0.5}\nb: *t\n&k c: *k\nd: &s 12e4\ne: [*s]\n*s : f\n")
    assert plain(root) == {
        "a": {"x": 0.5},
        "b": {"x": 0.5},
        "c": "c",
        "d": 120000.0,
        "e": [120000.0],
        "12e4": "f",
    }
    assert str(locate(root, ("b", "x"))) == "m.yaml:1:11"


def test_an_anchor_can_be_given_again() -> None:
    assert plain(one("[&a 1, *a, &a 2, *a]")) == [1, 1, 2, 2]


def test_aliases_that_explode_are_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    (found,) = parse("\n".join(lines), "m.yaml")[1]
    assert (found.code, found.message) == ("RC004", "aliases stand for more than 1,000,000 values")
    assert calls(lambda: parse("\n".join(lines), "m.yaml")) < 200_000


def test_nesting_is_limited_with_aliases_followed() -> None:
    assert told("[" * 100 + "]" * 100) == []
    assert told("[" * 101 + "]" * 101) == ["1:101 RC004 more than 100 levels inside one another"]
    chain = ["a0: &a0 [x]"] + [f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 200)]
    assert told("\n".join(chain)) == ["100:12 RC004 more than 100 levels inside one another"]
    assert told("\n".join(chain[:99])) == []


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, "{" * 100_000, "a: " * 100_000, "- " * 100_000, "? " * 100_000, "'" + "x" * 500_000],
    ids=["[", "{", "a:", "-", "?", "'"],
)  # fmt: skip
def test_hostile_text_is_refused_with_little_work(text: str) -> None:
    assert parse(text, "m.yaml")[1]
    assert calls(lambda: parse(text, "m.yaml")) < 10 * len(text)


YAMLISH = st.lists(
    st.sampled_from(
        [
            "a", "b: ", ":", "- ", "\n", "\n  ", "\n\t", "[", "]", "{", "}", ", ", "'", '"', "&x ", "*x",
            "!!str ", "!", "? ", "| ", ">-", "#", " ", "---", "\n---\n", "...", "%YAML 1.2", "<<", "~",
            "1", ".nan", "0x", "\\", "é", "\r\n", "\u2028", "\0", "\ufeff", "@", "`", "12e4", "日",
        ]
    ),
    max_size=40,
).map("".join)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.one_of(YAMLISH, st.text(), st.binary(), YAMLISH.map(str.encode)))
@example("\ufeff\ufeff")
@example(b"\xff\xfe\x00")
@example("? ")
@example("\r")
def test_any_text_is_parsed_or_refused_and_every_place_is_in_it(text: str | bytes) -> None:
    loaded = load_texts({"m.yaml": text})
    lines = documents.split_lines(loaded.sources["m.yaml"])
    for document in loaded.documents:
        _check_places(document.root, lines)
        plain(document.root)
    for found in loaded.diagnostics:
        assert found.message
        assert 0 <= found.origin.line <= len(lines) + 1


def _check_places(node: Any, lines: list[str]) -> None:
    # An empty value at the very end may be placed behind the last line.
    line = (*lines, "")[node.line - 1]
    assert node.line >= 1
    assert 1 <= node.column <= len(line) + 1
    if isinstance(node, Mapping):
        assert node.items.keys() == node.key_places.keys()
        for item in node.items.values():
            _check_places(item, lines)
    elif isinstance(node, Sequence):
        for item in node.items:
            _check_places(item, lines)
    else:
        assert not isinstance(node.value, float) or math.isfinite(node.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(value=JSON, flow=st.booleans())
def test_what_a_yaml_writer_wrote_is_read_back(value: Any, flow: bool) -> None:
    text = yaml.dump(value, Dumper=_Dumper, default_flow_style=flow, allow_unicode=False)
    (document,), found = parse(text, "m.yaml")
    assert found == []
    assert plain(document.root) == value


class _Dumper(yaml.SafeDumper):
    """Quotes every text, since its idea of a plain text is YAML 1.1; no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


_Dumper.add_representer(
    str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"')
)
_Dumper.add_representer(
    float, lambda dumper, number: dumper.represent_scalar("tag:yaml.org,2002:float", repr(number))
)


# --- files


def write(folder: Path, *names: str) -> None:
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"name: {file.name}\n", encoding="utf-8")


def test_a_directory_is_all_its_yaml_files_in_order(tmp_path: Path) -> None:
    write(tmp_path, "b.yaml", "a.yml", "sub/c.yaml", "sub/_d.yaml", "_over/e.yaml", ".git/f.yaml",
          ".g.yaml", "h.json", "a/z.yaml", "i.YAML")  # fmt: skip
    found = find_files(tmp_path)
    assert isinstance(found, list)
    names = [file.relative_to(tmp_path).as_posix() for file in found]
    assert names == ["a/z.yaml", "a.yml", "b.yaml", "sub/c.yaml"]
    loaded = load(tmp_path)
    assert [plain(d.root)["name"] for d in loaded.documents] == [
        "z.yaml",
        "a.yml",
        "b.yaml",
        "c.yaml",
    ]
    assert loaded.complete
    assert set(loaded.sources) == {file.as_posix() for file in found}


def test_the_root_itself_may_begin_with_an_underscore(tmp_path: Path) -> None:
    write(tmp_path, "_x/a.yaml", "_one.yaml", "plain")
    assert find_files(tmp_path / "_x") == [tmp_path / "_x" / "a.yaml"]
    assert find_files(tmp_path / "_one.yaml") == [tmp_path / "_one.yaml"]
    assert find_files(tmp_path / "plain") == [tmp_path / "plain"]


def test_nothing_to_load(tmp_path: Path) -> None:
    write(tmp_path, "_a.yaml", "people/app.yaml")
    (tmp_path / "empty").mkdir()
    (found,) = load(tmp_path / "empty").diagnostics
    assert (found.code, found.message) == ("RC006", "no manifest here: no file *.yaml or *.yml")
    (found,) = load(tmp_path / "peple").diagnostics
    assert (found.code, found.message, found.hint) == (
        "RC001",
        "no such file or directory",
        "did you mean 'people'?",
    )
    (found,) = load(tmp_path / "no" / "where").diagnostics
    assert (found.code, found.hint) == ("RC001", "")


def test_a_file_that_cannot_be_read_does_not_hide_the_others(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", "b.yaml")
    (tmp_path / "c.yaml").symlink_to(tmp_path / "gone")

    def read(file: Path) -> bytes:
        if file.name == "a.yaml":
            raise PermissionError(13, "Permission denied")
        return file.read_bytes()

    loaded = load(tmp_path, read)
    assert [(found.code, found.message, found.origin.file) for found in loaded.diagnostics] == [
        ("RC001", "cannot be read: Permission denied", (tmp_path / "a.yaml").as_posix()),
        ("RC001", "cannot be read: No such file or directory", (tmp_path / "c.yaml").as_posix()),
    ]
    assert [plain(document.root) for document in loaded.documents] == [{"name": "b.yaml"}]
    assert not loaded.complete
