"""The head of a request has an end, in bytes and in time; a body may take longer."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from gridgov.connections import BoundedHeads

HOST = b"Host: x\r\n"


class Quick(BoundedHeads):
    """With limits that a test can wait for."""

    longest_head = 2000
    slowest_head_s = 0.5


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answer with the body's length."""
    many, more = 0, True
    while more:
        message = await receive()
        many, more = many + len(message.get("body", b"")), message.get("more_body", False)
    text = str(many).encode()
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(text))]}
    )
    await send({"type": "http.response.body", "body": text})


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Where a server with quick limits listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(echo, http=Quick, lifespan="off", log_config=None, timeout_keep_alive=30)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield listener.getsockname()[1]
        server.should_exit = True
        thread.join(10)


@pytest.fixture
def line(port: int) -> Iterator[socket.socket]:
    """A connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as made:
        yield made


def answer(line: socket.socket) -> bytes:
    """What comes until the connection ends, or an answer's one digit or more after an empty line."""
    got = b""
    while not got.partition(b"\r\n\r\n")[2]:
        piece = line.recv(65_536)
        if not piece:
            break
        got += piece
    return got


def is_open(line: socket.socket) -> bool:
    line.sendall(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
    return answer(line).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("pieces", [1, 20])
def test_an_endless_header_is_cut_off(line: socket.socket, pieces: int) -> None:
    line.sendall(b"GET / HTTP/1.1\r\n" + HOST + b"X: ")
    for _ in range(pieces):
        line.sendall(b"a" * (2000 // pieces))
        time.sleep(0.001)
    assert answer(line).startswith(b"HTTP/1.1 431 ")
    assert line.recv(10) == b""


def test_endless_headers_are_cut_off(line: socket.socket) -> None:
    line.sendall(b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(400)))
    assert answer(line).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize("begun", [b"", b"GET / HT", b"POST / HTTP/1.1\r\nContent-Length: 5\r\n"])
def test_a_head_that_does_not_end_is_given_up(line: socket.socket, begun: bytes) -> None:
    line.sendall(begun)
    assert answer(line).startswith(b"HTTP/1.1 408 ")
    assert line.recv(10) == b""


def test_a_second_head_on_the_same_connection_is_timed_too(line: socket.socket) -> None:
    assert is_open(line)
    line.sendall(b"GET / HT")
    assert answer(line).startswith(b"HTTP/1.1 408 ")


def test_a_body_may_be_longer_and_take_longer(line: socket.socket) -> None:
    line.sendall(b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 9000\r\n\r\n")
    for _ in range(9):
        line.sendall(b"a" * 1000)
        time.sleep(0.1)
    assert answer(line).endswith(b"\r\n\r\n9000")
    assert is_open(line)


@pytest.mark.slow
def test_a_connection_may_rest_between_requests(line: socket.socket) -> None:
    for _ in range(3):
        assert is_open(line)
        time.sleep(0.6)


def test_many_requests_at_once_are_no_long_head(line: socket.socket) -> None:
    one = b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 10\r\n\r\n" + b"a" * 10
    line.sendall(one * 100)
    got = b""
    while got.count(b"HTTP/1.1 200") < 100:
        piece = line.recv(65_536)
        assert piece
        got += piece
