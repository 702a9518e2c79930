"""Drives a node through web3.py's `geth.admin`, over HTTP and over its Unix socket; any mismatch is a failure.

    client.py path/to/rpc_node
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from node import Node  # noqa: E402
from web3 import HTTPProvider, IPCProvider, Web3  # noqa: E402
from web3.exceptions import Web3RPCError  # noqa: E402


def same(what, found, expected):
    assert found == expected, f"{what}: {found!r}, expected {expected!r}"


def refused(admin, url, code, outcome):
    """`add_peer` is an error with this code, whose data says what came of it."""
    try:
        admin.add_peer(url)
    except Web3RPCError as error:
        told = error.rpc_response["error"]
        same("code", told["code"], code)
        same("outcome", told["data"]["outcome"], outcome)
    else:
        raise AssertionError(f"{url} was added")


def drive(node, web3):
    admin = web3.geth.admin
    info = admin.node_info()
    same("id", info["id"], node.at["id"])
    same("enode", [info["enode"]], node.at["url"])
    same("ip", info["ip"], "127.0.0.1")
    same("listenAddr", info["listenAddr"], f"127.0.0.1:{info['ports']['listener']}")
    assert info["name"].startswith("foo/v"), info["name"]
    assert info["protocols"]["ping"]["version"] >= 1, info["protocols"]

    same("add_peer", admin.add_peer(node.at["other"]), True)
    peers = admin.peers()
    same("peers", len(peers), 1)
    same("enode of the peer", peers[0]["enode"], node.at["other"])
    same("inbound", peers[0]["network"]["inbound"], False)
    same("static", peers[0]["network"]["static"], True)
    assert peers[0]["name"].startswith("other/v"), peers[0]["name"]
    assert any(cap.startswith("ping/") for cap in peers[0]["caps"]), peers[0]["caps"]

    refused(admin, node.at["full"], -32011, "refused")
    refused(admin, "tls://127.0.0.1:1", -32010, "unreachable")
    stranger = node.at["full"].replace(node.at["full"].split("://")[1].split("@")[0], info["id"])
    refused(admin, stranger, -32012, "wrong identity")

    call = web3.manager.request_blocking
    same("foo_subtract", call("foo_subtract", [42, 2]), 40)
    same("removePeer", call("admin_removePeer", [node.at["other"]]), True)
    same("peers after that", len(admin.peers()), 0)


def main(program):
    for kind in ("http", "ipc"):
        with Node(program) as node:
            provider = HTTPProvider(node.at["http"]) if kind == "http" else IPCProvider(node.at["ipc"])
            drive(node, Web3(provider))
        print(f"web3.py over {kind}: ok")
        assert not os.path.exists(node.at["ipc"]), "the socket is left over"


main(sys.argv[1])
