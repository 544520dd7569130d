// Whether the comparison can fail: what a run has shown is compared with descriptions that are wrong in one place, and each of
// those must be found out by what the run has shown of that place.

import { Description, dereferenced } from "./description.mjs";

const other = (value) => (typeof value === "boolean" ? { type: "string" } : { type: "boolean" });

/** The object schemas for a value: itself, or the alternatives that have members. */
function objectsOf(schema) {
    if (schema.properties) return [schema];
    return (schema.anyOf ?? schema.oneOf ?? []).flatMap(objectsOf);
}

/** Mistakes in a schema whose values are known: [name, function that makes it in a copy of the schema]. */
function mistakesOfSchema(schema, value) {
    if (value === null || typeof value !== "object" || Array.isArray(value)) return [];
    const described = (member) => objectsOf(schema).some((each) => each.properties[member]);
    const members = Object.keys(value).filter(described);
    const out = [];
    for (const member of members.filter((each) => value[each] !== null)) {
        out.push([
            `the type of ${member}`,
            (copy) => objectsOf(copy).forEach((each) => each.properties[member] && (each.properties[member] = other(value[member]))),
        ]);
        out.push([
            `a missing ${member}`,
            (copy) =>
                objectsOf(copy).forEach((each) => {
                    delete each.properties[member];
                    if (each.required) each.required = each.required.filter((name) => name !== member);
                    each.additionalProperties = false;
                }),
        ]);
        const inner = Array.isArray(value[member]) ? value[member][0] : value[member];
        const below = (copy) =>
            objectsOf(copy)
                .map((each) => each.properties[member])
                .filter(Boolean)
                .map((each) => (Array.isArray(value[member]) ? each.items : each));
        const place = below(schema)[0];
        if (place && inner !== null && typeof inner === "object" && !Array.isArray(inner)) {
            const innermost = Object.keys(inner).find((each) => inner[each] !== null && place.properties?.[each]);
            if (innermost)
                out.push([
                    `the type of ${member}.${innermost}`,
                    (copy) => below(copy).forEach((each) => (each.properties[innermost] = other(inner[innermost]))),
                ]);
        }
    }
    if (objectsOf(schema).length > 0)
        out.push([
            "a member that never comes",
            (copy) => objectsOf(copy).forEach((each) => (each.required = [...(each.required ?? []), "never"])),
        ]);
    return out;
}

const jsonOf = (bytes) => {
    try {
        return JSON.parse(bytes);
    } catch {
        return undefined;
    }
};

function mistakesOfAnswer(kind, samples) {
    const { operation, status } = kind;
    const answer = (copy) => copy.responses[status];
    const out = [
        ["its status", (copy) => delete copy.responses[status]],
        ["a header that never comes", (copy) => (answer(copy).headers = { ...answer(copy).headers, "X-Never": { required: true, schema: {} } })],
    ];
    for (const name of Object.keys(operation.responses[status].headers ?? {}))
        if (samples.some((each) => each.answer.headers.has(name.toLowerCase())))
            out.push([`a missing ${name}`, (copy) => delete answer(copy).headers[name]]);
    for (const [type, content] of Object.entries(operation.responses[status].content ?? {})) {
        if (!samples.some((each) => each.answer.headers.get("content-type")?.startsWith(type.split(";")[0]))) continue;
        out.push([
            "its media type",
            (copy) => {
                answer(copy).content["application/x-other"] = answer(copy).content[type];
                delete answer(copy).content[type];
            },
        ]);
        if (type !== "application/json") continue;
        const seen = new Set();
        for (const each of samples)
            for (const [name, make] of mistakesOfSchema(content.schema, jsonOf(each.answer.body)))
                if (!seen.has(name)) {
                    seen.add(name);
                    out.push([name, (copy) => make(answer(copy).content[type].schema)]);
                }
    }
    return out;
}

function mistakesOfRequest(kind, samples) {
    if (kind.status >= 300) return [];
    const { operation } = kind;
    const out = [
        [
            "a parameter that never comes",
            (copy) => (copy.parameters = [...(copy.parameters ?? []), { name: "never", in: "query", required: true, schema: {} }]),
        ],
    ];
    for (const each of operation.parameters) {
        if (each.in !== "query" || !samples.some(({ request }) => request.target.includes(`${each.name}=`))) continue;
        out.push([`a missing ${each.name}`, (copy) => (copy.parameters = copy.parameters.filter(({ name }) => name !== each.name))]);
    }
    const schema = operation.requestBody?.content["application/json"]?.schema;
    const body = schema && samples.map(({ request }) => jsonOf(request.body)).find((each) => each && Object.keys(each).length > 0);
    if (body)
        for (const [name, make] of mistakesOfSchema(schema, body))
            if (!name.startsWith("a missing")) // what is unknown is ignored, as the description says
                out.push([`${name} of the request`, (copy) => make(copy.requestBody.content["application/json"].schema)]);
    return out;
}

/** Tries all mistakes; gives how many there were, and those that nothing found. */
export function tryMistakes(document, record) {
    const whole = dereferenced(document);
    const { openapi, info, servers, security } = whole;
    const components = { schemas: {}, headers: whole.components.headers };
    for (const name of ["Error", "DeviceError"]) components.schemas[name] = whole.components.schemas[name];
    const missed = [];
    let tried = 0;
    for (const kind of record.kinds.values()) {
        const samples = [...kind.samples.values()];
        if (samples.length === 0) continue;
        const { path, method } = kind.operation;
        const item = whole.paths[path];
        const plain = {
            ...item[method],
            parameters: [...(item[method].parameters ?? []), ...(item.parameters ?? [])],
            responses: { [kind.status]: item[method].responses[kind.status] },
        };
        const described = { ...kind, operation: plain };
        for (const [name, make] of [...mistakesOfAnswer(described, samples), ...mistakesOfRequest(described, samples)]) {
            const copy = structuredClone(plain);
            make(copy);
            const description = new Description({
                openapi,
                info,
                servers,
                security,
                components,
                paths: { [path]: { ...(item.servers ? { servers: item.servers } : {}), [method]: copy } },
            });
            tried += 1;
            const found = samples.some((each) => description.judge(kind.side, each).violations.length > 0);
            if (!found) missed.push(`${plain.operationId} ${kind.status}: ${name}`);
        }
    }
    return { tried, missed };
}
