// Who is signed in, and what that lets him do.

import { computed, signal } from "@preact/signals";
import { get, isSomebodyThere, post, Problem, send } from "./api";

export type Role = "ADMIN" | "INTEGRATION" | "OPERATOR" | "AUDITOR" | "METRICS";

export interface Session {
    username: string;
    role: Role;
    rights: ("REMOVE" | "BULK")[];
    applications: string[];
    version: string;
    timestampCreated?: number;
    timestampExpire?: number;
    idleTimeoutMs?: number;
}

/** undefined: not asked yet; null: nobody. */
export const me = signal<Session | null | undefined>(undefined);
/** Somebody was signed in, and is no more: the page stays as it is behind the window that asks who is there. */
export const expired = signal(false);
/** Grows with each sign-in: what is shown is read again. */
export const epoch = signal(0);
/** Of the last request that counted as a sign of life. */
export const lastUseMs = signal(Date.now());

export function noteExpired() {
    if (me.value) expired.value = true;
}

export async function look(quiet = false) {
    try {
        me.value = await get<Session>("/console/session", { quiet });
        if (!quiet && isSomebodyThere()) lastUseMs.value = Date.now();
    } catch (fault) {
        if (!(fault instanceof Problem) || fault.status !== 401) throw fault;
        if (me.value) expired.value = true;
        else me.value = null;
    }
}

export async function signIn(username: string, password: string) {
    const session = await post<Session>("/console/session", { username, password });
    const another = me.value && me.value.username !== session.username;
    me.value = session;
    expired.value = false;
    lastUseMs.value = Date.now();
    if (another) location.hash = "#/";
    epoch.value += 1;
}

export async function signOut() {
    await send("DELETE", "/console/session");
    expired.value = false;
    me.value = null;
}

const role = computed(() => me.value?.role);
const isOneOf = (...roles: Role[]) => computed(() => role.value !== undefined && roles.includes(role.value));
const hasRight = (which: "REMOVE" | "BULK") => me.value?.rights.includes(which) ?? false;

/** What this account may do (the table in API.md, "Who may call what"). */
export const can = {
    administer: isOneOf("ADMIN"),
    read: isOneOf("ADMIN", "INTEGRATION", "OPERATOR", "AUDITOR"),
    operate: isOneOf("ADMIN", "INTEGRATION", "OPERATOR"),
    manage: isOneOf("ADMIN", "INTEGRATION"),
    listEverybody: isOneOf("ADMIN", "OPERATOR", "AUDITOR"),
    remove: computed(
        () =>
            role.value === "ADMIN" || role.value === "INTEGRATION" || (role.value === "OPERATOR" && hasRight("REMOVE")),
    ),
    changeMany: computed(() => role.value === "ADMIN" || (role.value === "OPERATOR" && hasRight("BULK"))),
    follow: isOneOf("ADMIN", "INTEGRATION", "OPERATOR", "AUDITOR"),
    audit: isOneOf("ADMIN", "AUDITOR"),
    count: isOneOf("ADMIN", "AUDITOR", "METRICS"),
    countLive: isOneOf("ADMIN", "AUDITOR", "METRICS", "OPERATOR"),
};
