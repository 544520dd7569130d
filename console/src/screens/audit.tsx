// Who did what.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get, query } from "../api";
import { t } from "../en";
import { at, place, replaceQuery } from "../router";
import { Time } from "../time";
import { Button, Card, Empty, Fault, Facts, Input, Page, Select, Skeleton, TableBox, textOf, toast } from "../ui";
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
        document.title = t.title(t.nav.audit);
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
                    <TableBox label={t.nav.audit}>
                        <thead>
                            <tr>
                                <th class="number">{t.audit.number}</th>
                                <th>{t.audit.when}</th>
                                <th>{t.audit.what}</th>
                                <th>{t.audit.about}</th>
                                <th>{t.audit.who}</th>
                                <th>{t.audit.more}</th>
                            </tr>
                        </thead>
                        <tbody>
                            {rows.value.map((each) => (
                                <tr key={each.seq}>
                                    <td class="number">
                                        <span class="mono" title={each.hash}>
                                            {each.seq}
                                        </span>
                                    </td>
                                    <td>
                                        <Time at={each.timestamp} plain />
                                    </td>
                                    <td>
                                        {t.history.titles[each.eventType] ??
                                            t.audit.events[each.eventType] ??
                                            each.eventType}
                                    </td>
                                    <td>
                                        {each.registrationId ? (
                                            <a href={at("registrations", each.registrationId)}>
                                                {each.userId ?? each.registrationId.slice(0, 8)}
                                            </a>
                                        ) : (
                                            String(each.eventData?.subjectId ?? "")
                                        )}
                                        {each.applicationId && <span class="sub">{each.applicationId}</span>}
                                    </td>
                                    <td>
                                        {each.account ?? <span class="dim">{t.audit.phone}</span>}
                                        {each.externalUserId && (
                                            <span class="sub">{t.audit.onBehalf(each.externalUserId)}</span>
                                        )}
                                    </td>
                                    <td>{describe(each.eventData)}</td>
                                </tr>
                            ))}
                        </tbody>
                    </TableBox>
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

function describe(data: Record<string, unknown> | undefined): string {
    if (!data) return "";
    const out: string[] = [];
    if (data.eventReason) out.push(t.reason(String(data.eventReason)));
    if (data.name) out.push(String(data.name));
    if (Array.isArray(data.flags)) out.push(data.flags.join(", "));
    if (data.detail) out.push(String(data.detail));
    return out.join(" · ");
}
