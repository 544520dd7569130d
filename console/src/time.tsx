// Times as people read them: how long ago, in their own zone, with the exact moment on hover.

import { signal } from "@preact/signals";
import { language, t } from "./en";

/** The present, once a second, while the page is in sight. */
export const now = signal(Date.now());
setInterval(() => {
    if (!document.hidden) now.value = Date.now();
}, 1000);
addEventListener("visibilitychange", () => (now.value = Date.now()));

const exactFormat = new Intl.DateTimeFormat(language, {
    dateStyle: "full",
    timeStyle: "long",
});
const dayFormat = new Intl.DateTimeFormat(language, { day: "numeric", month: "short", year: "numeric" });
const clockFormat = new Intl.DateTimeFormat(language, {
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
});
const minuteFormat = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const relativeFormat = new Intl.RelativeTimeFormat(language, { numeric: "auto" });

export const exact = (at: number) => exactFormat.format(at);
export const day = (at: number) => dayFormat.format(at);
export const clock = (at: number) => clockFormat.format(at);
export const hourAndMinute = (at: number) => minuteFormat.format(at);

const units: [Intl.RelativeTimeFormatUnit, number][] = [
    ["year", 365 * 86_400_000],
    ["month", 30 * 86_400_000],
    ["day", 86_400_000],
    ["hour", 3_600_000],
    ["minute", 60_000],
];

export function relative(at: number, from = now.value): string {
    const distance = at - from;
    for (const [unit, ms] of units)
        if (Math.abs(distance) >= ms) return relativeFormat.format(Math.trunc(distance / ms), unit);
    if (distance > 5_000) return relativeFormat.format(Math.round(distance / 1000), "second");
    return t.time.justNow;
}

/** "4:05", "1 h 12 min", "3 days" */
export function duration(ms: number): string {
    const seconds = Math.max(0, Math.ceil(ms / 1000));
    if (seconds < 3600) return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    if (seconds < 2 * 86_400) return t.time.hours(Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60));
    return t.time.days(Math.floor(seconds / 86_400));
}

/** A span that a policy says: "5 minutes", "1 day" */
export function span(ms: number): string {
    const seconds = Math.round(ms / 1000);
    for (const [size, name] of [
        [86_400, "day"],
        [3600, "hour"],
        [60, "minute"],
    ] as const)
        if (seconds >= size && seconds % size === 0) return t.time.units[name](seconds / size);
    return t.time.units.second(seconds);
}

const isSameDay = (a: number, b: number) => new Date(a).toDateString() === new Date(b).toDateString();

export function Time({ at, plain }: { at: number | undefined; plain?: boolean }) {
    if (!at) return <span class="dim">{t.time.never}</span>;
    return (
        <time dateTime={new Date(at).toISOString()} title={exact(at)}>
            {plain ? `${isSameDay(at, now.value) ? "" : `${day(at)}, `}${clock(at)}` : relative(at)}
        </time>
    );
}

export function Countdown({ until }: { until: number }) {
    return (
        <time class="countdown" dateTime={new Date(until).toISOString()} title={exact(until)} role="timer">
            {duration(until - now.value)}
        </time>
    );
}
