// The registrations of a user, side by side.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get, path, query, remove, type Registration, type RegistrationPage } from "../api";
import { t } from "../en";
import { follow } from "../feed";
import { at, go } from "../router";
import { can } from "../session";
import { Time } from "../time";
import {
    ActionDialog,
    AttemptsMeter,
    bound,
    Button,
    Check,
    Empty,
    Facts,
    Flags,
    LinkButton,
    Opens,
    Page,
    Read,
    Select,
    StateBadge,
    toast,
    useLoaded,
    usePoll,
} from "../ui";
import { ClaimsCard } from "./claims";
import { Until } from "./registration";

const registrationsAtOnce = 100;

export function User({ id }: { id: string }) {
    const withRemoved = useSignal(false);
    const limit = useSignal(registrationsAtOnce);
    const read = useLoaded(`${id} ${withRemoved.value} ${limit.value}`, async ({ signal, quiet }) =>
        get<RegistrationPage>(
            `/v2/registrations${query({ userId: id, removed: withRemoved.value, limit: limit.value })}`,
            { signal, quiet },
        ),
    );
    useEffect(
        () =>
            follow((batch) => {
                if (batch.some((each) => each.userId === id)) void read.reload(true);
            }),
        [id],
    );
    usePoll(5_000, () => void read.reload(true));
    const rows = read.value?.registrations ?? [];
    return (
        <Page
            title={id}
            subtitle={read.value && t.user.count(rows.length)}
            back={{ href: at("find"), text: t.nav.find }}
            actions={
                <>
                    <Check
                        label={t.find.withRemoved}
                        checked={withRemoved.value}
                        onValue={(value) => (withRemoved.value = value)}
                    />
                    {can.administer.value && (
                        <Opens text={t.leave.open} kind="danger" icon="cross">
                            {(close) => <Leave id={id} onClose={close} />}
                        </Opens>
                    )}
                    {can.manage.value && (
                        <LinkButton href={`${at("new")}${query({ user: id })}`} icon="add" kind="primary">
                            {t.nav.new}
                        </LinkButton>
                    )}
                </>
            }
        >
            <Read of={read}>
                {({ nextCursor }) => (
                    <div class="stack">
                        {rows.length === 0 ? (
                            <Empty title={t.user.none} icon="phone">
                                <p class="dim">{t.user.noneHint}</p>
                            </Empty>
                        ) : (
                            <ul class="phones">
                                {rows.map((each) => (
                                    <li key={each.registrationId}>
                                        <Phone of={each} among={rows} />
                                    </li>
                                ))}
                            </ul>
                        )}
                        {nextCursor && limit.value < 1000 && (
                            <div class="more">
                                <Button onClick={() => (limit.value = Math.min(1000, limit.value * 3))}>
                                    {t.actions.more}
                                </Button>
                            </div>
                        )}
                        {can.manage.value && <ClaimsCard user={id} of={rows.map((each) => each.applicationId)} />}
                    </div>
                )}
            </Read>
        </Page>
    );
}

/** A user who goes: with everything, and perhaps without a trace. */
function Leave({ id, onClose }: { id: string; onClose: () => void }) {
    const mode = useSignal("remove");
    return (
        <ActionDialog
            title={t.leave.title(id)}
            action={t.leave.actions[mode.value] ?? ""}
            kind="danger"
            typed={id}
            onClose={onClose}
            consequences={t.leave.consequences(mode.value === "erase")}
            run={async () => {
                await remove(`${path`/v2/users/${id}`}${query({ mode: mode.value })}`);
                toast(t.jobs.started);
                go(at("jobs"));
            }}
        >
            <Select label={t.leave.mode} {...bound(mode)} options={Object.entries(t.leave.modes)} />
        </ActionDialog>
    );
}

export function Lineage({ of, among = [] }: { of: Registration; among?: Registration[] }) {
    if (!of.parentRegistrationId) return null;
    const parent = among.find((each) => each.registrationId === of.parentRegistrationId);
    return (
        <span>
            {t.lineage[of.transferType ?? "SPAWN"]}{" "}
            <a href={at("registrations", of.parentRegistrationId)}>
                {parent?.name ?? of.parentRegistrationId.slice(0, 8)}
            </a>
        </span>
    );
}

function Phone({ of, among }: { of: Registration; among: Registration[] }) {
    const children = among.filter((each) => each.parentRegistrationId === of.registrationId).length;
    const rows: [string, preact.ComponentChildren][] = [
        [t.fields.application, of.applicationId],
        [
            t.fields.device,
            [of.platform, of.deviceInfo].filter(Boolean).join(" · ") || <span class="dim">{t.fields.unknown}</span>,
        ],
        [t.fields.lastUsed, <Time at={of.timestampLastUsed} />],
        [t.fields.failed, <AttemptsMeter failed={of.failedAttempts} most={of.maxFailedAttempts} />],
    ];
    if (of.flags.length) rows.push([t.fields.flags, <Flags of={of.flags} />]);
    if (of.parentRegistrationId) rows.push([t.fields.lineage, <Lineage of={of} among={among} />]);
    if (children) rows.push([t.fields.children, String(children)]);
    return (
        <article class={`phone state-edge-${of.registrationStatus.toLowerCase()}`}>
            <header>
                <h2>
                    <a href={at("registrations", of.registrationId)}>{of.name ?? t.fields.unnamed}</a>
                </h2>
                <StateBadge of={of.registrationStatus} />
            </header>
            {of.registrationStatus === "BLOCKED" && (
                <p class="why">
                    {t.reason(of.blockedReason ?? "NOT_SPECIFIED")}
                    {of.blockedUntil && <Until at={of.blockedUntil} />}
                </p>
            )}
            <Facts rows={rows} />
        </article>
    );
}
