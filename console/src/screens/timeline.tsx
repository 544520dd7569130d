// What happened to a registration: its history, its attempts, and what was sent to webhooks about it, in one line of time
// that grows while one looks at it.

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import {
    get,
    path,
    query,
    type Attempt,
    type Callback,
    type Delivery,
    type HistoryRow,
    type Page,
    type Registration,
} from "../api";
import { t } from "../en";
import { liveness } from "../feed";
import { at } from "../router";
import { can, epoch } from "../session";
import { day, Time } from "../time";
import { Button, Card, Fault, Icon, Skeleton, type Children, type Shape } from "../ui";

type Kind = "history" | "attempt" | "delivery";
interface Item {
    key: string;
    kind: Kind;
    at: number;
    order: number;
    tone: string;
    icon: Shape;
    title: string;
    detail: Children;
    isFresh: boolean;
}

const rowsAtOnce = 50;
const freshMs = 4_000;

function ofHistory(row: HistoryRow): Item {
    const look = t.history.looks[row.event];
    return {
        key: `h${row.version}`,
        kind: "history",
        at: row.timestampCreated,
        order: row.version,
        tone: look?.tone ?? "",
        icon: (look?.icon as Shape | undefined) ?? "dots",
        title: t.history.title(row),
        detail: (
            <>
                {t.history.by(row)}
                {row.actorRegistrationId && (
                    <>
                        {" "}
                        <a href={at("registrations", row.actorRegistrationId)}>{row.actorRegistrationId.slice(0, 8)}</a>
                    </>
                )}
            </>
        ),
        isFresh: false,
    };
}

function ofAttempt(row: Attempt): Item {
    const isRight = row.result === "SUCCESS";
    return {
        key: `a${row.attemptSeq}`,
        kind: "attempt",
        at: row.timestampCreated,
        order: row.attemptSeq,
        tone: isRight ? "good" : row.result === "FAILURE" ? "bad" : "quiet",
        icon: isRight ? "check" : row.result === "FAILURE" ? "cross" : "dots",
        title: t.attempts.title(row),
        detail: t.attempts.detail(row),
        isFresh: false,
    };
}

function ofDelivery(row: Delivery, to: string): Item {
    return {
        key: `d${row.webhookId}${row.id}${row.state}${row.attempts}`,
        kind: "delivery",
        at: row.timestampLastAttempt ?? row.timestampFirstAttempt ?? 0,
        order: Number(row.id),
        tone: row.state === "DELIVERED" ? "quiet" : row.state === "PENDING" ? "warn" : "bad",
        icon: "hook",
        title: t.deliveries.title(row, to),
        detail: t.deliveries.detail(row),
        isFresh: false,
    };
}

interface Source {
    items: Map<string, Item>;
    cursor: string | undefined;
    /** There is nothing missing after this time. */
    from: number;
}
const nothing = (): Source => ({ items: new Map(), cursor: undefined, from: -Infinity });

function take(into: Source, rows: Item[], cursor: string | undefined, isHead: boolean): Source {
    const last = rows[rows.length - 1];
    // A head that does not reach what is known leaves a gap: begin anew.
    const isJoined =
        !isHead ||
        into.items.size === 0 ||
        !cursor ||
        (last && into.items.has(last.key)) ||
        rows.some((each) => into.items.has(each.key));
    const items = isJoined ? new Map(into.items) : new Map<string, Item>();
    const isFirst = items.size === 0;
    for (const each of rows) {
        const before = items.get(each.key);
        items.set(each.key, before ?? { ...each, isFresh: isHead && !isFirst && Date.now() - each.at < 60_000 });
    }
    const goesOn = isFirst || !isHead;
    const next = goesOn ? cursor : into.cursor;
    return { items, cursor: next, from: goesOn ? (cursor && last ? last.at : -Infinity) : into.from };
}

export function Timeline({ of }: { of: Registration }) {
    const id = of.registrationId;
    const history = useSignal<Source>(nothing());
    const attempts = useSignal<Source>(nothing());
    const deliveries = useSignal<Map<string, Item>>(new Map());
    const fault = useSignal<unknown>(undefined);
    const isRead = useSignal(false);
    const busy = useSignal(false);
    const shown = useSignal<"all" | Kind>("all");
    const hasHooks = useSignal(false);
    const running = useRef<AbortController | undefined>(undefined);

    const readHistory = (cursor: string | undefined, signal: AbortSignal) =>
        get<Page<HistoryRow>>(`${path`/v2/registrations/${id}/history`}${query({ limit: rowsAtOnce, cursor })}`, {
            signal,
            quiet: true,
        });
    const readAttempts = (cursor: string | undefined, signal: AbortSignal) =>
        get<Page<Attempt>>(`${path`/v2/registrations/${id}/attempts`}${query({ limit: rowsAtOnce, cursor })}`, {
            signal,
            quiet: true,
        });

    const readHead = async () => {
        running.current?.abort();
        const mine = new AbortController();
        running.current = mine;
        try {
            const [rows, tries] = await Promise.all([
                readHistory(undefined, mine.signal),
                readAttempts(undefined, mine.signal),
            ]);
            if (mine.signal.aborted) return;
            history.value = take(history.value, rows.items.map(ofHistory), rows.nextCursor, true);
            attempts.value = take(attempts.value, tries.items.map(ofAttempt), tries.nextCursor, true);
            fault.value = undefined;
            isRead.value = true;
            setTimeout(() => {
                for (const source of [history, attempts])
                    if ([...source.value.items.values()].some((each) => each.isFresh))
                        source.value = {
                            ...source.value,
                            items: new Map(
                                [...source.value.items].map(([key, each]) => [key, { ...each, isFresh: false }]),
                            ),
                        };
            }, freshMs);
            if (can.manage.value) await readDeliveries(mine.signal);
        } catch (problem) {
            if (!mine.signal.aborted && !isRead.value) fault.value = problem;
        }
    };
    const readDeliveries = async (signal: AbortSignal) => {
        const base = path`/admin/applications/${of.applicationId}/callbacks`;
        const hooks = await get<{ callbacks: Callback[] }>(base, { signal, quiet: true });
        hasHooks.value = hooks.callbacks.length > 0;
        const found = await Promise.all(
            hooks.callbacks.map(async (hook) => {
                const told = await get<{ deliveries: Delivery[] }>(`${base}/${hook.id}/deliveries?limit=100`, {
                    signal,
                    quiet: true,
                });
                return told.deliveries
                    .filter((each) => each.registrationId === id)
                    .map((each) => ofDelivery(each, hook.name));
            }),
        );
        if (!signal.aborted) deliveries.value = new Map(found.flat().map((each) => [each.key, each]));
    };
    useEffect(() => {
        history.value = nothing();
        attempts.value = nothing();
        deliveries.value = new Map();
        isRead.value = false;
        return () => running.current?.abort();
    }, [id]);
    useEffect(() => {
        void readHead();
    }, [id, of.version, of.timestampLastUsed, of.timestampLastFailure, epoch.value, liveness.value]);
    // What was sent is known a moment later.
    useEffect(() => {
        if (!hasHooks.value) return;
        const timer = setTimeout(() => {
            const mine = new AbortController();
            void readDeliveries(mine.signal).catch(() => undefined);
        }, 1_500);
        return () => clearTimeout(timer);
    }, [of.version, hasHooks.value]);

    const more = async () => {
        busy.value = true;
        const mine = new AbortController();
        try {
            if (history.value.cursor && history.value.from >= attempts.value.from) {
                const rows = await readHistory(history.value.cursor, mine.signal);
                history.value = take(history.value, rows.items.map(ofHistory), rows.nextCursor, false);
            } else if (attempts.value.cursor) {
                const rows = await readAttempts(attempts.value.cursor, mine.signal);
                attempts.value = take(attempts.value, rows.items.map(ofAttempt), rows.nextCursor, false);
            }
        } catch (problem) {
            fault.value = problem;
        }
        busy.value = false;
    };

    const from =
        shown.value === "attempt"
            ? attempts.value.from
            : shown.value === "history"
              ? history.value.from
              : Math.max(history.value.from, attempts.value.from);
    const items = [...history.value.items.values(), ...attempts.value.items.values(), ...deliveries.value.values()]
        .filter(
            (each) =>
                (shown.value === "all" || each.kind === shown.value) && (each.at >= from || each.kind === shown.value),
        )
        .sort((a, b) => b.at - a.at || kindOrder[a.kind] - kindOrder[b.kind] || b.order - a.order);
    const choices: ["all" | Kind, string][] = [
        ["all", t.timeline.all],
        ["history", t.timeline.history],
        ["attempt", t.timeline.attempts],
    ];
    if (hasHooks.value) choices.push(["delivery", t.timeline.deliveries]);
    let dayBefore = "";
    return (
        <Card
            title={t.timeline.title}
            actions={
                <div class="segments" role="group" aria-label={t.timeline.show}>
                    {choices.map(([value, text]) => (
                        <button
                            key={value}
                            type="button"
                            aria-pressed={shown.value === value}
                            onClick={() => (shown.value = value)}
                        >
                            {text}
                        </button>
                    ))}
                </div>
            }
        >
            {fault.value !== undefined && <Fault of={fault.value} again={() => void readHead()} />}
            {!isRead.value && fault.value === undefined && <Skeleton rows={6} />}
            {isRead.value && items.length === 0 && <p class="dim">{t.timeline.nothing}</p>}
            <ol class="timeline" aria-live="polite" aria-relevant="additions">
                {items.map((each) => {
                    const itsDay = day(each.at);
                    const isNewDay = itsDay !== dayBefore;
                    dayBefore = itsDay;
                    return (
                        <li key={each.key} class={`${each.tone} ${each.isFresh ? "fresh" : ""}`} data-kind={each.kind}>
                            {isNewDay && <span class="day">{itsDay}</span>}
                            <span class="mark">
                                <Icon of={each.icon} />
                            </span>
                            <span class="what">
                                <b>{each.title}</b>
                                <span class="detail">{each.detail}</span>
                            </span>
                            <span class="when">
                                <Time at={each.at} />
                            </span>
                        </li>
                    );
                })}
            </ol>
            {(history.value.cursor || attempts.value.cursor) && (
                <div class="more">
                    <Button busy={busy.value} onClick={() => void more()}>
                        {t.actions.earlier}
                    </Button>
                </div>
            )}
        </Card>
    );
}

const kindOrder: Record<Kind, number> = { delivery: 0, history: 1, attempt: 2 };
