// What goes on: how much, how quickly, how many are blocked, and the feed as it happens.

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { get, Problem, states, type DoorwardEvent, type State } from "../api";
import { Bars, Lines, type Series } from "../charts";
import { t } from "../en";
import { follow } from "../feed";
import { at } from "../router";
import { can } from "../session";
import { Time } from "../time";
import { Card, Fault, Notice, Page, Skeleton, StateBadge, TableBox, useLoaded, usePoll } from "../ui";

interface Counted {
    total: number;
    byStatus: Record<State, number>;
    byPlatform: Record<string, number>;
    monthlyActive: number;
}
interface Breaker {
    appKey?: string;
    lockouts: number;
    usualLockouts: number;
    timestampUntil: number;
}
interface Stats {
    asOf: number;
    registrations: Counted;
    lockoutsPerHour: number[];
    applications: { applicationId: string; registrations: Counted; lockoutsPerHour: number[]; breakers?: Breaker[] }[];
}
interface Live {
    asOf: number;
    attempts: { accepted: number; refused: number; blocked: number; noise: number };
    commits: { count: number; p50Ms?: number; p99Ms?: number };
    verdicts: { p50Ms?: number; p99Ms?: number };
    journalLag: number;
    slots: number;
    connections: { device: number; office: number };
    openBreakers: number;
}

const liveEveryMs = 2_000;
const livePoints = 90;

export function Overview() {
    useEffect(() => {
        document.title = t.title(t.nav.overview);
    }, []);
    return (
        <Page title={t.nav.overview}>
            <div class="stack">
                {can.count.value && <Numbers />}
                {can.countLive.value && <LiveCharts />}
                {can.follow.value && <Ticker />}
            </div>
        </Page>
    );
}

function Numbers() {
    const of = useLoaded("stats", ({ signal, quiet }) => get<Stats>("/v2/stats", { signal, quiet }));
    usePoll(15_000, () => void of.reload(true));
    if (of.fault instanceof Problem && of.fault.status === 503)
        return (
            <Notice>
                <p>{t.overview.counting}</p>
            </Notice>
        );
    if (of.fault !== undefined) return <Fault of={of.fault} again={() => void of.reload()} />;
    const stats = of.value;
    if (!stats) return <Skeleton rows={3} />;
    const breakers = stats.applications.flatMap((app) =>
        (app.breakers ?? []).map((each) => ({ ...each, applicationId: app.applicationId })),
    );
    const lastHour = stats.lockoutsPerHour[stats.lockoutsPerHour.length - 1] ?? 0;
    const hourMs = 3_600_000;
    const hour = Math.floor(stats.asOf / hourMs) * hourMs;
    return (
        <>
            {breakers.map((each) => (
                <Notice
                    key={`${each.applicationId}${each.appKey ?? ""}`}
                    tone="bad"
                    title={t.overview.breaker(each.applicationId)}
                >
                    <p>
                        {t.overview.breakerText(each.lockouts, each.usualLockouts)}{" "}
                        <Time at={each.timestampUntil} plain />
                    </p>
                </Notice>
            ))}
            <ul class="tiles">
                <Tile name={t.overview.total} value={stats.registrations.total} />
                <Tile name={t.overview.monthlyActive} value={stats.registrations.monthlyActive} />
                <Tile
                    name={t.states.ACTIVE}
                    value={stats.registrations.byStatus.ACTIVE}
                    href={`${at("find")}?state=ACTIVE`}
                />
                <Tile
                    name={t.overview.blockedNow}
                    value={stats.registrations.byStatus.BLOCKED}
                    tone={stats.registrations.byStatus.BLOCKED ? "bad" : ""}
                    href={`${at("find")}?state=BLOCKED`}
                />
                <Tile name={t.overview.lockoutsHour} value={lastHour} />
                <Tile
                    name={t.overview.breakers}
                    value={breakers.length}
                    tone={breakers.length ? "bad" : "good"}
                    text={breakers.length ? undefined : t.overview.none}
                />
            </ul>
            <div class="grid">
                <Card title={t.overview.lockoutsPerHour}>
                    <Bars
                        values={stats.lockoutsPerHour}
                        label={(i) => hour - (stats.lockoutsPerHour.length - 1 - i) * hourMs}
                        text={t.overview.lockoutsPerHour}
                    />
                </Card>
                <Card title={t.overview.byApplication}>
                    <TableBox label={t.overview.byApplication}>
                        <thead>
                            <tr>
                                <th>{t.fields.application}</th>
                                {states.map((each) => (
                                    <th key={each} class="number">
                                        {t.states[each]}
                                    </th>
                                ))}
                            </tr>
                        </thead>
                        <tbody>
                            {stats.applications.map((each) => (
                                <tr key={each.applicationId}>
                                    <td>{each.applicationId}</td>
                                    {states.map((state) => (
                                        <td key={state} class="number">
                                            {t.number(each.registrations.byStatus[state] ?? 0)}
                                        </td>
                                    ))}
                                </tr>
                            ))}
                        </tbody>
                    </TableBox>
                </Card>
            </div>
            <p class="dim">
                {t.overview.asOf} <Time at={stats.asOf} />
            </p>
        </>
    );
}

function Tile({
    name,
    value,
    tone = "",
    href,
    text,
}: {
    name: string;
    value: number;
    tone?: string;
    href?: string;
    text?: string;
}) {
    const inner = (
        <>
            <span class="tile-name">{name}</span>
            <span class="tile-value">{text ?? t.number(value)}</span>
        </>
    );
    return (
        <li class={`tile ${tone}`}>
            {href && can.listEverybody.value ? <a href={href}>{inner}</a> : <div>{inner}</div>}
        </li>
    );
}

function LiveCharts() {
    const isOffered = useSignal(true);
    const last = useRef<Live | undefined>(undefined);
    const points = useSignal<
        {
            at: number;
            accepted: number;
            refused: number;
            blocked: number;
            noise: number;
            p50: number;
            p99: number;
            verdict: number;
        }[]
    >([]);
    const latest = useSignal<Live | undefined>(undefined);
    const look = async () => {
        if (!isOffered.value) return;
        try {
            const now = await get<Live>("/v2/stats/live", { quiet: true });
            const before = last.current;
            last.current = now;
            latest.value = now;
            if (!before) return;
            const seconds = (now.asOf - before.asOf) / 1000;
            if (seconds <= 0 || now.attempts.accepted < before.attempts.accepted) return; // the server started again
            const rate = (what: keyof Live["attempts"]) =>
                Math.max(0, (now.attempts[what] - before.attempts[what]) / seconds);
            points.value = [
                ...points.value.slice(1 - livePoints),
                {
                    at: now.asOf,
                    accepted: rate("accepted"),
                    refused: rate("refused"),
                    blocked: rate("blocked"),
                    noise: rate("noise"),
                    p50: now.commits.p50Ms ?? 0,
                    p99: now.commits.p99Ms ?? 0,
                    verdict: now.verdicts.p99Ms ?? 0,
                },
            ];
        } catch (fault) {
            if (fault instanceof Problem && (fault.status === 404 || fault.status === 403)) isOffered.value = false;
        }
    };
    useEffect(() => void look(), []);
    usePoll(liveEveryMs, () => void look(), isOffered.value);
    if (!isOffered.value || !latest.value) return null;
    const rows = points.value;
    const series = (name: keyof (typeof rows)[0], text: string, tone: string): Series => ({
        text,
        tone,
        values: rows.map((each) => each[name]),
    });
    const now = latest.value;
    return (
        <>
            <div class="grid">
                <Card title={t.overview.attemptsPerSecond}>
                    <Lines
                        at={rows.map((each) => each.at)}
                        unit="/s"
                        text={t.overview.attemptsPerSecond}
                        series={[
                            series("accepted", t.overview.accepted, "good"),
                            series("refused", t.overview.refused, "warn"),
                            series("blocked", t.overview.blocked, "bad"),
                            series("noise", t.overview.noise, "quiet"),
                        ]}
                    />
                </Card>
                <Card title={t.overview.latency}>
                    <Lines
                        at={rows.map((each) => each.at)}
                        unit=" ms"
                        text={t.overview.latency}
                        series={[
                            series("p50", t.overview.commitHalf, "info"),
                            series("p99", t.overview.commitMost, "warn"),
                            series("verdict", t.overview.verdictMost, "good"),
                        ]}
                    />
                </Card>
            </div>
            <ul class="tiles">
                <Tile name={t.overview.devices} value={now.connections.device} />
                <Tile name={t.overview.offices} value={now.connections.office} />
                <Tile name={t.overview.slots} value={now.slots} />
                <Tile name={t.overview.lag} value={now.journalLag} />
            </ul>
        </>
    );
}

const tickerRows = 60;

/** The newest events. However many come, the page draws a few rows a few times a second. */
function Ticker() {
    const rows = useSignal<DoorwardEvent[]>([]);
    const total = useSignal(0);
    const isHeld = useSignal(false);
    useEffect(
        () =>
            follow((batch) => {
                total.value += batch.length;
                if (isHeld.value) return;
                const newest = batch.slice(-tickerRows).reverse();
                rows.value = [...newest, ...rows.value.slice(0, Math.max(0, tickerRows - newest.length))];
            }),
        [],
    );
    return (
        <Card
            title={t.overview.events}
            actions={
                <button
                    type="button"
                    class="button"
                    aria-pressed={isHeld.value}
                    onClick={() => (isHeld.value = !isHeld.value)}
                >
                    {isHeld.value ? t.overview.goOn : t.overview.hold}
                </button>
            }
        >
            <p class="dim" data-events={total.value}>
                {t.overview.seen(total.value)}
            </p>
            {rows.value.length > 0 && (
                <TableBox label={t.overview.events}>
                    <thead>
                        <tr>
                            <th>{t.audit.when}</th>
                            <th>{t.audit.what}</th>
                            <th>{t.audit.about}</th>
                            <th>{t.fields.state}</th>
                            <th>{t.audit.who}</th>
                        </tr>
                    </thead>
                    <tbody class="ticker">
                        {rows.value.map((each) => (
                            <tr key={each.seq}>
                                <td>
                                    <Time at={each.timestampCreated} plain />
                                </td>
                                <td>{t.history.titles[each.event] ?? t.audit.events[each.event] ?? each.event}</td>
                                <td>
                                    {each.registrationId ? (
                                        <a href={at("registrations", each.registrationId)}>{each.userId}</a>
                                    ) : (
                                        each.subjectId
                                    )}
                                </td>
                                <td>{each.registrationStatus && <StateBadge of={each.registrationStatus} />}</td>
                                <td>{each.account ?? <span class="dim">{t.audit.phone}</span>}</td>
                            </tr>
                        ))}
                    </tbody>
                </TableBox>
            )}
        </Card>
    );
}
