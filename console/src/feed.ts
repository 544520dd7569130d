// The feed of events as it happens: one stream for the whole page. It comes again by itself where it ended, so that nothing
// is missed, however long the server was away.

import { computed, effect, signal } from "@preact/signals";
import { consoleHeaders, type DoorwardEvent } from "./api";
import { can, epoch, expired, me, noteExpired } from "./session";

export type Liveness = "off" | "connecting" | "live" | "waiting";
export const liveness = signal<Liveness>("off");

type Listener = (batch: DoorwardEvent[]) => void;
const listeners = new Set<Listener>();

/** Calls with what has happened, a few times a second at most. */
export function follow(listener: Listener): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
}

// Many events arrive together; the page shows them together.
const deliveryPauseMs = 150;
const batchMax = 2_000; // of those that wait; who shows a list shows the newest of them
let batch: DoorwardEvent[] = [];
let delivery: ReturnType<typeof setTimeout> | undefined;

function deliver() {
    delivery = undefined;
    const out = batch;
    batch = [];
    listeners.forEach((each) => each(out));
}

function take(event: DoorwardEvent) {
    batch.push(event);
    if (batch.length > batchMax) batch.splice(0, batch.length - batchMax);
    delivery ??= setTimeout(deliver, deliveryPauseMs);
}

let last: string | undefined; // id of the last event that was read whole

/** Reads server-sent events; the id of a message holds when its empty line was there. */
class Reader {
    private rest = "";
    private data = "";
    private id: string | undefined;

    read(text: string) {
        const lines = (this.rest + text).split("\n");
        this.rest = lines.pop() ?? "";
        for (const line of lines) this.readLine(line);
    }

    private readLine(line: string) {
        if (line === "") {
            if (this.id !== undefined) last = this.id;
            if (this.data) take(JSON.parse(this.data));
            this.data = "";
            this.id = undefined;
        } else if (line.startsWith("data:")) {
            this.data += line.slice(5);
        } else if (line.startsWith("id:")) {
            this.id = line.slice(3).trim();
        }
    }
}

// The server says something every 15 s.
const silenceMaxMs = 40_000;
const pauseFirstMs = 500;
const pauseMaxMs = 5_000;

async function followOnce(ending: AbortSignal, opened: () => void) {
    const silent = new AbortController();
    const stop = () => silent.abort();
    ending.addEventListener("abort", stop);
    let watchdog = setTimeout(stop, silenceMaxMs);
    try {
        const headers: Record<string, string> = consoleHeaders(true);
        if (last !== undefined) headers["Last-Event-ID"] = last;
        const answer = await fetch("/v2/events/stream", { headers, signal: silent.signal, cache: "no-store" });
        if (answer.status === 401) noteExpired();
        if (!answer.ok || !answer.body) return;
        opened();
        const bytes = answer.body.getReader();
        const decoder = new TextDecoder();
        const reader = new Reader();
        for (;;) {
            const { done, value } = await bytes.read();
            if (done) return;
            clearTimeout(watchdog);
            watchdog = setTimeout(stop, silenceMaxMs);
            reader.read(decoder.decode(value, { stream: true }));
        }
    } finally {
        clearTimeout(watchdog);
        ending.removeEventListener("abort", stop);
    }
}

async function followForEver(ending: AbortSignal) {
    let pauseMs = pauseFirstMs;
    while (!ending.aborted) {
        try {
            await followOnce(ending, () => {
                pauseMs = pauseFirstMs;
                liveness.value = "live";
            });
        } catch {
            // away, or silent for too long
        }
        if (ending.aborted) return;
        liveness.value = "waiting";
        await new Promise((resume) => setTimeout(resume, pauseMs));
        pauseMs = Math.min(pauseMs * 2, pauseMaxMs);
    }
}

const who = computed(() => me.value?.username);
let ending: AbortController | undefined;
effect(() => {
    void epoch.value;
    const wanted = Boolean(who.value) && can.follow.value && !expired.value;
    ending?.abort();
    ending = undefined;
    liveness.value = wanted ? "connecting" : "off";
    if (!wanted) {
        if (!who.value) last = undefined; // the next one begins with what happens from then on
        return;
    }
    ending = new AbortController();
    void followForEver(ending.signal);
});
