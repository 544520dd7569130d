// How the bytes of a connection become exchanges, however they are cut.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Conversation } from "./messages.mjs";

const request = (method, path, body = "") =>
    `${method} ${path} HTTP/1.1\r\nHost: x\r\n${body ? `Content-Length: ${body.length}\r\n` : ""}\r\n${body}`;
const answer = (status, body = "", more = "") => `HTTP/1.1 ${status} X\r\nContent-Length: ${body.length}\r\n${more}\r\n${body}`;

/** What was exchanged, as "method path body -> status body". events: [fromClient?, text]; size: of the pieces they come in. */
function told(events, size = Infinity) {
    const out = [];
    const conversation = new Conversation(({ request, answer }) =>
        out.push(
            `${request ? `${request.method} ${request.target} ${request.body}` : "?"} -> ${answer ? `${answer.status} ${answer.body}` : "?"}`,
        ),
    );
    for (const [side, text] of events) {
        const bytes = Buffer.from(text);
        for (let at = 0; at < bytes.length; at += size) {
            const piece = bytes.subarray(at, Math.min(at + size, bytes.length));
            side === "client" ? conversation.fromClient(piece) : conversation.fromServer(piece);
        }
    }
    conversation.end();
    return out;
}

test("answers belong to requests in their order, in pieces of any size", () => {
    const events = [
        ["client", request("GET", "/a") + request("POST", "/b", "bee") + request("HEAD", "/c") + request("GET", "/d")],
        ["server", answer(200, "A") + "HTTP/1.1 100 Continue\r\n\r\n" + answer(201, "B") + "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n"],
        ["server", "HTTP/1.1 304 X\r\n\r\n"],
    ];
    const expected = ["GET /a  -> 200 A", "POST /b bee -> 201 B", "HEAD /c  -> 200 ", "GET /d  -> 304 "];
    for (const size of [Infinity, 1, 2, 7]) assert.deepEqual(told(events, size), expected);
});

test("chunks are joined, and what ends with the connection is whole", () => {
    const chunked = "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\n";
    for (const size of [Infinity, 1, 3])
        assert.deepEqual(told([["client", request("GET", "/s") + request("GET", "/t")], ["server", `${chunked}HTTP/1.1 200 X\r\n\r\nrest`]], size), [
            "GET /s  -> 200 abcde",
            "GET /t  -> 200 rest",
        ]);
});

test("a target has no spaces, and any other byte", () => {
    const target = Buffer.from([0x2f, 0xa0, 0x85, 0x01, 0xff]).toString("latin1");
    const out = [];
    const conversation = new Conversation(({ request }) => out.push(request?.target));
    conversation.fromClient(Buffer.from(request("GET", target), "latin1"));
    conversation.fromServer(Buffer.from(answer(400, "no")));
    assert.deepEqual(out, [target]);
});

test("what is cut off has no body", () => {
    const head = "HTTP/1.1 200 X\r\nContent-Length: 9\r\n\r\n";
    assert.deepEqual(told([["client", request("GET", "/a")], ["server", `${head}four`]]), ["GET /a  -> 200 null"]);
    assert.deepEqual(told([["client", request("GET", "/a")], ["server", head]]), ["GET /a  -> 200 null"]);
    const half = "POST /b HTTP/1.1\r\nContent-Length: 9\r\n\r\nfour";
    assert.deepEqual(told([["client", half], ["server", answer(413, "no")]]), ["POST /b null -> 413 no"]);
});

test("what cannot be read is told", () => {
    for (const bad of ["GET /a\r\n\r\n", "GET /a HTTP/1.1\r\nno field\r\n\r\n", "GET /a HTTP/1.1\r\nContent-Length: x\r\n\r\n"])
        assert.deepEqual(told([["client", bad], ["server", answer(400, "no")]]), ["? -> 400 no"]);
    assert.deepEqual(told([["client", request("GET", "/a")], ["server", "nonsense\r\n\r\n"]]), ["? -> ?"]);
    assert.deepEqual(told([["server", answer(503, "busy")]]), ["? -> 503 busy"]);
});
