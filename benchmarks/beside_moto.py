"""moto's server as a process of its own, asked for a list: what another well-known local cloud takes."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

import requests

IS_THERE = find_spec("moto") is not None and find_spec("flask") is not None

_TARGET = "DynamoDB_20120810"
_HEADERS = {
    "Content-Type": "application/x-amz-json-1.0",
    "Authorization": "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/dynamodb/aws4_request, "
    "SignedHeaders=host, Signature=a",
}
_LONGEST_START = 60.0


@contextmanager
def moto() -> Iterator[str]:
    """The server; gives its address once it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            _await(url)
            yield url
        finally:
            process.terminate()


def _await(url: str) -> None:
    """Returns with the first answer."""
    deadline = time.monotonic() + _LONGEST_START
    while True:
        try:
            list_tables(requests.Session(), url)
            return
        except requests.ConnectionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def make_tables(url: str, count: int) -> None:
    """So many tables to be listed."""
    session = requests.Session()
    for number in range(count):
        table = {
            "TableName": f"table-{number:03}",
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "BillingMode": "PAY_PER_REQUEST",
        }
        _call(session, url, "CreateTable", table)


def list_tables(session: requests.Session, url: str) -> int:
    """How many tables the answer has."""
    return len(_call(session, url, "ListTables", {})["TableNames"])


def _call(session: requests.Session, url: str, name: str, body: object) -> dict[str, list[str]]:
    headers = {**_HEADERS, "X-Amz-Target": f"{_TARGET}.{name}"}
    answer = session.post(url, json=body, headers=headers, timeout=30)
    answer.raise_for_status()
    found: dict[str, list[str]] = answer.json()
    return found
