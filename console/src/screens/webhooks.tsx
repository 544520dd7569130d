// Where the events of an application are sent, and what became of each.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get, path, post, put, query, remove, type Callback, type Delivery } from "../api";
import { t } from "../en";
import { follow } from "../feed";
import { at, go, place } from "../router";
import { can, me } from "../session";
import { span, Time } from "../time";
import {
    ActionDialog,
    Button,
    Card,
    Check,
    Empty,
    Facts,
    Fault,
    Input,
    Page,
    SecretDialog,
    Select,
    Skeleton,
    TableBox,
    Tag,
    toast,
    useLoaded,
} from "../ui";

const attributes = [
    "userId",
    "activationName",
    "deviceInfo",
    "platform",
    "protocol",
    "activationFlags",
    "activationStatus",
    "blockedReason",
    "applicationId",
    "eventSeq",
    "timestamp",
    "previousStatus",
    "eventReason",
    "externalUserId",
    "version",
];

export function Webhooks() {
    const application = place.value.path[1];
    const hook = place.value.path[2];
    const applications = useLoaded("applications", async ({ signal }) =>
        can.administer.value
            ? (await get<{ applications: { id: string }[] }>("/admin/applications", { signal })).applications.map(
                  (each) => each.id,
              )
            : (me.value?.applications ?? []),
    );
    useEffect(() => {
        document.title = t.title(t.nav.webhooks);
    }, []);
    const first = applications.value?.[0];
    useEffect(() => {
        if (!application && first)
            (history.replaceState(null, "", at("webhooks", first)), dispatchEvent(new HashChangeEvent("hashchange")));
    }, [application, first]);
    if (application && hook) return <Hook application={application} id={hook} />;
    return <List application={application} applications={applications.value ?? []} />;
}

function List({ application, applications }: { application: string | undefined; applications: string[] }) {
    const base = path`/admin/applications/${application ?? ""}/callbacks`;
    const of = useLoaded(`callbacks ${application ?? ""}`, async ({ signal, quiet }) =>
        application ? (await get<{ callbacks: Callback[] }>(base, { signal, quiet })).callbacks : [],
    );
    const creating = useSignal(false);
    const secret = useSignal<Callback | undefined>(undefined);
    return (
        <Page
            title={t.nav.webhooks}
            subtitle={t.hooks.subtitle}
            actions={
                application && (
                    <Button kind="primary" icon="add" onClick={() => (creating.value = true)}>
                        {t.hooks.create}
                    </Button>
                )
            }
        >
            {applications.length > 1 && (
                <div class="filters">
                    <Select
                        label={t.fields.application}
                        value={application ?? ""}
                        onValue={(value) => go(at("webhooks", value))}
                        options={applications.map((each) => [each, each])}
                    />
                </div>
            )}
            {of.fault !== undefined && <Fault of={of.fault} again={() => void of.reload()} />}
            {!of.value && of.fault === undefined && <Skeleton />}
            {of.value?.length === 0 && (
                <Empty title={application ? t.hooks.none(application) : t.apps.none} icon="hook">
                    <p class="dim">{t.hooks.noneHint}</p>
                </Empty>
            )}
            {of.value && of.value.length > 0 && application && (
                <TableBox label={t.nav.webhooks}>
                    <thead>
                        <tr>
                            <th>{t.fields.name}</th>
                            <th>{t.hooks.url}</th>
                            <th>{t.fields.state}</th>
                            <th>{t.fields.created}</th>
                        </tr>
                    </thead>
                    <tbody>
                        {of.value.map((each) => (
                            <tr key={each.id}>
                                <td>
                                    <a href={at("webhooks", application, each.id)}>{each.name}</a>
                                </td>
                                <td>
                                    <code>{each.callbackUrl}</code>
                                </td>
                                <td>
                                    <Tag tone={each.enabled ? "good" : ""}>
                                        {each.enabled ? t.hooks.enabled : t.hooks.paused}
                                    </Tag>
                                </td>
                                <td>
                                    <Time at={each.timestampCreated} />
                                </td>
                            </tr>
                        ))}
                    </tbody>
                </TableBox>
            )}
            {creating.value && application && (
                <Edit
                    application={application}
                    onClose={() => (creating.value = false)}
                    done={async (made) => {
                        secret.value = made;
                        await of.reload();
                    }}
                />
            )}
            {secret.value && (
                <SecretDialog
                    title={t.hooks.secretTitle(secret.value.name)}
                    hint={t.hooks.once}
                    rows={[[t.hooks.secret, secret.value.secret ?? ""]]}
                    onClose={() => (secret.value = undefined)}
                />
            )}
        </Page>
    );
}

function Edit({
    application,
    of,
    onClose,
    done,
}: {
    application: string;
    of?: Callback;
    onClose: () => void;
    done: (made: Callback) => Promise<void>;
}) {
    const base = path`/admin/applications/${application}/callbacks`;
    const form = useSignal({
        name: of?.name ?? "",
        url: of?.callbackUrl ?? "https://",
        attributes: of?.attributes ?? ["userId", "activationStatus", "previousStatus", "timestamp"],
        maxAttempts: String(of?.maxAttempts ?? 10),
    });
    const set = (change: Partial<typeof form.value>) => (form.value = { ...form.value, ...change });
    const v = form.value;
    return (
        <ActionDialog
            title={of ? t.hooks.edit : t.hooks.create}
            action={of ? t.actions.save : t.actions.create}
            onClose={onClose}
            mayRun={v.name.trim() !== "" && v.url.length > 8}
            consequences={<p>{of ? t.hooks.editText : t.hooks.createText}</p>}
            run={async () => {
                const body = {
                    name: v.name.trim(),
                    type: "REGISTRATION_STATUS_CHANGE",
                    callbackUrl: v.url.trim(),
                    attributes: v.attributes,
                    maxAttempts: Number(v.maxAttempts),
                    ...(of
                        ? {
                              payloadType: of.payloadType,
                              authentication: of.authentication,
                              initialBackoff: of.initialBackoff,
                              retentionPeriod: of.retentionPeriod,
                              enabled: of.enabled,
                          }
                        : {}),
                };
                await done(of ? await put<Callback>(`${base}/${of.id}`, body) : await post<Callback>(base, body));
            }}
        >
            <Input
                label={t.fields.name}
                value={v.name}
                onValue={(name) => set({ name })}
                maxLength={255}
                required
                autofocus
            />
            <Input
                label={t.hooks.url}
                value={v.url}
                onValue={(url) => set({ url })}
                hint={t.hooks.urlHint}
                type="url"
                required
            />
            <Input
                label={t.hooks.maxAttempts}
                value={v.maxAttempts}
                onValue={(maxAttempts) => set({ maxAttempts })}
                type="number"
                min={1}
                max={100}
            />
            <fieldset>
                <legend>{t.hooks.attributes}</legend>
                <div class="checks">
                    {attributes.map((each) => (
                        <Check
                            key={each}
                            label={each}
                            checked={v.attributes.includes(each)}
                            onValue={(on) =>
                                set({
                                    attributes: on
                                        ? [...v.attributes, each]
                                        : v.attributes.filter((one) => one !== each),
                                })
                            }
                        />
                    ))}
                </div>
            </fieldset>
        </ActionDialog>
    );
}

function Hook({ application, id }: { application: string; id: string }) {
    const base = path`/admin/applications/${application}/callbacks/${id}`;
    const of = useLoaded(`callback ${id}`, ({ signal, quiet }) => get<Callback>(base, { signal, quiet }));
    const log = useLoaded(`deliveries ${id}`, ({ signal, quiet }) =>
        get<{ deliveries: Delivery[]; nextCursor?: string }>(`${base}/deliveries?limit=50`, { signal, quiet }),
    );
    const older = useSignal<Delivery[]>([]);
    const cursor = useSignal<string | undefined>(undefined);
    const asked = useSignal<"edit" | "rotate" | "remove" | "pause" | undefined>(undefined);
    const secret = useSignal<Callback | undefined>(undefined);
    const trying = useSignal(false);
    const tried = useSignal<{ delivered: boolean; lastStatus?: number; lastFailure?: string } | undefined>(undefined);
    useEffect(() => {
        let timer: ReturnType<typeof setTimeout> | undefined;
        const stop = follow((batch) => {
            if (!batch.some((each) => each.applicationId === application)) return;
            clearTimeout(timer);
            timer = setTimeout(() => void log.reload(true), 800); // it takes a moment to be sent
        });
        return () => {
            stop();
            clearTimeout(timer);
        };
    }, [application, id]);
    const hook = of.value;
    const close = () => (asked.value = undefined);
    const test = async () => {
        trying.value = true;
        try {
            tried.value = await post(`${base}/test`);
        } catch (fault) {
            toast(fault instanceof Error ? fault.message : String(fault), { tone: "bad" });
        }
        trying.value = false;
    };
    const deliveries = [...(log.value?.deliveries ?? []), ...older.value];
    const next = cursor.value ?? (older.value.length ? undefined : log.value?.nextCursor);
    const more = async () => {
        const page = await get<{ deliveries: Delivery[]; nextCursor?: string }>(
            `${base}/deliveries${query({ limit: 50, cursor: next })}`,
        );
        older.value = [...older.value, ...page.deliveries];
        cursor.value = page.nextCursor;
    };
    const again = async (each: Delivery) => {
        try {
            await post(`${base}/deliveries/${each.id}/redeliver`);
            toast(t.hooks.redelivered);
            await log.reload();
        } catch (fault) {
            toast(fault instanceof Error ? fault.message : String(fault), { tone: "bad" });
        }
    };
    return (
        <Page
            title={hook?.name ?? t.nav.webhooks}
            subtitle={
                hook && (
                    <>
                        <code>{hook.callbackUrl}</code> · {hook.enabled ? t.hooks.enabled : t.hooks.paused}
                    </>
                )
            }
            back={{ href: at("webhooks", application), text: `${t.nav.webhooks}: ${application}` }}
            actions={
                hook && (
                    <>
                        <Button busy={trying.value} onClick={() => void test()}>
                            {t.hooks.test}
                        </Button>
                        <Button onClick={() => (asked.value = "edit")}>{t.hooks.edit}</Button>
                        <Button onClick={() => (asked.value = "pause")}>
                            {hook.enabled ? t.hooks.pause : t.hooks.resume}
                        </Button>
                        <Button icon="key" onClick={() => (asked.value = "rotate")}>
                            {t.hooks.rotate}
                        </Button>
                        <Button kind="danger" icon="cross" onClick={() => (asked.value = "remove")}>
                            {t.hooks.remove}
                        </Button>
                    </>
                )
            }
        >
            {of.fault !== undefined && <Fault of={of.fault} again={() => void of.reload()} />}
            {!hook && of.fault === undefined && <Skeleton />}
            {hook && (
                <div class="stack">
                    {tried.value && (
                        <div class={`notice ${tried.value.delivered ? "good" : "bad"}`} role="status">
                            <strong>{tried.value.delivered ? t.hooks.testDelivered : t.hooks.testFailed}</strong>
                            <p>
                                {tried.value.lastStatus
                                    ? t.hooks.answered(tried.value.lastStatus)
                                    : t.deliveries.failures[tried.value.lastFailure ?? ""]}
                            </p>
                        </div>
                    )}
                    <Card title={t.hooks.log}>
                        {log.fault !== undefined && <Fault of={log.fault} again={() => void log.reload()} />}
                        {log.value && deliveries.length === 0 && <p class="dim">{t.hooks.noDeliveries}</p>}
                        {deliveries.length > 0 && (
                            <TableBox label={t.hooks.log}>
                                <thead>
                                    <tr>
                                        <th class="number">{t.audit.number}</th>
                                        <th>{t.audit.what}</th>
                                        <th>{t.fields.state}</th>
                                        <th>{t.hooks.attempts}</th>
                                        <th>{t.hooks.lastAttempt}</th>
                                        <th>
                                            <span class="hidden">{t.apps.actions}</span>
                                        </th>
                                    </tr>
                                </thead>
                                <tbody>
                                    {deliveries.map((each) => (
                                        <tr key={each.id}>
                                            <td class="number mono">{each.id}</td>
                                            <td>
                                                {t.history.titles[each.event] ?? each.event}
                                                <span class="sub">
                                                    <a href={at("registrations", each.registrationId)}>
                                                        {each.registrationId.slice(0, 8)}
                                                    </a>
                                                </span>
                                            </td>
                                            <td>
                                                <Tag
                                                    tone={
                                                        each.state === "DELIVERED"
                                                            ? "good"
                                                            : each.state === "PENDING"
                                                              ? "warn"
                                                              : "bad"
                                                    }
                                                >
                                                    {t.deliveries.states[each.state]}
                                                </Tag>
                                                {each.timestampNextAttempt && each.state === "PENDING" && (
                                                    <span class="sub">
                                                        {t.hooks.next} <Time at={each.timestampNextAttempt} />
                                                    </span>
                                                )}
                                            </td>
                                            <td>
                                                {each.attempts}
                                                <span class="sub">
                                                    {each.lastStatus
                                                        ? t.hooks.answered(each.lastStatus)
                                                        : t.deliveries.failures[each.lastFailure ?? ""]}
                                                </span>
                                            </td>
                                            <td>
                                                <Time at={each.timestampLastAttempt} />
                                            </td>
                                            <td class="actions-cell">
                                                {each.state !== "PENDING" && (
                                                    <Button onClick={() => void again(each)}>
                                                        {t.hooks.redeliver}
                                                    </Button>
                                                )}
                                            </td>
                                        </tr>
                                    ))}
                                </tbody>
                            </TableBox>
                        )}
                        {next && (
                            <div class="more">
                                <Button onClick={() => void more()}>{t.actions.earlier}</Button>
                            </div>
                        )}
                    </Card>
                    <Card title={t.registration.facts}>
                        <Facts
                            rows={[
                                [t.hooks.authentication, hook.authentication.type],
                                [t.hooks.attributes, hook.attributes.join(", ") || t.apps.no],
                                [t.hooks.maxAttempts, String(hook.maxAttempts)],
                                [t.hooks.retention, span(hook.retentionPeriod)],
                                [
                                    t.hooks.lastEvent,
                                    hook.lastEventSeq === undefined ? t.apps.no : t.number(hook.lastEventSeq),
                                ],
                            ]}
                        />
                    </Card>
                </div>
            )}
            {asked.value === "edit" && hook && (
                <Edit
                    application={application}
                    of={hook}
                    onClose={close}
                    done={async () => {
                        await of.reload();
                    }}
                />
            )}
            {asked.value === "pause" && hook && (
                <ActionDialog
                    title={hook.enabled ? t.hooks.pauseTitle(hook.name) : t.hooks.resumeTitle(hook.name)}
                    action={hook.enabled ? t.hooks.pause : t.hooks.resume}
                    onClose={close}
                    consequences={<p>{hook.enabled ? t.hooks.pauseText : t.hooks.resumeText}</p>}
                    run={async () => {
                        const {
                            id: _id,
                            applicationId: _app,
                            secret: _secret,
                            lastEventSeq: _last,
                            timestampCreated: _made,
                            ...settings
                        } = hook;
                        await put(base, { ...settings, enabled: !hook.enabled });
                        await of.reload();
                    }}
                />
            )}
            {asked.value === "rotate" && hook && (
                <ActionDialog
                    title={t.hooks.rotateTitle(hook.name)}
                    action={t.hooks.rotate}
                    onClose={close}
                    consequences={<p>{t.hooks.rotateText}</p>}
                    run={async () => {
                        secret.value = await post<Callback>(`${base}/rotate`);
                    }}
                />
            )}
            {asked.value === "remove" && hook && (
                <ActionDialog
                    title={t.hooks.removeTitle(hook.name)}
                    action={t.hooks.remove}
                    kind="danger"
                    typed={hook.name}
                    onClose={close}
                    consequences={<p>{t.hooks.removeText}</p>}
                    run={async () => {
                        await remove(base);
                        go(at("webhooks", application));
                    }}
                />
            )}
            {secret.value && (
                <SecretDialog
                    title={t.hooks.secretTitle(secret.value.name)}
                    hint={t.hooks.once}
                    rows={[[t.hooks.secret, secret.value.secret ?? ""]]}
                    onClose={() => (secret.value = undefined)}
                />
            )}
        </Page>
    );
}
