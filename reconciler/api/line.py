"""The line to the platform: sends, waits, tries again. The only module that knows ``requests``.

Every answer is judged by ``envelope``, every repetition by ``retry``; this module keeps connections
and threads, and lets neither a foreign exception nor the token out.
"""

from __future__ import annotations

import json
import logging
import random
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from http.cookiejar import DefaultCookiePolicy
from ipaddress import ip_address
from threading import Lock
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from reconciler import __version__
from reconciler.api.answers import LARGEST
from reconciler.api.envelope import (
    Answer,
    Failure,
    Success,
    build_error,
    clean,
    is_write,
    read_answer,
)
from reconciler.api.pace import Pace
from reconciler.api.retry import (
    GiveUp,
    Outcome,
    Policy,
    Situation,
    decide,
    retry_after_seconds,
)
from reconciler.api.settings import Secret, Settings
from reconciler.api.waiting import first_done
from reconciler.call import Call, Json
from reconciler.errors import ApiError, ProtocolError, TransportError

_LOG = logging.getLogger(__name__)
_SMALL = 1024 * 1024
"""Bytes up to which answers are read side by side."""

_PIECE = 16 * 1024
"""Bytes of an answer taken at once: packed ones grow a thousandfold at most."""

_T = TypeVar("_T")
_R = TypeVar("_R")

OnRequest = Callable[[Call, int, float], None]
"""Told of every try: the call, the HTTP status (0 without an answer), seconds it took."""


class Line:
    """What reads and writes share: connections, pace, patience, threads."""

    def __init__(
        self,
        settings: Settings,
        *,
        on_request: OnRequest | None,
        sleep: Callable[[float], None],
        clock: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._on_request = on_request
        self._sleep = sleep
        self._clock = clock
        self._pace = Pace(settings.max_rps, clock=clock)
        self._policy = Policy(max_retries=settings.max_retries)
        self._session = _open_session(settings)
        self._threads: ThreadPoolExecutor | None = None
        self._lock = Lock()
        self._one_large = Lock()

    def exchange(self, call: Call) -> Success:
        """Sends until there is an answer, or until the retry table says to give up."""
        attempt = 1
        while True:
            self._sleep_for(self._pace.reserve())
            result, retry_after = self._try(call)
            if isinstance(result, Success):
                return result
            outcome = Outcome(result.situation, is_write(call), retry_after)
            verdict = decide(outcome, attempt, self._policy, jitter=random.random())
            if isinstance(verdict, GiveUp):
                if verdict.reason:
                    result.error.message += f" ({verdict.reason})"
                raise result.error
            _LOG.info(
                "%s %s: %s; trying again in %.1f s (%d of %d)",
                call.method,
                call.path,
                result.error.message,
                verdict.seconds,
                attempt,
                self._policy.max_retries,
            )
            if result.situation is Situation.THROTTLED:
                self._pace.pause(verdict.seconds)
            self._sleep_for(verdict.seconds)
            attempt += 1

    def at_once(self, work: Callable[[_T], _R], arguments: Sequence[_T]) -> list[_R]:
        """Results in order; the first that raises ends the waiting and what has not begun."""
        if len(arguments) < 2:
            return [work(argument) for argument in arguments]
        futures = [self._pool().submit(work, argument) for argument in arguments]
        try:
            return [first_done([future]).pop().result() for future in futures]
        finally:
            for future in futures:
                future.cancel()

    def close(self, *, wait: bool) -> None:
        """Ends the threads and connections."""
        with self._lock:
            threads, self._threads = self._threads, None
        if threads is not None:
            threads.shutdown(wait=wait, cancel_futures=True)
        self._session.close()

    def _pool(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._threads is None:
                self._threads = ThreadPoolExecutor(
                    self._settings.parallelism, thread_name_prefix="reconciler-api"
                )
            return self._threads

    def _sleep_for(self, seconds: float) -> None:
        if seconds > 0:
            self._sleep(seconds)

    def _try(self, call: Call) -> tuple[Success | Failure, float | None]:
        """One request and what it came to, with the rest in seconds that the service asks for."""
        with ExitStack() as until_read:
            return self._try_within(call, lambda: until_read.enter_context(self._one_large))

    def _try_within(
        self, call: Call, at_large: Callable[[], object]
    ) -> tuple[Success | Failure, float | None]:
        url = self._settings.base_url + _checked_path(call)
        body = None if call.body is None else _encode(call.body)
        began, status = self._clock(), 0
        try:
            response = self._session.request(
                call.method,
                url,
                params=_query(call.query),
                data=body,
                timeout=(self._settings.connect_timeout, self._settings.read_timeout),
                allow_redirects=False,
                stream=True,
            )
            with response:
                content = _content(response, at_large)
            status = response.status_code
        except requests.RequestException as error:
            return self._no_answer(call, error), None
        finally:
            if self._on_request is not None:
                self._on_request(call, status, self._clock() - began)
        headers = response.headers
        if content is None:
            return self._too_large(call, status), None
        answer = Answer(
            status,
            headers.get("Content-Type", ""),
            content,
            headers.get("Location", ""),
        )
        rest = retry_after_seconds(headers.get("Retry-After"), datetime.now(UTC))
        return read_answer(call, answer, self._settings.token), rest

    @staticmethod
    def _too_large(call: Call, status: int) -> Failure:
        error = build_error(
            ProtocolError,
            call,
            f"the answer is larger than {LARGEST // 2**20} MB, more than is read",
            Situation.FOREIGN,
            hint="check CLARIFAI_API_BASE, and proxies on the way to it",
            http_status=status,
        )
        return Failure(error, Situation.FOREIGN)

    def _no_answer(self, call: Call, cause: requests.RequestException) -> Failure:
        situation, why, hint = _explain(cause, self._settings)
        error = build_error(
            TransportError,
            call,
            clean(f"{self._settings.base_url} {why}", self._settings.token),
            situation,
            hint=hint,
        )
        assert isinstance(error, TransportError)
        error.sent = situation is Situation.NO_ANSWER
        # The text of the cause may quote the request, so it is chained only by its type.
        error.__cause__ = type(cause)(clean(str(cause), self._settings.token))
        return Failure(error, situation)


def _content(response: requests.Response, at_large: Callable[[], object]) -> bytes | None:
    """The unpacked bytes of an answer, None if there are too many to be read.

    ``at_large`` waits for its turn: of large answers, which take several times their bytes until
    they are read, there is one at a time.
    """
    content = bytearray()
    is_large = False
    for piece in response.iter_content(_PIECE):
        content += piece
        if len(content) > LARGEST:
            return None
        if len(content) > _SMALL and not is_large:
            is_large = True
            at_large()
    return bytes(content)


class _Key(AuthBase):
    """Puts the token into the header. As ``auth`` it also keeps a ``.netrc`` from replacing it."""

    def __init__(self, token: Secret) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Key {self._token.reveal()}"
        return request


def _open_session(settings: Settings) -> requests.Session:
    session = requests.Session()
    session.auth = _Key(settings.token)
    session.headers["User-Agent"] = f"reconciler/{__version__}"
    session.headers["Accept"] = "application/json"
    # what is unpacked piece by piece, whatever else is installed
    session.headers["Accept-Encoding"] = "gzip, deflate"
    session.headers["Content-Type"] = "application/json"
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
    # No proxy stands between this machine and itself, whatever the environment says.
    session.trust_env = not _is_loopback(settings.base_url)
    # One connection each for as many requests as may be under way; a further one waits its turn.
    adapter = HTTPAdapter(pool_connections=1, pool_maxsize=settings.parallelism, pool_block=True)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _checked_path(call: Call) -> str:
    """The path, unless a URL would fold a ``..`` in it into another object's address."""
    parts = call.path.rstrip("/").split("/")[1:]
    if any(unquote(part) in {".", "..", ""} for part in parts):
        raise ApiError(
            "an id in the path is empty or only dots, which an address cannot carry",
            method=call.method,
            path=call.path,
            hint="give the object another id, and check CLARIFAI_USER_ID and CLARIFAI_APP_ID",
        )
    return call.path


def _query(query: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Query pairs: lists as repeated keys, booleans in lower case, None left out."""
    pairs: list[tuple[str, str]] = []
    for name, value in query.items():
        for item in value if isinstance(value, (list, tuple)) else (value,):
            if item is not None:
                pairs.append((name, str(item).lower() if isinstance(item, bool) else str(item)))
    return pairs


def _encode(body: Json) -> bytes:
    """JSON bytes; read-only mappings are objects, NaN is a bug."""
    return json.dumps(body, allow_nan=False, separators=(",", ":"), default=_as_dict).encode()


def _as_dict(value: object) -> dict[Any, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _explain(cause: BaseException, settings: Settings) -> tuple[Situation, str, str]:
    """Situation, words and hint for a request without an answer, by the exceptions in its chain."""
    chain = tuple(_chain(cause))

    def holds(*kinds: type[BaseException]) -> bool:
        return any(isinstance(error, kinds) for error in chain)

    network = "check the network and CLARIFAI_API_BASE, or use --sandbox for the local platform"
    if isinstance(cause, ValueError):
        return Situation.UNUSABLE, "is no address to send to", network
    if holds(ssl.SSLCertVerificationError):
        return (
            Situation.UNUSABLE,
            "has a certificate that is not trusted",
            "if a proxy of yours signs it, name its certificates in REQUESTS_CA_BUNDLE",
        )
    if holds(requests.exceptions.ProxyError):
        why = "cannot be reached through the proxy of HTTP(S)_PROXY"
        return Situation.NEVER_SENT, why, "check the proxy, or name the host in NO_PROXY"
    # Asked first: urllib3 lets it inherit from the timeout.
    if holds(NewConnectionError):
        if holds(socket.gaierror):
            return Situation.NEVER_SENT, "has a host name that nobody knows", network
        if holds(ConnectionRefusedError):
            return Situation.NEVER_SENT, "refused the connection", network
        return Situation.NEVER_SENT, "cannot be reached", network
    if holds(ConnectTimeoutError):
        seconds = settings.connect_timeout
        return Situation.NEVER_SENT, f"did not take a connection within {seconds:g} s", network
    if holds(requests.Timeout):
        seconds = settings.read_timeout
        return Situation.NO_ANSWER, f"fell silent for more than {seconds:g} s", network
    return Situation.NO_ANSWER, "broke the connection off before its answer was whole", network


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An exception and all that it was made from: requests and urllib3 nest them as arguments."""
    waiting: list[object] = [error]
    known: set[int] = set()
    while waiting:
        one = waiting.pop()
        if not isinstance(one, BaseException) or id(one) in known:
            continue
        known.add(id(one))
        yield one
        waiting += [*one.args, getattr(one, "reason", None), one.__cause__, one.__context__]
