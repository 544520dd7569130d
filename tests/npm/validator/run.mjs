// Runs whole servers with a public validator between them and their clients. Run by ../validate:
//
//   node run.mjs DESCRIPTION PROGRAM CASE SUITE... -- SUITE...
//
// CASE must fail when the description is wrong about /health. Requests of the suites behind "--" are wrong on purpose.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";

import { Description } from "./description.mjs";
import { tryMistakes } from "./mutations.mjs";
import { Record } from "./record.mjs";
import { Relay } from "./relay.mjs";

/** Where a program asks for lines to its servers, and tells when it has done with one. tests/process_support.cpp is the other end. */
class Switchboard {
    constructor(record) {
        this.record = record;
        this.lines = new Map();
        this.last = 0;
        this.server = createServer((asked, answer) => {
            this.answer(asked).then(
                (told) => answer.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(told)),
                (fault) => answer.writeHead(500).end(String(fault.stack)),
            );
        });
    }

    async open() {
        this.server.listen(0, "127.0.0.1");
        await once(this.server, "listening");
        return `http://127.0.0.1:${this.server.address().port}`;
    }

    async answer(asked) {
        const pieces = [];
        for await (const piece of asked) pieces.push(piece);
        if (asked.method === "POST") return this.begin(JSON.parse(Buffer.concat(pieces).toString()));
        return this.end(asked.url.slice(1));
    }

    /** side: of the listener; to: where it listens; port: where clients are to find the line, 0 for any. */
    async begin({ side, to, port }) {
        const violations = [];
        const relay = new Relay(to, (exchange) => violations.push(...this.record.add(side, exchange)));
        const from = await relay.listen(port);
        const id = String((this.last += 1));
        this.lines.set(id, { relay, violations });
        return { id, from };
    }

    async end(id) {
        const { relay, violations } = this.lines.get(id);
        this.lines.delete(id);
        await relay.close();
        return { violations };
    }

    async close() {
        await Promise.all([...this.lines.keys()].map((id) => this.end(id)));
        this.server.closeAllConnections();
        this.server.close();
    }
}

/** Runs the program with all servers behind lines; gives how it ended and what was heard. */
async function run(document, program, suites, output, oddRequests = false) {
    const record = new Record(new Description(document), oddRequests);
    const switchboard = new Switchboard(record);
    const url = await switchboard.open();
    const words = [...suites.map((each) => `--run_test=${each}`), "--log_level=warning"];
    const child = spawn(program, words, { stdio: ["ignore", output, output], env: { ...process.env, DOORWARD_VALIDATOR: url } });
    const [status] = await once(child, "exit");
    await switchboard.close();
    return { status, record };
}

// A description that is wrong in one place must make the program fail: the whole way from the bytes to the failed case.
async function expectThatItCanFail(document, program, which) {
    const wrong = structuredClone(document);
    wrong.components.schemas.Health.properties.status = { type: "integer" };
    const { status, record } = await run(wrong, program, [which], "ignore");
    if (status === 0 || record.violations.size === 0)
        throw new Error(`a wrong description was not noticed: status ${status}, ${record.violations.size} violations`);
}

const sum = (numbers) => [...numbers].reduce((a, b) => a + b, 0);

/** Prints what was heard; gives whether all of it is as described. */
function isFine(document, status, record) {
    const seen = new Set([...record.kinds.values()].map((each) => each.operation.operationId));
    const all = [...record.description.operations.keys()].filter((each) => !each.startsWith("unrouted-"));
    const more = [
        `${sum(record.unrouted.values())} to no operation`,
        `of ${record.cutOff} that a connection cut off the heads alone`,
        ...(record.oddRequests ? [`${record.odd} wrong requests ignored`] : []),
    ];
    console.log(`${record.exchanges} exchanges: ${record.kinds.size} kinds of answers of ${seen.size} of ${all.length} operations; ${more.join("; ")}`);
    const unseen = all.filter((each) => !seen.has(each));
    if (unseen.length > 0) console.log(`never asked: ${unseen.join(", ")}`);
    for (const [what, { count, example }] of record.violations) console.log(`violation, ${count} times: ${what}\n    ${example}`);
    const { tried, missed } = tryMistakes(document, record);
    console.log(`${tried} mistakes made in the description, ${tried - missed.length} found`);
    for (const each of missed) console.log(`not found: ${each}`);
    return status === 0 && record.violations.size === 0 && missed.length === 0 && record.exchanges > 0;
}

const [descriptionFile, program, canFail, ...names] = process.argv.slice(2);
const document = JSON.parse(readFileSync(descriptionFile, "utf8"));
const between = names.indexOf("--");
await expectThatItCanFail(document, program, canFail);
for (const [suites, oddRequests] of [
    [names.slice(0, between), false],
    [names.slice(between + 1), true],
]) {
    if (suites.length === 0) continue;
    const { status, record } = await run(document, program, suites, "inherit", oddRequests);
    if (!isFine(document, status, record)) process.exitCode = 1;
}
