"""The official stub over gRPC, as a fixture's help: what no client of our own could prove."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from clarifai_grpc.channel.clarifai_channel import ClarifaiChannel
from clarifai_grpc.grpc.api import resources_pb2 as r
from clarifai_grpc.grpc.api import service_pb2_grpc

from reconciler.sandbox import Sandbox, routes

NO_RETRIES = (("grpc.enable_retries", 0), ("grpc.max_receive_message_length", -1))
"""Else gRPC asks again by itself when a connection is lost."""


@dataclass
class Grpc:
    """Calls to one app; ``key`` is the whole authorization, None sends none."""

    stub: Any
    user: str
    app: str
    key: str | None
    channel: Any

    def __call__(self, method: str, request: Any = None, **metadata: str) -> Any:
        """The answer of a method, the first message of those that stream."""
        rpc = routes.rpcs()[method]
        request = rpc.request() if request is None else request
        if "user_app_id" in request.DESCRIPTOR.fields_by_name:
            sent = request.user_app_id
            sent.user_id = sent.user_id or self.user
            sent.app_id = sent.app_id or self.app
        sent_metadata = tuple((name.replace("_", "-"), text) for name, text in metadata.items())
        if self.key is not None:
            sent_metadata = (("authorization", self.key), *sent_metadata)
        call = getattr(self.stub, method)
        if rpc.client_streaming:
            return next(call(iter([request]), metadata=sent_metadata, timeout=300))
        if rpc.streaming:
            (answer,) = call(request, metadata=sent_metadata, timeout=300)
            return answer
        return call(request, metadata=sent_metadata, timeout=300)

    def ok(self, method: str, request: Any = None) -> Any:
        answer = self(method, request)
        assert answer.status.code == 10000, answer.status
        return answer

    def refused(self, method: str, request: Any = None) -> tuple[int, str]:
        """Code and details of a request that fails."""
        found = self(method, request).status
        return found.code, found.details

    def lost(self, method: str, request: Any = None) -> grpc.StatusCode:
        """What gRPC says of a call that has no answer."""
        try:
            answer = self(method, request)
        except grpc.RpcError as error:
            code: grpc.StatusCode = error.code()
            return code
        raise AssertionError(f"there is an answer: {answer.status}")

    def raw(self, method: str, body: bytes, kind: Any) -> Any:
        """The answer to bytes that need not be a message."""
        call = self.channel.unary_unary(
            f"/clarifai.api.V2/{method}", response_deserializer=kind.FromString
        )
        return call(body, metadata=(("authorization", self.key),), timeout=300)


@contextmanager
def calling(sandbox: Sandbox, app: str, key: str | None = "") -> Iterator[Grpc]:
    """Calls to an app of a running sandbox, with its own token unless there is another one."""
    # Their stub learns from the last channel that they made how it shall read answers.
    ClarifaiChannel.get_insecure_grpc_channel("127.0.0.1", sandbox.grpc_port).close()
    channel = grpc.insecure_channel(f"127.0.0.1:{sandbox.grpc_port}", options=NO_RETRIES)
    try:
        shown = f"Key {sandbox.token}" if key == "" else key
        yield Grpc(service_pb2_grpc.V2Stub(channel), "me", app, shown, channel)
    finally:
        channel.close()


def concepts(*ids: str) -> list[Any]:
    return [r.Concept(id=id_) for id_ in ids]
