// HTTP/1.1 messages out of the bytes of a connection, one direction at a time. What cannot be read is told, never guessed at:
// a test may well send it.

const headMax = 256 * 1024;
const empty = Buffer.alloc(0);

/** The bytes that came and were not read yet. */
class Unread {
    constructor() {
        this.bytes = empty;
    }
    add(piece) {
        this.bytes = this.bytes.length === 0 ? piece : Buffer.concat([this.bytes, piece]);
    }
    take(size) {
        const out = this.bytes.subarray(0, size);
        this.bytes = this.bytes.subarray(size);
        return out;
    }
    takeLine() {
        const end = this.bytes.indexOf("\r\n");
        return end < 0 ? null : this.take(end + 2).subarray(0, end).toString("latin1");
    }
}

/** Headers by name in small letters; of a name that comes twice all values, with commas. */
function headersOf(lines) {
    const out = new Map();
    for (const line of lines) {
        const found = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/.exec(line);
        if (!found) return null;
        const name = found[1].toLowerCase();
        out.set(name, out.has(name) ? `${out.get(name)}, ${found[2]}` : found[2]);
    }
    return out;
}

/**
 * Reads one direction.
 *
 * begin(firstLine, headers) makes the message of a head: an object whose `bodySize` is a number, "chunked" or "rest"; null when
 * the head cannot be read. done(message) is called with its `body` once that is whole. After lost() nothing is read any more.
 */
class Reader {
    constructor(begin, done, lost) {
        this.begin = begin;
        this.done = done;
        this.lost = lost;
        this.unread = new Unread();
        this.current = null;
        this.pieces = [];
        this.state = "head";
    }

    add(piece) {
        if (this.state === "lost") return;
        this.unread.add(piece);
        while (this.step());
    }

    /** The connection ends; what goes on until then is whole now. */
    end() {
        if (this.state === "rest") this.complete();
    }

    step() {
        switch (this.state) {
            case "head":
                return this.readHead();
            case "body":
                return this.readBody();
            case "chunk":
                return this.readChunk();
            case "rest":
                if (this.unread.bytes.length > 0) this.keep(this.unread.take(this.unread.bytes.length));
                return false;
            default:
                return false;
        }
    }

    readHead() {
        const end = this.unread.bytes.indexOf("\r\n\r\n");
        if (end < 0) {
            if (this.unread.bytes.length > headMax) this.giveUp();
            return false;
        }
        const [first, ...lines] = this.unread.take(end + 4).subarray(0, end).toString("latin1").split("\r\n");
        const headers = headersOf(lines);
        this.current = headers && this.begin(first, headers);
        if (!this.current) {
            this.giveUp();
            return false;
        }
        this.pieces = [];
        this.left = this.current.bodySize;
        this.state = typeof this.left === "number" ? "body" : this.left === "chunked" ? "chunk" : "rest";
        return true;
    }

    readBody() {
        const piece = this.unread.take(Math.min(this.left, this.unread.bytes.length));
        this.left -= piece.length;
        this.keep(piece);
        if (this.left > 0) return false;
        this.complete();
        return true;
    }

    readChunk() {
        const before = this.unread.bytes;
        const line = this.unread.takeLine();
        if (line === null) return false;
        const size = /^[0-9a-fA-F]+/.exec(line);
        if (!size) {
            this.giveUp();
            return false;
        }
        const length = parseInt(size[0], 16);
        if (this.unread.bytes.length < length + 2) {
            this.unread.bytes = before;
            return false;
        }
        this.keep(this.unread.take(length));
        this.unread.take(2);
        if (length === 0) this.complete();
        return true;
    }

    keep(piece) {
        if (piece.length > 0) this.pieces.push(piece);
        this.current.body = null; // not whole yet
    }

    complete() {
        const message = this.current;
        message.body = Buffer.concat(this.pieces);
        this.current = null;
        this.state = "head";
        this.done(message);
    }

    giveUp() {
        this.state = "lost";
        this.lost();
    }
}

/**
 * The exchanges of one connection: which answer came to which request.
 *
 * exchanged({request, answer}) is called for each answer. request is null when what was sent before the answer cannot be read,
 * or is not whole; request.body, when only that is not whole, or the answer came first. answer.body is null when the connection ended before it did.
 */
export class Conversation {
    constructor(exchanged) {
        this.exchanged = exchanged;
        this.waiting = []; // requests without an answer
        this.requests = new Reader(
            (first, headers) => this.beginRequest(first, headers),
            () => {},
            () => {},
        );
        this.answers = new Reader(
            (first, headers) => this.beginAnswer(first, headers),
            (answer) => this.tell(answer),
            () => this.exchanged({ request: null, answer: null }),
        );
    }

    fromClient(piece) {
        this.requests.add(piece);
    }
    fromServer(piece) {
        this.answers.add(piece);
    }
    end() {
        this.answers.end();
        if (this.answers.current) this.tell(this.answers.current);
        this.answers.current = null;
    }

    beginRequest(first, headers) {
        const found = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([^ ]+) HTTP\/1\.[01]$/.exec(first);
        if (!found) return null;
        const length = headers.get("content-length");
        let bodySize = 0;
        if (headers.has("transfer-encoding")) bodySize = "chunked";
        else if (length !== undefined && !/^\d+$/.test(length)) return null;
        else if (length !== undefined) bodySize = Number(length);
        const request = { method: found[1], target: found[2], headers, bodySize, body: null };
        this.waiting.push(request);
        return request;
    }

    beginAnswer(first, headers) {
        const found = /^HTTP\/1\.1 (\d{3}) /.exec(first);
        if (!found) return null;
        const status = Number(found[1]);
        const of = this.waiting[0]?.method;
        let bodySize = "rest";
        if (status < 200 || status === 204 || status === 304 || of === "HEAD") bodySize = 0;
        else if (headers.get("transfer-encoding") === "chunked") bodySize = "chunked";
        else if (headers.has("content-length")) bodySize = Number(headers.get("content-length"));
        return { status, headers, bodySize, body: null };
    }

    tell(answer) {
        if (answer.status < 200) return; // an interim one
        const request = this.waiting.shift() ?? null;
        this.exchanged({ request, answer });
    }
}
