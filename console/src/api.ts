// Requests to the server. Everything the page knows comes from here.

import { t } from "./en";
import { noteExpired } from "./session";

export interface Violation {
    fieldName: string;
    hint: string;
    invalidValue?: string;
}

/** What the server refused, in words for people. */
export class Problem extends Error {
    constructor(
        readonly status: number,
        readonly code: string,
        message: string,
        readonly violations: Violation[] = [],
        readonly retryAfterSeconds = 0,
    ) {
        super(message);
    }
}

export const isGone = (fault: unknown) => fault instanceof DOMException && fault.name === "AbortError";

// --- is somebody there?

const presenceMs = 60_000;
let lastSignMs = Date.now();
for (const sign of ["pointerdown", "keydown", "wheel", "touchstart"])
    addEventListener(sign, () => (lastSignMs = Date.now()), { capture: true, passive: true });

export const isSomebodyThere = () => Date.now() - lastSignMs < presenceMs;

export interface Options {
    signal?: AbortSignal;
    headers?: Record<string, string>;
    /** The page asks by itself; that keeps nobody signed in. */
    quiet?: boolean;
}

export function consoleHeaders(quiet = false): Record<string, string> {
    return { "X-Doorward-Console": quiet || !isSomebodyThere() ? "0" : "1" };
}

async function problemOf(answer: Response): Promise<Problem> {
    const retryAfter = Number(answer.headers.get("Retry-After") ?? 0);
    try {
        const told = (await answer.json()).responseObject;
        const violations: Violation[] = told.violations ?? [];
        const message = violations.length
            ? violations.map((each) => t.problem.violation(each.fieldName, each.hint)).join(" ")
            : (t.problem.codes[told.code] ?? told.message);
        return new Problem(answer.status, told.code, message, violations, retryAfter);
    } catch {
        return new Problem(answer.status, "", t.problem.unreadable(answer.status), [], retryAfter);
    }
}

export async function send(method: string, path: string, body?: unknown, options: Options = {}): Promise<Response> {
    const headers: Record<string, string> = { ...consoleHeaders(options.quiet), ...options.headers };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    let answer: Response;
    try {
        answer = await fetch(path, {
            method,
            headers,
            credentials: "same-origin",
            cache: "no-store",
            body: body === undefined ? undefined : JSON.stringify(body),
            signal: options.signal,
        });
    } catch (fault) {
        if (isGone(fault)) throw fault;
        throw new Problem(0, "", t.problem.unreachable);
    }
    if (answer.ok) return answer;
    const problem = await problemOf(answer);
    if (answer.status === 401 && path !== "/console/session") noteExpired();
    throw problem;
}

async function json<T>(method: string, path: string, body?: unknown, options?: Options): Promise<T> {
    return (await send(method, path, body, options)).json() as Promise<T>;
}

export const get = <T>(path: string, options?: Options) => json<T>("GET", path, undefined, options);
export const post = <T>(path: string, body: unknown = {}, options?: Options) => json<T>("POST", path, body, options);
export const put = <T>(path: string, body: unknown = {}, options?: Options) => json<T>("PUT", path, body, options);
export const patch = <T>(path: string, body: unknown = {}, options?: Options) => json<T>("PATCH", path, body, options);
export const remove = <T>(path: string, options?: Options) => json<T>("DELETE", path, undefined, options);

/** A path with its holes filled: path`/v2/users/${id}`. */
export function path(parts: TemplateStringsArray, ...holes: (string | number)[]): string {
    return parts.reduce((out, part, i) => out + encodeURIComponent(String(holes[i - 1])) + part);
}

export function query(of: Record<string, string | number | boolean | string[] | undefined | null>): string {
    const out = new URLSearchParams();
    for (const [name, value] of Object.entries(of)) {
        if (Array.isArray(value)) value.forEach((each) => out.append(name, each));
        else if (value !== undefined && value !== null && value !== "" && value !== false) out.set(name, String(value));
    }
    const text = out.toString();
    return text ? `?${text}` : "";
}

/** Scheme, host and port of an address; undefined for what is none. */
export function serverOf(url: string): string | undefined {
    try {
        return new URL(url.trim()).origin;
    } catch {
        return undefined;
    }
}

// --- what is answered

export type State = "CREATED" | "PENDING_COMMIT" | "ACTIVE" | "BLOCKED" | "REMOVED";
export const states: State[] = ["CREATED", "PENDING_COMMIT", "ACTIVE", "BLOCKED", "REMOVED"];

export interface Registration {
    registrationId: string;
    userId: string;
    applicationId: string;
    registrationStatus: State;
    flags: string[];
    commitPhase: string;
    version: number;
    maxFailedAttempts: number;
    failedAttempts: number;
    remainingAttempts: number;
    timestampCreated: number;
    timestampLastUsed: number;
    timestampLastChange: number;
    timestampLastFailure?: number;
    blockedReason?: string;
    blockedUntil?: number;
    blockLevel?: number;
    policy?: Record<string, unknown>;
    name?: string;
    platform?: string;
    deviceInfo?: string;
    parentRegistrationId?: string;
    transferType?: "SPAWN" | "MOVE";
    metadata?: Record<string, string | number | boolean>;
    timestampErased?: number;
    childCount?: number;
    timestampRegistrationExpire?: number;
    activationCode?: string;
    activationCodeSignature?: string;
    activationQrCodeData?: string;
    activationFingerprint?: string;
}

export interface Page<T> {
    items: T[];
    nextCursor?: string;
}
export interface RegistrationPage {
    registrations: Registration[];
    nextCursor?: string;
}

export interface HistoryRow {
    seq?: number;
    version: number;
    registrationStatus: State;
    previousStatus?: State;
    event: string;
    eventReason?: string;
    externalUserId?: string;
    account?: string;
    actorRegistrationId?: string;
    name?: string;
    flags?: string[];
    changed?: string[];
    timestampCreated: number;
}

export interface Attempt {
    attemptSeq: number;
    result: "SUCCESS" | "FAILURE" | "REPLAY" | "ERROR" | "NOISE";
    factors?: string;
    counted?: boolean;
    registrationStatus?: State;
    failedAttempts?: number;
    count?: number;
    clientIp?: string;
    vaultReason?: string;
    channel?: string;
    uriId?: string;
    timestampCreated: number;
}

export interface Explanation {
    summary: string;
    registrationStatus: State;
    blockedReason?: string;
    timestampSince?: number;
    timestampUntil?: number;
    blockedUntil?: number;
    cause?: {
        event: string;
        eventReason?: string;
        by: "BACK_OFFICE" | "PHONE" | "OTHER_PHONE" | "PROVIDER" | "DOORWARD";
        account?: string;
        externalUserId?: string;
        actorRegistrationId?: string;
    };
    breakers?: { appKey?: string; lockouts: number; timestampUntil: number }[];
    attempts: Attempt[];
    attemptsComplete: boolean;
    noiseCount: number;
    next: { event: string; registrationStatus: State; by: string[]; timestamp?: number }[];
}

export interface DoorwardEvent {
    seq: number;
    subject: "REGISTRATION" | "APPLICATION" | "ACCOUNT" | "WEBHOOK" | "STORE";
    event: string;
    timestampCreated: number;
    applicationId?: string;
    account?: string;
    externalUserId?: string;
    registrationId?: string;
    userId?: string;
    registrationStatus?: State;
    previousStatus?: State;
    eventReason?: string;
    blockedReason?: string;
    subjectId?: string;
    detail?: string;
}

/** As it is told: what is secret never is. */
export interface Authentication {
    type: "NONE" | "BASIC" | "BEARER" | "CERTIFICATE";
    username?: string;
    certificates?: string;
}

export interface Callback {
    id: string;
    applicationId: string;
    name: string;
    type: string;
    callbackUrl: string;
    attributes: string[];
    payloadType: string;
    authentication: Authentication;
    maxAttempts: number;
    initialBackoff: number;
    retentionPeriod: number;
    enabled: boolean;
    secret?: string;
    lastEventSeq?: number;
    timestampCreated: number;
}

export interface Delivery {
    id: number;
    webhookId: string;
    registrationId: string;
    event: string;
    registrationStatus: State;
    state: "PENDING" | "DELIVERED" | "GIVEN_UP";
    attempts: number;
    redelivery?: boolean;
    lastStatus?: number;
    lastFailure?: string;
    timestampFirstAttempt?: number;
    timestampLastAttempt?: number;
    timestampNextAttempt?: number;
    timestampFinished?: number;
}
