// Drives a node over WebSocket with the published client `rpc-websockets`; any mismatch is a failure.
//
//     node client.mjs path/to/rpc_node

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { Client } from "rpc-websockets";

const node = spawn(process.argv[2], { stdio: ["pipe", "pipe", "inherit"] });
// Whatever happens here, the node does not stay behind.
process.on("exit", () => node.kill());
const [line] = await once(createInterface({ input: node.stdout }), "line");
const at = JSON.parse(line);

const client = new Client(at.websocket, { reconnect: false });
await once(client, "open");

// Notifications are handed out by their method, as they come.
const told = [];
let wake = () => {};
for (const method of ["foo_subscription", "admin_subscription"]) {
  client.on(method, (params) => {
    told.push(params);
    wake();
  });
}
const next = async (id) => {
  for (;;) {
    const found = told.findIndex((params) => params.subscription === id);
    if (found >= 0) return told.splice(found, 1)[0];
    await new Promise((resolve) => (wake = resolve));
  }
};

assert.equal(await client.call("foo_helloWorld"), "foobar");
assert.equal(await client.call("foo_subtract", [42, 2]), 40);
assert.equal(await client.call("foo_subtract", { minuend: 42 }), 41);
await assert.rejects(client.call("foo_fail"), { code: -32050, message: "on purpose", data: 7 });
await assert.rejects(client.call("foo_nothing"), { code: -32601 });
await assert.rejects(client.call("foo_subtract", ["many"]), { code: -32602 });

const numbers = await client.call("foo_subscribe", ["numbers", 3]);
for (const result of [1, 2, 3]) assert.deepEqual(await next(numbers), { subscription: numbers, result });
assert.deepEqual(await next(numbers), { subscription: numbers, ended: true });

const events = await client.call("admin_subscribe", ["peerEvents", false]);
assert.equal(await client.call("admin_addPeer", [at.other]), true);
const add = (await next(events)).result;
assert.equal(add.type, "add");
assert.ok(at.other.includes(add.peer));
const [peer] = await client.call("admin_peers");
assert.equal(peer.id, add.peer);
await assert.rejects(client.call("admin_addPeer", [at.full]), (error) => {
  assert.equal(error.code, -32011);
  assert.equal(error.data.reason, "too many peers");
  return true;
});
assert.equal(await client.call("admin_removePeer", [at.other]), true);
const drop = (await next(events)).result;
assert.deepEqual([drop.type, drop.peer], ["drop", add.peer]);
assert.equal(await client.call("admin_unsubscribe", [events]), true);
assert.equal(await client.call("admin_unsubscribe", [events]), false);

const document = await client.call("rpc.discover");
assert.ok(document.methods.some((method) => method.name === "admin_addPeer"));

client.close();
node.stdin.end();
const [status] = await once(node, "exit");
assert.equal(status, 0);
console.log("rpc-websockets over WebSocket: ok");
process.exit(0);
