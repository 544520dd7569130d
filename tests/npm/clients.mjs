// Follows a server with a public EventSource client, and checks what it sends to a webhook with the library of Standard
// Webhooks, through kills of the server and an outage of the receiver. Run by ./clients.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { EventSource } from "eventsource";
import { Webhook } from "standardwebhooks";

const binary = process.argv[2];
const home = mkdtempSync(join(tmpdir(), "doorward-clients-"));
const data = join(home, "data");
const patienceMs = 60_000;

/** Resolves when `what()` is true; it is asked whenever something has arrived. */
const waiting = new Set();
const arrived = () => waiting.forEach((look) => look());
function until(what, text) {
    return new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`never: ${text}`)), patienceMs);
        const look = () => {
            if (!what()) return;
            clearTimeout(timer);
            waiting.delete(look);
            resolve();
        };
        waiting.add(look);
        look();
    });
}

// --- the server

let office = "127.0.0.1:0"; // the same port after a restart, or nobody could follow
let running = null;
async function start() {
    running = spawn(binary, ["serve", "--data", data, "--device", "127.0.0.1:0", "--office", office], {
        stdio: ["ignore", "pipe", "ignore"],
    });
    for await (const line of createInterface({ input: running.stdout })) {
        const listens = / office http:\/\/(\S+)/.exec(line);
        if (listens) {
            office = listens[1];
            return;
        }
    }
    throw new Error("the server did not start");
}
async function end(signal) {
    const ended = once(running, "exit");
    running.kill(signal);
    await ended;
}

const admin = JSON.parse(spawnSync(binary, ["init", "--data", data]).stdout.toString());
const credentials = "Basic " + Buffer.from(`${admin.username}:${admin.password}`).toString("base64");
async function ask(method, path, body) {
    const answer = await fetch(`http://${office}${path}`, {
        method,
        headers: { Authorization: credentials, "Content-Type": "application/json" },
        body: body === undefined ? undefined : JSON.stringify(body),
    });
    const told = await answer.json();
    assert.equal(answer.status, 200, `${method} ${path}: ${JSON.stringify(told)}`);
    return told;
}

// --- the receiver of webhooks

const received = [];
let secret = "";
let isDown = false;
const receiver = createServer(async (request, response) => {
    const pieces = [];
    for await (const piece of request) pieces.push(piece);
    if (isDown) {
        response.writeHead(503).end();
        return;
    }
    try {
        const payload = new Webhook(secret).verify(Buffer.concat(pieces).toString(), request.headers);
        received.push({ id: request.headers["webhook-id"], payload });
        response.writeHead(204).end();
    } catch (fault) {
        received.push({ id: request.headers["webhook-id"], fault });
        response.writeHead(400).end();
    }
    arrived();
});
receiver.listen(0, "127.0.0.1");
await once(receiver, "listening");

// --- the story

let follower = null;
try {
    await start();
    await ask("POST", "/admin/applications", { id: "bank" });
    const callback = await ask("POST", "/v2/admin/applications/bank/callbacks", {
        name: "a receiver",
        type: "REGISTRATION_STATUS_CHANGE",
        callbackUrl: `http://127.0.0.1:${receiver.address().port}/hook`,
        attributes: ["activationStatus", "eventSeq", "version"],
        initialBackoff: 1000,
    });
    secret = callback.secret;

    const followed = [];
    follower = new EventSource(`http://${office}/v2/events/stream?after=0`, {
        fetch: (url, init) => fetch(url, { ...init, headers: { ...init.headers, Authorization: credentials } }),
    });
    follower.onmessage = (message) => {
        followed.push({ id: message.lastEventId, ...JSON.parse(message.data) });
        arrived();
    };

    const ids = [];
    for (const user of ["anna", "bert", "carl"]) {
        const made = await ask("POST", "/v2/registrations", { userId: user, appId: "bank" });
        ids.push(made.registrationId);
    }
    await until(() => followed.filter((each) => each.event === "CREATE").length === 3, "three events in the stream");

    // The server is killed and comes again: the client goes on by itself, after the last event that it had.
    await end("SIGKILL");
    await start();
    await ask("DELETE", `/v2/registrations/${ids[0]}`);
    await until(() => followed.some((each) => each.event === "REMOVE"), "the stream after a kill");

    // The receiver is down meanwhile, and the server is killed once more.
    isDown = true;
    await ask("DELETE", `/v2/registrations/${ids[1]}`);
    await end("SIGKILL");
    await start();
    await ask("DELETE", `/v2/registrations/${ids[2]}`);
    isDown = false;
    await until(() => new Set(received.map((each) => each.payload?.eventSeq)).size >= 6, "six webhooks");
    await until(() => followed.filter((each) => each.event === "REMOVE").length === 3, "three removals in the stream");

    assert.deepEqual(received.filter((each) => each.fault), []);
    const sequence = followed.map((each) => each.seq);
    assert.deepEqual(sequence, [...sequence].sort((a, b) => a - b));
    assert.equal(new Set(sequence).size, sequence.length, "an event came twice");
    for (const each of followed) assert.equal(each.id, String(each.seq));
    const feed = (await ask("GET", "/v2/events?after=0&limit=1000")).events.map((each) => each.seq);
    assert.deepEqual(sequence, feed);
    for (const id of ids) {
        const versions = received.filter((each) => each.payload.activationId === id).map((each) => each.payload.version);
        assert.deepEqual(versions, [...versions].sort((a, b) => a - b), "webhooks of a registration out of order");
        assert.equal(new Set(versions).size, 2);
    }
    // The library refuses what was altered, so that it means something that it did not.
    assert.throws(() => new Webhook(secret).verify("{}", { "webhook-id": "x", "webhook-timestamp": "1", "webhook-signature": "v1,AAAA" }));
    console.log(`${followed.length} events followed, ${received.length} webhooks verified`);
} finally {
    follower?.close();
    receiver.closeAllConnections();
    receiver.close();
    if (running && running.exitCode === null && running.signalCode === null) await end("SIGTERM");
    rmSync(home, { recursive: true, force: true });
}
