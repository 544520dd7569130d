// A line between clients and one listener of a server: every byte passes as it came, and the end of either side too. A
// conversation listens along.

import { once } from "node:events";
import { connect, createServer } from "node:net";

import { Conversation } from "./messages.mjs";

/** One direction: what `from` says goes to `to`, no faster than that takes it. */
function pass(from, to, heard) {
    from.on("data", (piece) => {
        heard(piece);
        if (!to.destroyed && !to.writableEnded && !to.write(piece)) {
            from.pause();
            to.once("drain", () => from.resume());
        }
    });
    from.on("end", () => to.end());
    // A reset stays one. Who closes with something unread on the way resets, too.
    from.on("error", () => to.resetAndDestroy());
}

export class Relay {
    /** to: "127.0.0.1:1234". exchanged: as of Conversation. */
    constructor(to, exchanged) {
        [this.host, this.port] = to.split(":");
        this.exchanged = exchanged;
        this.open = new Set();
        this.connections = 0;
        this.server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.accept(client));
    }

    /** port: 0 for any. Gives where clients find it. */
    async listen(port) {
        this.server.listen(port, "127.0.0.1");
        await once(this.server, "listening");
        return `127.0.0.1:${this.server.address().port}`;
    }

    accept(client) {
        this.connections += 1;
        const server = connect({ host: this.host, port: Number(this.port), allowHalfOpen: true, noDelay: true });
        const conversation = new Conversation(this.exchanged);
        const pair = { client, server };
        this.open.add(pair);
        pass(client, server, (piece) => conversation.fromClient(piece));
        pass(server, client, (piece) => conversation.fromServer(piece));
        server.on("close", () => {
            conversation.end();
            this.open.delete(pair);
        });
        client.on("close", (byFault) => {
            if (!byFault && !server.destroyed && !server.writableEnded) server.end();
        });
    }

    /** Ends all connections. Nothing is exchanged afterwards. */
    async close() {
        this.server.close();
        await Promise.all(
            [...this.open].map(async ({ client, server }) => {
                // What the server said before it ended is read to its end. (once() would give up at an error.)
                await new Promise((closed) => {
                    const hurry = setTimeout(() => server.destroy(), 1000);
                    server.on("close", () => {
                        clearTimeout(hurry);
                        closed();
                    });
                    if (server.destroyed && server.closed) closed();
                    else server.end();
                });
                client.destroy();
            }),
        );
    }
}
