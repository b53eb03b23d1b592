"""What the tests of peers start, by itself."""

from __future__ import annotations

import socket
from pathlib import Path

import peer_dataset
import pytest
from peer_process import HOST, Client, Peer, Server


def test_a_server_whose_port_is_taken_meanwhile_gets_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As by a program that was started at the same moment, and which would answer in its place."""
    peer = Peer("python-uwsgi")
    if why := peer.missing():
        pytest.skip(why)
    path = tmp_path / "data.msgpack"
    path.write_bytes(peer_dataset.to_file(peer_dataset.reference_records(2)))
    genuine = socket.create_server
    with genuine((HOST, 0)) as other:
        taken = other.getsockname()[1]
        probes = [other.dup()]
        monkeypatch.setattr(socket, "create_server", lambda address: probes.pop() if probes else genuine(address))
        with Server(peer, path, tmp_path / "log", workers=1) as server:
            assert server.port == taken
            server.wait_ready()
            assert server.port != taken
            with Client(server.port) as client:
                assert client.get("/parse-msgpack").body == b"2"
