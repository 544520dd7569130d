// The breaker of mass lockouts: when it opens, whether it is open, and when it was.

import { get, Problem, query } from "../api";
import { t } from "../en";
import { Countdown, Time, span } from "../time";
import { Card, Read, Table, Tag, useLoaded, usePoll } from "../ui";
import type { BreakerRule } from "./policy";

/** A breaker that is open, of one version of an application, or of the attempts that were reported. */
export interface OpenBreaker {
    appKey?: string;
    lockouts: number;
    usualLockouts: number;
    timestampUntil: number;
}
interface Turn {
    seq: number;
    eventType: string;
    eventData?: { detail?: string };
    timestamp: number;
}

const opened = "OPEN_LOCKOUT_BREAKER";
const closed = "CLOSE_LOCKOUT_BREAKER";
const lookAgainMs = 5_000;

/** "appKey=x, lockouts=3" */
function detailOf(turn: Turn): Record<string, string> {
    const parts = (turn.eventData?.detail ?? "").split(", ").map((each) => /^([^=]*)=?(.*)$/.exec(each) ?? []);
    return Object.fromEntries(parts.map(([, name = "", value = ""]) => [name, value]));
}

async function readOpen(application: string, options: { signal: AbortSignal; quiet: boolean }) {
    // Asked first, because it costs nothing; for the other all registrations are counted now and then.
    const { openBreakers } = await get<{ openBreakers: number }>("/v2/stats/live", options);
    if (openBreakers === 0) return [];
    try {
        const { applications } = await get<{
            applications: { applicationId: string; breakers?: OpenBreaker[] }[];
        }>("/v2/stats", options);
        return applications.find((each) => each.applicationId === application)?.breakers ?? [];
    } catch (fault) {
        if (fault instanceof Problem && fault.status === 503) return []; // counted for the first time; asked again
        throw fault;
    }
}

export function BreakerCard({ application, rule }: { application: string; rule: BreakerRule | undefined }) {
    const of = useLoaded(`breaker ${application}`, async (options) => {
        const [open, turns] = await Promise.all([
            readOpen(application, options),
            get<{ items: Turn[] }>(
                `/v2/audit/log${query({ appId: application, eventType: [opened, closed], limit: 10 })}`,
                options,
            ),
        ]);
        return { open, turns: turns.items };
    });
    usePoll(lookAgainMs, () => void of.reload(true), rule !== undefined);
    const open = of.value?.open ?? [];
    return (
        <Card
            title={t.breaker.title}
            actions={
                rule && (
                    <Tag tone={open.length ? "bad" : "good"}>{open.length ? t.breaker.isOpen : t.breaker.isClosed}</Tag>
                )
            }
        >
            <p class={rule ? "" : "dim"}>
                {rule
                    ? t.breaker.sentence(rule.least, span(rule.window), rule.factor, span(rule.pause))
                    : t.breaker.off}
            </p>
            <Read of={of} rows={2}>
                {({ turns }) => (
                    <>
                        {open.length > 0 && <OpenOnes of={open} turns={turns} />}
                        {turns.length > 0 ? <Turns of={turns} /> : rule && <p class="dim">{t.breaker.never}</p>}
                    </>
                )}
            </Read>
        </Card>
    );
}

/** What is held up now, since when, and until when. */
function OpenOnes({ of, turns }: { of: OpenBreaker[]; turns: Turn[] }) {
    const sinceOf = (one: OpenBreaker) =>
        turns.find((each) => each.eventType === opened && detailOf(each).appKey === one.appKey)?.timestamp;
    return (
        <Table
            label={t.breaker.openOnes}
            rows={of}
            id={(each) => each.appKey ?? ""}
            columns={[
                { name: t.breaker.version, cell: (each) => <Version of={each.appKey} /> },
                { name: t.breaker.lockouts, kind: "number", cell: (each) => t.number(each.lockouts) },
                { name: t.breaker.usual, kind: "number", cell: (each) => t.number(each.usualLockouts) },
                { name: t.breaker.since, cell: (each) => <Time at={sinceOf(each)} plain /> },
                { name: t.breaker.until, cell: (each) => <Countdown until={each.timestampUntil} /> },
            ]}
        />
    );
}

const Version = ({ of }: { of: string | undefined }) =>
    of ? (
        <code class="short" title={of}>
            {of.slice(0, 8)}
        </code>
    ) : (
        <>{t.breaker.reported}</>
    );

function Turns({ of }: { of: Turn[] }) {
    return (
        <Table
            label={t.breaker.turns}
            rows={of}
            id={(each) => each.seq}
            columns={[
                { name: t.audit.when, cell: (each) => <Time at={each.timestamp} plain /> },
                {
                    name: t.audit.what,
                    cell: (each) => (each.eventType === opened ? t.breaker.opened : t.breaker.letGo),
                },
                { name: t.breaker.version, cell: (each) => <Version of={detailOf(each).appKey} /> },
                {
                    name: t.breaker.lockouts,
                    kind: "number",
                    cell: (each) => t.number(Number(detailOf(each).lockouts)),
                },
                {
                    name: t.breaker.held,
                    kind: "number",
                    cell: (each) => (each.eventType === closed ? t.number(Number(detailOf(each).held)) : ""),
                },
            ]}
        />
    );
}
