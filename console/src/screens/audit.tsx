// Who did what.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get, query } from "../api";
import { t } from "../en";
import { at, place, replaceQuery } from "../router";
import { Time, exact } from "../time";
import { Button, Card, Empty, Fault, Facts, Input, Page, Select, Skeleton, Table, textOf, toast } from "../ui";
import { epoch } from "../session";

interface AuditItem {
    seq: number;
    eventType: string;
    registrationId?: string;
    applicationId?: string;
    userId?: string;
    account?: string;
    externalUserId?: string;
    eventData?: Record<string, unknown>;
    timestamp: number;
    hash: string;
}
interface Checkpoint {
    sequence: number;
    digest: string;
    time: number;
    publicKey: string;
    signature: string;
}

const dayMs = 86_400_000;
const periods: Record<string, number> = { day: dayMs, week: 7 * dayMs, month: 30 * dayMs, year: 366 * dayMs };

export function Audit() {
    const from = place.value.query;
    const by = useSignal({
        account: from.get("account") ?? "",
        userId: from.get("user") ?? "",
        registrationId: from.get("registration") ?? "",
        appId: from.get("app") ?? "",
        eventType: from.get("event") ?? "",
        period: from.get("period") ?? "month",
    });
    const rows = useSignal<AuditItem[] | undefined>(undefined);
    const cursor = useSignal<string | undefined>(undefined);
    const fault = useSignal<unknown>(undefined);
    const busy = useSignal(false);
    const checkpoint = useSignal<Checkpoint | undefined>(undefined);
    const read = async (next?: string) => {
        busy.value = true;
        try {
            const { period, ...rest } = by.value;
            const page = await get<{ items: AuditItem[]; nextCursor?: string }>(
                `/v2/audit/log${query({ ...rest, timestampFrom: Date.now() - (periods[period] ?? dayMs), limit: 50, cursor: next })}`,
            );
            rows.value = next ? [...(rows.value ?? []), ...page.items] : page.items;
            cursor.value = page.nextCursor;
            fault.value = undefined;
        } catch (problem) {
            fault.value = problem;
        }
        busy.value = false;
    };
    const key = JSON.stringify(by.value);
    useEffect(() => {
        const of = by.value;
        replaceQuery({
            account: of.account,
            user: of.userId,
            registration: of.registrationId,
            app: of.appId,
            event: of.eventType,
            period: of.period === "month" ? "" : of.period,
        });
        const timer = setTimeout(() => void read(), rows.value ? 300 : 0);
        return () => clearTimeout(timer);
    }, [key, epoch.value]);
    const set = (change: Partial<typeof by.value>) => (by.value = { ...by.value, ...change });
    const sign = async () => {
        try {
            checkpoint.value = await get<Checkpoint>("/v2/audit/checkpoint");
        } catch (problem) {
            toast(textOf(problem), { tone: "bad" });
        }
    };
    const save = () => {
        const link = document.createElement("a");
        link.href = `data:application/json,${encodeURIComponent(JSON.stringify(checkpoint.value, null, 2))}`;
        link.download = `doorward-checkpoint-${checkpoint.value?.sequence}.json`;
        link.click();
    };
    const events: [string, string][] = [
        ["", t.audit.anyEvent],
        ...Object.entries({ ...t.history.titles, ...t.audit.events }).sort((a, b) => a[1].localeCompare(b[1])),
    ];
    return (
        <Page
            title={t.nav.audit}
            actions={
                <Button icon="key" onClick={() => void sign()}>
                    {t.audit.checkpoint}
                </Button>
            }
        >
            <div class="stack">
                <div class="filters">
                    <Input
                        label={t.audit.account}
                        value={by.value.account}
                        onValue={(account) => set({ account: account.trim() })}
                        autocomplete="off"
                    />
                    <Input
                        label={t.fields.user}
                        value={by.value.userId}
                        onValue={(userId) => set({ userId })}
                        autocomplete="off"
                    />
                    <Input
                        label={t.audit.registration}
                        value={by.value.registrationId}
                        onValue={(registrationId) => set({ registrationId: registrationId.trim() })}
                        autocomplete="off"
                    />
                    <Input
                        label={t.fields.application}
                        value={by.value.appId}
                        onValue={(appId) => set({ appId: appId.trim() })}
                        autocomplete="off"
                    />
                    <Select
                        label={t.audit.event}
                        value={by.value.eventType}
                        onValue={(eventType) => set({ eventType })}
                        options={events}
                    />
                    <Select
                        label={t.audit.period}
                        value={by.value.period}
                        onValue={(period) => set({ period })}
                        options={Object.entries(t.audit.periods)}
                    />
                </div>
                {checkpoint.value && (
                    <Card title={t.audit.checkpointTitle} actions={<Button onClick={save}>{t.audit.keep}</Button>}>
                        <p>{t.audit.checkpointText}</p>
                        <Facts
                            rows={[
                                [t.audit.sequence, t.number(checkpoint.value.sequence)],
                                [t.audit.digest, <code>{checkpoint.value.digest}</code>],
                                [t.audit.publicKey, <code>{checkpoint.value.publicKey}</code>],
                                [t.audit.signature, <code>{checkpoint.value.signature}</code>],
                            ]}
                        />
                    </Card>
                )}
                {fault.value !== undefined && <Fault of={fault.value} again={() => void read()} />}
                {!rows.value && fault.value === undefined && <Skeleton rows={8} />}
                {rows.value?.length === 0 && <Empty title={t.find.nothing} icon="audit" />}
                {rows.value && rows.value.length > 0 && (
                    <Table
                        label={t.nav.audit}
                        rows={rows.value}
                        id={(each) => each.seq}
                        columns={[
                            {
                                name: t.audit.number,
                                kind: "number",
                                cell: (each) => (
                                    <span class="mono" title={each.hash}>
                                        {each.seq}
                                    </span>
                                ),
                            },
                            { name: t.audit.when, cell: (each) => <Time at={each.timestamp} plain /> },
                            { name: t.audit.what, cell: (each) => t.audit.eventName(each.eventType) },
                            { name: t.audit.about, cell: (each) => <About of={each} /> },
                            {
                                name: t.audit.who,
                                cell: (each) => (
                                    <>
                                        {each.account ?? <span class="dim">{t.audit.phone}</span>}
                                        {each.externalUserId && (
                                            <span class="sub">{t.audit.onBehalf(each.externalUserId)}</span>
                                        )}
                                    </>
                                ),
                            },
                            { name: t.audit.more, cell: (each) => describe(each.eventData) },
                        ]}
                    />
                )}
                {cursor.value && (
                    <div class="more">
                        <Button busy={busy.value} onClick={() => void read(cursor.value)}>
                            {t.actions.earlier}
                        </Button>
                    </div>
                )}
            </div>
        </Page>
    );
}

function About({ of }: { of: AuditItem }) {
    return (
        <>
            {of.registrationId ? (
                <a href={at("registrations", of.registrationId)}>{of.userId ?? of.registrationId.slice(0, 8)}</a>
            ) : (
                String(of.eventData?.subjectId ?? "")
            )}
            {of.applicationId && <span class="sub">{of.applicationId}</span>}
        </>
    );
}

function describe(data: Record<string, unknown> | undefined): string {
    if (!data) return "";
    const out: string[] = [];
    if (data.eventReason) out.push(t.reason(String(data.eventReason)));
    if (data.name) out.push(String(data.name));
    if (Array.isArray(data.flags)) out.push(data.flags.join(", "));
    if (data.detail) out.push(String(data.detail).replace(/until=(\d+)/, (_, at) => t.audit.until(exact(Number(at)))));
    return out.filter(Boolean).join(" · ");
}
