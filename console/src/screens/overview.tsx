// What goes on: how much, how quickly, how many are blocked, and the feed as it happens.

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { get, Problem, states, type DoorwardEvent, type State } from "../api";
import { HourBars, Lines, type Series } from "../charts";
import { t } from "../en";
import { follow } from "../feed";
import { at } from "../router";
import { can } from "../session";
import { Countdown, Time } from "../time";
import {
    Card,
    Fault,
    Notice,
    Page,
    Skeleton,
    StateBadge,
    Table,
    useLoaded,
    usePoll,
    type Children,
    type Column,
} from "../ui";
import type { OpenBreaker } from "./breaker";

interface Counted {
    total: number;
    byStatus: Record<State, number>;
    byPlatform: Record<string, number>;
    monthlyActive: number;
}
interface OfApplication {
    applicationId: string;
    registrations: Counted;
    lockoutsPerHour: number[];
    breakers?: OpenBreaker[];
}
interface Stats {
    asOf: number;
    registrations: Counted;
    lockoutsPerHour: number[];
    applications: OfApplication[];
}
interface Quantiles {
    count: number; // in the last ten seconds; without any the others say nothing
    p50Ms: number;
    p99Ms: number;
}
interface Live {
    asOf: number;
    attempts: { accepted: number; refused: number; blocked: number; noise: number };
    commits: Quantiles;
    verdicts: Quantiles;
    journalLag: number;
    slots: number;
    connections: { device: number; office: number };
    openBreakers: number;
}

const countEveryMs = 15_000;
const liveEveryMs = 2_000;
const liveSpanMs = 180_000;
const hourMs = 3_600_000;

export function Overview() {
    const of = useLoaded(`stats ${can.count.value}`, async ({ signal, quiet }) =>
        can.count.value ? get<Stats>("/v2/stats", { signal, quiet }) : undefined,
    );
    usePoll(countEveryMs, () => void of.reload(true), can.count.value);
    const isCounting = of.fault instanceof Problem && of.fault.status === 503;
    const stats = of.value;
    return (
        <Page title={t.nav.overview}>
            <div class="stack">
                {isCounting ? (
                    <Notice>
                        <p>{t.overview.counting}</p>
                    </Notice>
                ) : of.fault !== undefined ? (
                    <Fault of={of.fault} again={() => void of.reload()} />
                ) : (
                    can.count.value && !stats && <Skeleton rows={3} />
                )}
                {stats && <Numbers of={stats} />}
                {can.countLive.value && <LiveCharts />}
                {stats && <Registrations of={stats} />}
                {can.follow.value && <Ticker />}
            </div>
        </Page>
    );
}

const last = (of: number[]) => of[of.length - 1] ?? 0;

function Numbers({ of }: { of: Stats }) {
    const open = of.applications.flatMap((app) =>
        (app.breakers ?? []).map((each) => ({ ...each, applicationId: app.applicationId })),
    );
    const { total, monthlyActive, byStatus } = of.registrations;
    return (
        <>
            {open.map((each) => (
                <Notice
                    key={`${each.applicationId}${each.appKey ?? ""}`}
                    tone="bad"
                    title={t.overview.breaker(each.applicationId)}
                >
                    <p>
                        {t.overview.breakerText(each.lockouts, each.usualLockouts)}{" "}
                        <Time at={each.timestampUntil} plain /> (<Countdown until={each.timestampUntil} />
                        ).{" "}
                        {can.administer.value && (
                            <a href={at("applications", each.applicationId)}>{t.overview.breakerMore}</a>
                        )}
                    </p>
                </Notice>
            ))}
            <ul class="tiles six">
                <Tile name={t.overview.total} value={total} />
                <Tile name={t.overview.monthlyActive} value={monthlyActive} />
                <Tile name={t.states.ACTIVE} value={byStatus.ACTIVE} href={`${at("find")}?state=ACTIVE`} />
                <Tile
                    name={t.overview.blockedNow}
                    value={byStatus.BLOCKED}
                    tone={byStatus.BLOCKED ? "bad" : ""}
                    href={`${at("find")}?state=BLOCKED`}
                />
                <Tile name={t.overview.lockoutsHour} value={last(of.lockoutsPerHour)} />
                <Tile
                    name={t.overview.breakers}
                    value={open.length}
                    tone={open.length ? "bad" : "good"}
                    {...(open.length ? {} : { text: t.overview.none })}
                />
            </ul>
        </>
    );
}

function Registrations({ of }: { of: Stats }) {
    const total: OfApplication[] =
        of.applications.length > 1
            ? [
                  {
                      applicationId: "",
                      registrations: of.registrations,
                      lockoutsPerHour: of.lockoutsPerHour,
                  },
              ]
            : [];
    const columns: Column<OfApplication>[] = [
        {
            name: t.fields.application,
            cell: ({ applicationId }) =>
                applicationId === "" ? (
                    <b>{t.overview.all}</b>
                ) : can.administer.value ? (
                    <a href={at("applications", applicationId)}>{applicationId}</a>
                ) : (
                    applicationId
                ),
        },
        ...states.map(
            (state): Column<OfApplication> => ({
                name: t.states[state],
                kind: "number",
                cell: (each) => t.number(each.registrations.byStatus[state] ?? 0),
            }),
        ),
        {
            name: t.overview.monthlyActive,
            kind: "number",
            cell: (each) => t.number(each.registrations.monthlyActive),
        },
        { name: t.overview.lockoutsDay, kind: "number", cell: (each) => t.number(sum(each.lockoutsPerHour)) },
    ];
    return (
        <>
            <Card title={t.overview.lockoutsPerHour}>
                <HourBars
                    values={of.lockoutsPerHour}
                    lastHour={Math.floor(of.asOf / hourMs) * hourMs}
                    text={t.overview.lockoutsPerHour}
                />
            </Card>
            <Card
                title={t.overview.byApplication}
                actions={
                    <span class="dim">
                        {t.overview.asOf} <Time at={of.asOf} />
                    </span>
                }
            >
                <Table
                    label={t.overview.byApplication}
                    rows={[...of.applications, ...total]}
                    id={(each) => each.applicationId}
                    columns={columns}
                />
            </Card>
        </>
    );
}
const sum = (of: number[]) => of.reduce((all, each) => all + each, 0);

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

interface Point {
    at: number;
    accepted: number;
    refused: number;
    blocked: number;
    noise: number;
    commitHalf: number | null;
    commitMost: number | null;
    verdictMost: number | null;
}

/** What happened between two looks; nothing when the server started again in between, and counts from zero. */
function pointOf(before: Live, now: Live): Point | undefined {
    const seconds = (now.asOf - before.asOf) / 1000;
    const kinds = ["accepted", "refused", "blocked", "noise"] as const;
    if (seconds <= 0 || kinds.some((each) => now.attempts[each] < before.attempts[each])) return undefined;
    const rate = (what: (typeof kinds)[number]) => (now.attempts[what] - before.attempts[what]) / seconds;
    const { commits, verdicts } = now;
    return {
        at: now.asOf,
        accepted: rate("accepted"),
        refused: rate("refused"),
        blocked: rate("blocked"),
        noise: rate("noise"),
        commitHalf: commits.count ? commits.p50Ms : null,
        commitMost: commits.count ? commits.p99Ms : null,
        verdictMost: verdicts.count ? verdicts.p99Ms : null,
    };
}

function LiveCharts() {
    const isOffered = useSignal(true);
    const before = useRef<Live | undefined>(undefined);
    const points = useSignal<Point[]>([]);
    const latest = useSignal<Live | undefined>(undefined);
    const look = async () => {
        try {
            const now = await get<Live>("/v2/stats/live", { quiet: true });
            const point = before.current && pointOf(before.current, now);
            before.current = now;
            latest.value = now;
            if (point) points.value = [...points.value.filter((each) => each.at >= now.asOf - liveSpanMs), point];
        } catch (fault) {
            // Otherwise it is away; there is a gap then.
            if (fault instanceof Problem && (fault.status === 404 || fault.status === 403)) isOffered.value = false;
        }
    };
    useEffect(() => void look(), []);
    usePoll(liveEveryMs, () => void look(), isOffered.value);
    const now = latest.value;
    if (!isOffered.value || !now) return null;
    const rows = points.value;
    const series = (name: keyof Point, text: string, tone: string): Series => ({
        text,
        tone,
        values: rows.map((each) => each[name]),
    });
    const chart = (text: string, shown: Series[]): Children => (
        <Card title={text}>
            <Lines
                at={rows.map((each) => each.at)}
                spanMs={liveSpanMs}
                gapMs={3 * liveEveryMs}
                text={text}
                series={shown}
            />
        </Card>
    );
    return (
        <>
            <div class="grid charts">
                {chart(t.overview.attemptsPerSecond, [
                    series("accepted", t.overview.accepted, "good"),
                    series("refused", t.overview.refused, "warn"),
                    series("blocked", t.overview.blocked, "bad"),
                    series("noise", t.overview.noise, "quiet"),
                ])}
                {chart(t.overview.latency, [
                    series("verdictMost", t.overview.verdictMost, "good"),
                    series("commitMost", t.overview.commitMost, "warn"),
                    series("commitHalf", t.overview.commitHalf, "info"),
                ])}
            </div>
            <ul class="tiles">
                <Tile name={t.overview.devices} value={now.connections.device} />
                <Tile name={t.overview.offices} value={now.connections.office} />
                <Tile name={t.overview.slots} value={now.slots} />
                <Tile name={t.overview.lag} value={now.journalLag} />
                {!can.count.value && (
                    <Tile
                        name={t.overview.breakers}
                        value={now.openBreakers}
                        tone={now.openBreakers ? "bad" : "good"}
                        {...(now.openBreakers ? {} : { text: t.overview.none })}
                    />
                )}
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
                <Table
                    label={t.overview.events}
                    rows={rows.value}
                    id={(each) => each.seq}
                    kind="ticker"
                    columns={[
                        { name: t.audit.when, cell: (each) => <Time at={each.timestampCreated} plain /> },
                        { name: t.audit.what, cell: (each) => t.audit.eventName(each.event) },
                        {
                            name: t.audit.about,
                            cell: (each) =>
                                each.registrationId ? (
                                    <a href={at("registrations", each.registrationId)}>{each.userId}</a>
                                ) : (
                                    each.subjectId
                                ),
                        },
                        {
                            name: t.fields.state,
                            cell: (each) => each.registrationStatus && <StateBadge of={each.registrationStatus} />,
                        },
                        {
                            name: t.audit.who,
                            cell: (each) => each.account ?? <span class="dim">{t.audit.phone}</span>,
                        },
                    ]}
                />
            )}
        </Card>
    );
}
