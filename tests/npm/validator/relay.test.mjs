// That a line is nothing but a line: bytes, ends and resets pass as they come.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { test } from "node:test";

import { Relay } from "./relay.mjs";

/** A server that does `serve` with each connection, a line to it, and a client at its other end. */
async function line(serve, exchanged = () => {}) {
    const server = createServer({ allowHalfOpen: true }, serve);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const relay = new Relay(`127.0.0.1:${server.address().port}`, exchanged);
    const [host, port] = (await relay.listen(0)).split(":");
    const client = connect({ host, port: Number(port), allowHalfOpen: true });
    await once(client, "connect");
    return {
        client,
        relay,
        end: async () => {
            await relay.close();
            server.close();
        },
    };
}

async function all(socket) {
    const pieces = [];
    socket.on("data", (piece) => pieces.push(piece));
    await once(socket, "end"); // leaves it open for writing
    return Buffer.concat(pieces);
}

test("what one side says after the other has ended still comes", async () => {
    const much = Buffer.alloc(3_000_000, "x");
    const { client, end } = await line(async (socket) => socket.end(await all(socket)));
    client.end(much);
    assert.equal(Buffer.compare(await all(client), much), 0);
    await end();
});

test("a reset stays one, in both directions", async () => {
    let tell;
    const told = new Promise((resolve) => (tell = resolve));
    const there = await line((socket) => socket.on("data", () => socket.write("y")).on("error", (fault) => tell(fault.code)));
    there.client.write("x");
    await once(there.client, "data");
    there.client.resetAndDestroy();
    assert.equal(await told, "ECONNRESET");
    await there.end();

    const back = await line((socket) => socket.once("data", () => socket.resetAndDestroy()));
    back.client.write("x");
    const [fault] = await once(back.client, "error");
    assert.equal(fault.code, "ECONNRESET");
    await back.end();
});

test("a server that is gone is one that resets", async () => {
    const relay = new Relay("127.0.0.1:1", () => {});
    const [host, port] = (await relay.listen(0)).split(":");
    const client = connect({ host, port: Number(port) });
    client.on("data", () => {});
    const [fault] = await once(client, "error");
    assert.equal(fault.code, "ECONNRESET");
    await relay.close();
});

test("nothing is exchanged after the end, and all that was said before is", async () => {
    const heard = [];
    const { client, end } = await line(
        (socket) => socket.once("data", () => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")),
        ({ request, answer }) => heard.push(`${request.target} ${answer.body}`),
    );
    client.write("GET /a HTTP/1.1\r\n\r\n");
    await once(client, "data");
    client.on("error", () => {});
    await end();
    assert.deepEqual(heard, ["/a hi"]);
});
