// A registration: what it is, why, what happened, and what can be done about it.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get, path, query, type Explanation, type Registration, type RegistrationPage, type State } from "../api";
import { t } from "../en";
import { follow } from "../feed";
import { at, go } from "../router";
import { can } from "../session";
import { Countdown, Time } from "../time";
import {
    AttemptsMeter,
    Button,
    Card,
    Copy,
    Fault,
    Facts,
    Flags,
    Icon,
    Page,
    Skeleton,
    StateBadge,
    useLoaded,
    usePoll,
    type Children,
} from "../ui";
import { Block, ChangeFlags, Commit, PassOn, Remove, Rename, Reset, Unblock } from "./registration-actions";
import { Invitation } from "./invitation";
import { Timeline } from "./timeline";
import { Lineage } from "./user";

/** ", until 14:30, 4:12 to go" */
export function Until({ at: when }: { at: number }) {
    return (
        <>
            {" "}
            {t.until} <Time at={when} plain /> (<Countdown until={when} />)
        </>
    );
}

const lookAgainMs = 2_000;

export function RegistrationScreen({ id }: { id: string }) {
    const of = useLoaded(id, ({ signal, quiet }) =>
        get<Registration>(path`/v2/registrations/${id}`, { signal, quiet }),
    );
    const one = of.value;
    useEffect(
        () =>
            follow((batch) => {
                if (batch.some((each) => each.registrationId === id)) void of.reload(true);
            }),
        [id],
    );
    usePoll(lookAgainMs, () => void of.reload(true), one?.registrationStatus !== "REMOVED");
    const opened = useSignal<Opened>(undefined);
    const changed = () => of.reload();
    return (
        <Page
            name={one ? `${one.name ?? one.userId} · ${t.states[one.registrationStatus]}` : t.registration.title}
            title={
                one ? (
                    <>
                        {one.name ?? t.fields.unnamed} <StateBadge of={one.registrationStatus} />
                    </>
                ) : (
                    t.registration.title
                )
            }
            back={one ? { href: at("users", one.userId), text: one.userId } : { href: at("find"), text: t.nav.find }}
            subtitle={one && <Subtitle of={one} />}
            actions={one && <Actions of={one} open={(what) => (opened.value = what)} />}
        >
            {of.fault !== undefined ? (
                <Fault of={of.fault} again={() => void of.reload()} />
            ) : one ? (
                <Shown of={one} />
            ) : (
                <Skeleton rows={8} />
            )}
            {one && opened.value && (
                <Opening what={opened.value} of={one} changed={changed} onClose={() => (opened.value = undefined)} />
            )}
        </Page>
    );
}

type Opened = "block" | "unblock" | "remove" | "rename" | "flags" | "commit" | "pass" | "reset" | undefined;

function Subtitle({ of }: { of: Registration }) {
    return (
        <>
            {of.applicationId} · {[of.platform, of.deviceInfo].filter(Boolean).join(" · ") || t.fields.noPhone} ·{" "}
            <span class="mono">{of.registrationId}</span>{" "}
            <Copy text={of.registrationId} label={t.registration.copyId} />
        </>
    );
}

function Actions({ of, open: opening }: { of: Registration; open: (what: Opened) => void }) {
    const state = of.registrationStatus;
    const isThere = state !== "REMOVED";
    const open = (what: Opened) => () => opening(what);
    const mayOperate = can.operate.value && isThere;
    const mayManage = can.manage.value && isThere;
    return (
        <>
            {mayManage && state === "PENDING_COMMIT" && (
                <Button kind="primary" icon="check" onClick={open("commit")}>
                    {t.commit.open}
                </Button>
            )}
            {mayOperate && state === "BLOCKED" && (
                <Button kind="primary" icon="unlock" onClick={open("unblock")}>
                    {t.unblock.open}
                </Button>
            )}
            {mayOperate && state === "ACTIVE" && (
                <Button icon="lock" onClick={open("block")}>
                    {t.block.open}
                </Button>
            )}
            {mayOperate && state === "ACTIVE" && of.failedAttempts > 0 && (
                <Button onClick={open("reset")}>{t.reset.open}</Button>
            )}
            {mayOperate && state !== "CREATED" && <Button onClick={open("rename")}>{t.rename.open}</Button>}
            {mayManage && (
                <Button icon="flag" onClick={open("flags")}>
                    {t.flags.open}
                </Button>
            )}
            {mayManage && state === "ACTIVE" && (
                <Button icon="phone" onClick={open("pass")}>
                    {t.pass.open}
                </Button>
            )}
            {mayOperate && state === "BLOCKED" && (
                <Button icon="lock" onClick={open("block")}>
                    {t.block.change}
                </Button>
            )}
            {can.remove.value && isThere && (
                <Button kind="danger" icon="cross" onClick={open("remove")}>
                    {t.remove.open}
                </Button>
            )}
        </>
    );
}

function Shown({ of }: { of: Registration }) {
    const state = of.registrationStatus;
    return (
        <>
            <Why of={of} />
            <div class="columns">
                <div class="column">
                    {state === "CREATED" && of.activationQrCodeData && <Invitation of={of} />}
                    {state === "PENDING_COMMIT" && of.activationFingerprint && (
                        <Card title={t.commit.compare}>
                            <p>{t.commit.compareText}</p>
                            <Fingerprint of={of.activationFingerprint} />
                            {of.timestampRegistrationExpire && (
                                <p class="dim">
                                    {t.invitation.ends} <Countdown until={of.timestampRegistrationExpire} />
                                </p>
                            )}
                        </Card>
                    )}
                    <Card title={t.registration.where}>
                        <StateDiagram state={state} isTemporary={of.blockedUntil !== undefined} />
                    </Card>
                    <Card title={t.registration.facts}>
                        <About of={of} />
                    </Card>
                    <Family of={of} />
                </div>
                <div class="column wide">
                    <Timeline of={of} />
                </div>
            </div>
        </>
    );
}

interface OpeningProps {
    what: Opened;
    of: Registration;
    changed: () => Promise<void>;
    onClose: () => void;
}

function Opening({ what, ...dialog }: OpeningProps) {
    switch (what) {
        case "block":
            return <Block {...dialog} />;
        case "unblock":
            return <Unblock {...dialog} />;
        case "remove":
            return <Remove {...dialog} />;
        case "rename":
            return <Rename {...dialog} />;
        case "flags":
            return <ChangeFlags {...dialog} />;
        case "commit":
            return <Commit {...dialog} />;
        case "reset":
            return <Reset {...dialog} />;
        case "pass":
            return <PassOn {...dialog} onMade={(id) => go(at("registrations", id))} />;
    }
    return null;
}

export function Fingerprint({ of }: { of: string }) {
    return (
        <p class="fingerprint" aria-label={of.split("").join(" ")}>
            <span>{of.slice(0, 4)}</span>
            <span>{of.slice(4)}</span>
        </p>
    );
}

// --- why

/** The answer in two seconds: is it blocked, why, until when, what can be done. */
function Why({ of }: { of: Registration }) {
    const state = of.registrationStatus;
    const explained = useLoaded(`${of.registrationId} ${of.version} ${can.operate.value}`, async ({ signal }) =>
        can.operate.value
            ? get<Explanation>(path`/v2/registrations/${of.registrationId}/explain`, { signal, quiet: true })
            : undefined,
    );
    const last = useSignal<Explanation | undefined>(undefined);
    useEffect(() => {
        if (explained.value) last.value = explained.value;
    }, [explained.value]);
    const why = explained.value ?? (last.value?.registrationStatus === state ? last.value : undefined);
    const isAllOpen = useSignal(false);
    const lines: Children[] = [];
    if (why?.cause) lines.push(t.explain.cause(why.cause, of));
    const failures = why?.attempts.filter((each) => each.result === "FAILURE") ?? [];
    if (state === "BLOCKED") {
        lines.push(
            of.blockedUntil ? (
                <>
                    {t.explain.endsByItself}{" "}
                    <b>
                        <Time at={of.blockedUntil} plain />
                    </b>{" "}
                    (<Countdown until={of.blockedUntil} />){t.explain.orBefore}
                </>
            ) : (
                t.explain.staysBlocked
            ),
        );
    }
    if (state === "ACTIVE" && of.failedAttempts > 0)
        lines.push(t.explain.left(of.failedAttempts, of.remainingAttempts));
    if (state === "REMOVED") lines.push(t.explain.final);
    if ((state === "CREATED" || state === "PENDING_COMMIT") && of.timestampRegistrationExpire)
        lines.push(
            <>
                {t.explain.waits[state]} <Countdown until={of.timestampRegistrationExpire} />
            </>,
        );
    if (why && why.noiseCount > 0) lines.push(t.explain.noise(why.noiseCount));
    for (const each of why?.breakers ?? [])
        lines.push(
            <>
                {t.explain.breaker(each.lockouts)} <Time at={each.timestampUntil} plain />
            </>,
        );
    const tone = state === "BLOCKED" ? "bad" : state === "ACTIVE" ? (of.failedAttempts > 0 ? "warn" : "good") : "info";
    return (
        <section class={`why-box ${tone}`} aria-labelledby="why">
            <Icon
                of={
                    state === "BLOCKED"
                        ? "lock"
                        : state === "ACTIVE"
                          ? "check"
                          : state === "REMOVED"
                            ? "cross"
                            : "phone"
                }
            />
            <div>
                <h2 id="why">
                    {t.explain.headline(state, of.blockedReason, of.blockedUntil !== undefined)}
                    {why?.timestampSince && (
                        <span class="since">
                            {t.explain.since} <Time at={why.timestampSince} />
                        </span>
                    )}
                </h2>
                {lines.map((each, i) => (
                    <p key={i}>{each}</p>
                ))}
                {failures.length > 0 && (
                    <details open={isAllOpen.value} onToggle={(event) => (isAllOpen.value = event.currentTarget.open)}>
                        <summary>{t.explain.attempts(failures.length, why?.attemptsComplete ?? true)}</summary>
                        <ol class="attempts">
                            {failures.map((each) => (
                                <li key={each.attemptSeq}>
                                    <Time at={each.timestampCreated} plain /> {t.attempts.failed(each)}
                                </li>
                            ))}
                        </ol>
                    </details>
                )}
                {why && isThere(state) && (
                    <p class="next">
                        <span class="dim">{t.explain.who}</span>{" "}
                        {why.next
                            .filter((each) => each.registrationStatus !== state && t.explain.next[each.event])
                            .map(
                                (each) =>
                                    `${t.explain.next[each.event]}: ${each.by.map((who) => t.explain.by[who] ?? who).join(", ")}`,
                            )
                            .join(" · ")}
                    </p>
                )}
            </div>
        </section>
    );
}
const isThere = (state: State) => state !== "REMOVED";

// --- where it stands

const spots: Record<State, [x: number, y: number]> = {
    CREATED: [8, 14],
    PENDING_COMMIT: [148, 14],
    ACTIVE: [288, 14],
    BLOCKED: [288, 104],
    REMOVED: [148, 104],
};
const width = 112;
const height = 34;
const arrows: [from: State, to: State, d: string, text?: [number, number]][] = [
    ["CREATED", "PENDING_COMMIT", "M120 31H146"],
    ["PENDING_COMMIT", "ACTIVE", "M260 31H286"],
    ["ACTIVE", "BLOCKED", "M366 48V102"],
    ["BLOCKED", "ACTIVE", "M322 104V50"],
    ["CREATED", "REMOVED", "M64 48V121H146"],
    ["PENDING_COMMIT", "REMOVED", "M204 48V102"],
    ["ACTIVE", "REMOVED", "M300 48 L258 102"],
    ["BLOCKED", "REMOVED", "M288 121H262"],
];

export function StateDiagram({ state, isTemporary }: { state: State; isTemporary: boolean }) {
    return (
        <svg class="diagram" viewBox="0 0 408 146" role="img" aria-label={t.registration.diagram(t.states[state])}>
            <defs>
                {["", "-on"].map((kind) => (
                    <marker
                        key={kind}
                        id={`tip${kind}`}
                        viewBox="0 0 8 8"
                        refX="6"
                        refY="4"
                        markerWidth="6"
                        markerHeight="6"
                        orient="auto-start-reverse"
                    >
                        <path class={`tip${kind}`} d="M0 0 8 4 0 8Z" />
                    </marker>
                ))}
            </defs>
            {arrows.map(([from, to, d]) => (
                <path
                    key={`${from}${to}`}
                    class={`arrow ${from === state ? "on" : ""}`}
                    d={d}
                    marker-end={`url(#tip${from === state ? "-on" : ""})`}
                />
            ))}
            {(Object.keys(spots) as State[]).map((each) => {
                const [x, y] = spots[each];
                return (
                    <g key={each} class={`spot state-${each.toLowerCase()} ${each === state ? "here" : ""}`}>
                        <rect x={x} y={y} width={width} height={height} rx="8" />
                        <text x={x + width / 2} y={y + height / 2 + 4}>
                            {t.states[each]}
                        </text>
                    </g>
                );
            })}
            {isTemporary && state === "BLOCKED" && (
                <text class="edge" x="316" y="82">
                    {t.registration.byItself}
                </text>
            )}
        </svg>
    );
}

function About({ of }: { of: Registration }) {
    const rows: [string, Children][] = [
        [t.fields.user, <a href={at("users", of.userId)}>{of.userId}</a>],
        [t.fields.application, of.applicationId],
        [t.fields.failed, <AttemptsMeter failed={of.failedAttempts} most={of.maxFailedAttempts} />],
    ];
    if (of.timestampLastFailure) rows.push([t.fields.lastFailure, <Time at={of.timestampLastFailure} />]);
    rows.push([t.fields.lastUsed, <Time at={of.timestampLastUsed} />]);
    rows.push([t.fields.created, <Time at={of.timestampCreated} />]);
    rows.push([t.fields.lastChange, <Time at={of.timestampLastChange} />]);
    if (of.blockLevel) rows.push([t.fields.blockLevel, String(of.blockLevel)]);
    if (of.flags.length) rows.push([t.fields.flags, <Flags of={of.flags} />]);
    if (of.policy) rows.push([t.fields.policy, t.fields.ownPolicy]);
    if (of.timestampErased) rows.push([t.fields.erased, <Time at={of.timestampErased} />]);
    for (const [name, value] of Object.entries(of.metadata ?? {})) rows.push([name, String(value)]);
    return <Facts rows={rows} />;
}

function Family({ of }: { of: Registration }) {
    const children = useLoaded(`${of.registrationId} ${of.childCount ?? 0}`, async ({ signal }) =>
        of.childCount
            ? get<RegistrationPage>(
                  `${path`/v2/registrations/${of.registrationId}/children`}${query({ removed: true, limit: 50 })}`,
                  { signal, quiet: true },
              )
            : undefined,
    );
    if (!of.parentRegistrationId && !of.childCount) return null;
    return (
        <Card title={t.lineage.title}>
            {of.parentRegistrationId && (
                <p>
                    <Lineage of={of} />
                </p>
            )}
            {children.value && (
                <ul class="family">
                    {children.value.registrations.map((each) => (
                        <li key={each.registrationId}>
                            <StateBadge of={each.registrationStatus} />{" "}
                            <a href={at("registrations", each.registrationId)}>
                                {each.name ?? each.registrationId.slice(0, 8)}
                            </a>{" "}
                            <span class="dim">
                                {t.lineage.childIn(each.transferType ?? "SPAWN", each.applicationId)}
                            </span>
                        </li>
                    ))}
                </ul>
            )}
        </Card>
    );
}
