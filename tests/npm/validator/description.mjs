// What a description says of an exchange. The schemas, parameters and headers are openapi-backend's to judge, with Ajv for JSON
// Schema 2020-12; around it is what such libraries leave to their users: which operation it is, whether its statuses, media
// types and headers are described, and that an answer has no member that the description does not have.

import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const Ajv2020 = require("ajv/dist/2020").default;
const addFormats = require("ajv-formats").default;
const { OpenAPIValidator } = require("openapi-backend");

const methods = ["get", "put", "post", "delete", "patch"];

// Of HTTP itself, or for browsers: no business of a description.
const ofTransport = new Set([
    "cache-control",
    "connection",
    "content-length",
    "content-security-policy",
    "content-type",
    "date",
    "referrer-policy",
    "server",
    "transfer-encoding",
    "x-accel-buffering",
    "x-content-type-options",
]);

// What any listener may answer to what is no request to any operation, or none that it wants to read: the introduction of the
// description tells of them.
const unrouted = "unrouted";
const ofNoOperation = [400, 401, 404, 405, 411, 413, 431, 500, 503];

// As paths of a description name it; theirs are in small letters, and nobody else's.
function methodOf(request) {
    if (request?.method === "HEAD") return "get";
    return /^[A-Z]+$/.test(request?.method ?? "") ? request.method.toLowerCase() : "none";
}

const mediaType = (headers) => (headers.get("content-type") ?? "").split(";")[0].trim().toLowerCase();
const isBase64 = (text) => /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text);

/** An Ajv that takes nothing for granted: a keyword or format that it does not know is an error, unless it begins with "x-". */
function strictAjv(options) {
    const ajv = new Ajv2020({
        ...options,
        strict: true,
        strictTypes: false,
        strictRequired: false,
        allowUnionTypes: true,
        allErrors: true,
    });
    addFormats(ajv);
    ajv.removeKeyword("contentEncoding");
    ajv.addKeyword({
        keyword: "contentEncoding",
        schemaType: "string",
        type: "string",
        validate: (encoding, text) => encoding !== "base64" || isBase64(text),
        error: { message: "must be base64" },
    });
    ajv.addKeyword("example");
    // The same forms of errors and headers come with every operation.
    const compile = ajv.compile.bind(ajv);
    const compiled = new Map();
    ajv.compile = (schema) => {
        const text = JSON.stringify(schema);
        if (compiled.has(text)) return compiled.get(text);
        for (const name of extensionsOf(schema)) if (!ajv.RULES.keywords[name]) ajv.addKeyword(name);
        compiled.set(text, compile(schema));
        return compiled.get(text);
    };
    return ajv;
}

/** One for each of the library's purposes. */
const ajvs = new Map();
function ajvFor(purpose, options) {
    if (!ajvs.has(purpose)) ajvs.set(purpose, strictAjv(options));
    return ajvs.get(purpose);
}

/** The names of all members that begin with "x-". */
function extensionsOf(node, found = new Set()) {
    if (node !== null && typeof node === "object")
        for (const [name, value] of Object.entries(node)) {
            if (name.startsWith("x-")) found.add(name);
            extensionsOf(value, found);
        }
    return found;
}

/** The document with what its references name in their places. */
export function dereferenced(document) {
    const at = (reference) =>
        reference
            .slice(2)
            .split("/")
            .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"))
            .reduce((node, step) => node[step], document);
    const walk = (node) => {
        if (Array.isArray(node)) return node.map(walk);
        if (node === null || typeof node !== "object") return node;
        if (typeof node.$ref === "string") {
            const { $ref, ...more } = node;
            return { ...walk(at($ref)), ...more };
        }
        return Object.fromEntries(Object.entries(node).map(([name, value]) => [name, walk(value)]));
    };
    return walk(document);
}

/** The same schema, closed: an object has the members that it names, unless it says what others are like. */
export function closed(schema) {
    if (Array.isArray(schema)) return schema.map(closed);
    if (schema === null || typeof schema !== "object") return schema;
    const out = {};
    for (const [name, value] of Object.entries(schema)) {
        if (name === "properties")
            out[name] = Object.fromEntries(Object.entries(value).map(([member, what]) => [member, closed(what)]));
        else if (["items", "additionalProperties", "anyOf", "oneOf", "allOf"].includes(name)) out[name] = closed(value);
        else out[name] = value;
    }
    if (schema.properties && schema.additionalProperties === undefined) out.additionalProperties = false;
    return out;
}

/** The paths under which a side answers a path of the description. */
function prefixesOf(item, servers) {
    const out = [];
    for (const { url } of item.servers ?? servers) {
        if (/^https?:\/\/\{device\}$/.test(url)) out.push({ side: "device", prefix: "" });
        else out.push({ side: "office", prefix: url === "/" ? "" : url });
    }
    if (methods.some((method) => item[method]?.["x-side"] === "both")) out.push({ side: "device", prefix: "" });
    return out;
}

function patternOf(path) {
    const literal = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    return path
        .split(/(\{\w+\})/)
        .map((piece) => (piece.startsWith("{") ? "[^/]+" : literal(piece)))
        .join("");
}

/** The operations of a document, and what it says of requests and answers. */
export class Description {
    constructor(document) {
        const whole = dereferenced(document);
        this.routes = [];
        this.operations = new Map();
        const paths = {};
        for (const [path, item] of Object.entries(whole.paths)) {
            const of = {};
            for (const method of methods) {
                if (!item[method]) continue;
                const operation = {
                    ...item[method],
                    path,
                    method,
                    parameters: [...(item[method].parameters ?? []), ...(item.parameters ?? [])],
                    security: item[method].security ?? whole.security ?? [],
                };
                this.add(operation);
                of[method] = operation;
            }
            paths[path] = of;
            for (const { side, prefix } of prefixesOf(item, whole.servers))
                this.routes.push({
                    side,
                    prefix,
                    pattern: new RegExp(`^${prefix}${patternOf(path)}$`),
                    isLiteral: !path.includes("{"),
                    of: Object.fromEntries(
                        Object.entries(of).filter(([, each]) => each["x-side"] === side || each["x-side"] === "both"),
                    ),
                });
        }
        this.routes.sort((a, b) => Number(b.isLiteral) - Number(a.isLiteral));
        for (const [side, schema] of [
            ["office", whole.components.schemas.Error],
            ["device", whole.components.schemas.DeviceError],
        ]) {
            const answer = { description: "", headers: {}, content: { "application/json": { schema } } };
            answer.headers["X-Request-Id"] = whole.components.headers.RequestId;
            const responses = Object.fromEntries(ofNoOperation.map((status) => [status, structuredClone(answer)]));
            responses[401].headers["WWW-Authenticate"] = { schema: { type: "string" } };
            responses[503].headers["Retry-After"] = whole.components.headers.RetryAfter;
            responses[405].headers.Allow = { required: true, schema: { type: "string" } };
            const operation = { operationId: `${unrouted}-${side}`, path: `/${unrouted}/${side}`, method: "get", parameters: [], responses };
            this.add(operation);
            paths[operation.path] = { get: operation };
        }
        this.library = new OpenAPIValidator({
            definition: { openapi: whole.openapi, info: whole.info, paths },
            lazyCompileValidators: true,
            customizeAjv: (ajv, options, purpose) => ajvFor(purpose, options),
        });
    }

    add(operation) {
        for (const answer of Object.values(operation.responses)) {
            for (const each of Object.values(answer.content ?? {})) if (each.schema) each.schema = closed(each.schema);
        }
        this.operations.set(operation.operationId, operation);
    }

    /** The route that a path is for; null when there is none. */
    find(side, path) {
        return this.routes.find((each) => each.side === side && each.pattern.test(path)) ?? null;
    }

    /**
     * What is wrong with one exchange, as {about: "request" | "answer", what}; and the operation it is about, with the answer that
     * the description has for it.
     *
     * A request that is not as described is wrong when it was carried out. Refusing it is what the description says.
     */
    judge(side, { request, answer }) {
        const violations = [];
        const complain = (about, what) => violations.push({ about, what });
        if (!answer) {
            complain("answer", "is no HTTP/1.1");
            return { operation: null, violations };
        }
        const [path, query] = request ? request.target.split(/\?(.*)/s) : [];
        const route = request && this.find(side, path);
        const method = methodOf(request);
        const ofNone = this.operations.get(`${unrouted}-${side}`);
        if (request && this.isOfNone(request, answer)) {
            this.judgeAnswer(ofNone, request, answer, (what) => complain("answer", what));
            return { operation: null, violations };
        }
        const routed = route?.of[method] ?? null;
        const operation = routed ?? ofNone;

        if (!routed && request) {
            const expected = route && Object.keys(route.of).length > 0 ? [405] : [404];
            // Some requests are refused before anybody looks where they go.
            if (![...expected, 400, 503].includes(answer.status))
                complain("answer", `has status ${answer.status}, where the description has no such ${route ? "method" : "path"}`);
            if (answer.status === 405 && route) this.compareAllowed(route, answer, complain);
        }
        if (routed) for (const what of this.faultsOfRequest(routed, route, path, query, request, answer)) complain("request", what);
        this.judgeAnswer(operation, request, answer, (what) => complain("answer", what));
        return { operation: routed, violations };
    }

    /** Is it about the request as such, whatever operation it is for? */
    isOfNone(request, answer) {
        const length = Number(request.headers.get("content-length") ?? 0);
        switch (answer.status) {
            case 411:
                return request.headers.has("transfer-encoding");
            case 413:
                return length > 16 * 1024;
            case 400:
                return /"This is not an HTTP\/1\.1 request\."/.test(answer.body);
            case 431:
                return true;
            default:
                return false;
        }
    }

    compareAllowed(route, answer, complain) {
        const told = (answer.headers.get("allow") ?? "").split(/,\s*/).filter((each) => each !== "HEAD");
        const described = Object.keys(route.of).map((each) => each.toUpperCase());
        if (told.sort().join() !== described.sort().join())
            complain("answer", `allows ${told}, where the description has ${described}`);
    }

    faultsOfRequest(operation, route, path, query, request, answer) {
        if (answer.status >= 300) return [];
        const faults = [];
        const { headers, body } = request;
        const isOpen = operation.security.length === 0 || operation.security.some((each) => Object.keys(each).length === 0);
        if (!isOpen && !headers.has("authorization") && !headers.has("cookie")) faults.push("has no credentials");
        if (body === null) return [...faults, "is carried out before it is whole"];
        const judged = this.library.validateRequest(
            {
                method: request.method === "HEAD" ? "GET" : request.method,
                path: path.slice(route.prefix.length),
                query: query ?? "",
                headers: { ...Object.fromEntries(headers), "content-type": "application/json" }, // whatever it says: so it is described
                // Where none is described, none is looked at.
                body: body.length > 0 && operation.requestBody ? body.toString("utf8") : undefined,
            },
            operation,
        );
        return [...faults, ...told(judged.errors)];
    }

    judgeAnswer(operation, request, answer, complain) {
        const { status, headers, body } = answer;
        const described = operation.responses[status];
        if (!described) {
            complain(`has status ${status}, described are ${Object.keys(operation.responses)}`);
            return;
        }
        const ofDescription = Object.fromEntries([...headers].filter(([name]) => !ofTransport.has(name)));
        const judged = this.library.validateResponseHeaders(ofDescription, operation, { statusCode: status, setMatchType: "subset" });
        for (const what of told(judged.errors)) complain(what);
        for (const [name, each] of Object.entries(described.headers ?? {}))
            if (each.required && !headers.has(name.toLowerCase())) complain(`has no ${name}`);

        if (status === 304) return; // tells nothing of the content
        const type = mediaType(headers);
        const contents = Object.entries(described.content ?? {});
        const content = contents.find(([name]) => name.split(";")[0].trim() === type)?.[1];
        if (contents.length > 0 && !content) complain(`is ${type || "of no media type"}, described is ${contents.map(([name]) => name)}`);
        if (contents.length === 0 && (type || body?.length > 0)) complain(`is ${type || "of no media type"}, described is none`);
        if (!content || body === null || request?.method === "HEAD") return;
        let text;
        try {
            text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body);
        } catch {
            complain("is no UTF-8");
            return;
        }
        if (type !== "application/json") return;
        let value;
        try {
            value = JSON.parse(text);
        } catch (fault) {
            complain(`is no JSON: ${fault.message}`);
            return;
        }
        for (const what of told(this.library.validateResponse(value, operation, status).errors)) complain(what);
    }
}

/** What the library found, each in one line. */
function told(errors) {
    return (errors ?? []).map((each) => {
        const more = each.params?.additionalProperty ?? each.params?.allowedValues ?? "";
        return `${each.instancePath || "it"} ${each.message}${more === "" ? "" : ` (${more})`}`;
    });
}
