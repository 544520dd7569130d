// What was heard of a run: how often which operation answered what, what was wrong with it, and a few exchanges of each kind.

const samplesMax = 12;

const shown = (bytes) => (bytes ? bytes.toString("utf8").slice(0, 600) : "");

function membersOf(answer) {
    try {
        return Object.keys(JSON.parse(answer.body)).sort().join();
    } catch {
        return "";
    }
}

export class Record {
    /** oddRequests: they are wrong on purpose, and the server may well ignore what is; answers are compared all the same. */
    constructor(description, oddRequests = false) {
        this.description = description;
        this.oddRequests = oddRequests;
        this.odd = 0;
        this.exchanges = 0;
        this.cutOff = 0; // answers that the end of a connection cut off: of those the head alone was compared
        this.kinds = new Map(); // by operation and status
        this.unrouted = new Map(); // by status
        this.violations = new Map(); // by what is wrong with which answers of which operation
    }

    /** Gives what is wrong with it, as texts. */
    add(side, exchange) {
        this.exchanges += 1;
        const { request, answer } = exchange;
        if (answer && answer.body === null) this.cutOff += 1;
        const { operation, violations: found } = this.description.judge(side, exchange);
        // What cannot be read here may be something to the server.
        const isOdd = ({ about }) => about === "request" || (request === null && answer?.status < 400);
        const violations = this.oddRequests ? found.filter((each) => !isOdd(each)) : found;
        if (violations.length < found.length) this.odd += 1;
        if (operation) this.keep(side, operation, exchange, found.length === 0);
        else if (answer) this.unrouted.set(answer.status, (this.unrouted.get(answer.status) ?? 0) + 1);
        return violations.map(({ about, what }) => {
            const example =
                `${side} side, ${request ? `${request.method} ${request.target} ${shown(request.body)}` : "no request"} -> ` +
                (answer ? `${answer.status} ${shown(answer.body)}` : "no answer");
            const key = `${about} of ${operation?.operationId ?? "no operation"} ${answer?.status ?? ""}: ${what}`;
            const kind = this.violations.get(key) ?? { count: 0, example };
            kind.count += 1;
            this.violations.set(key, kind);
            return `${key}; ${example}`;
        });
    }

    keep(side, operation, exchange, isFine) {
        const key = `${operation.operationId} ${exchange.answer.status}`;
        if (!this.kinds.has(key)) this.kinds.set(key, { side, operation, status: exchange.answer.status, count: 0, samples: new Map() });
        const kind = this.kinds.get(key);
        kind.count += 1;
        if (!isFine || !operation.responses[kind.status] || exchange.answer.body === null || exchange.request.method === "HEAD") return;
        const shape = membersOf(exchange.answer);
        if (!kind.samples.has(shape) && kind.samples.size < samplesMax) kind.samples.set(shape, exchange);
    }
}
