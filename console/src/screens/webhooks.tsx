// Where the events of an application are sent, and what became of each.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import {
    get,
    path,
    post,
    put,
    query,
    remove,
    serverOf,
    type Authentication,
    type Callback,
    type Delivery,
} from "../api";
import { t } from "../en";
import { follow } from "../feed";
import { at, go, place } from "../router";
import { span, Time } from "../time";
import {
    ActionDialog,
    Button,
    Card,
    Check,
    Empty,
    Facts,
    Input,
    Opens,
    Page,
    Read,
    SecretDialog,
    Select,
    Table,
    Tag,
    TextArea,
    textOf,
    toast,
    useApplications,
    useForm,
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
    const applications = useApplications();
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
    const secret = useSignal<Callback | undefined>(undefined);
    return (
        <Page
            title={t.nav.webhooks}
            subtitle={t.hooks.subtitle}
            actions={
                application && (
                    <Opens text={t.hooks.create} kind="primary" icon="add">
                        {(close) => (
                            <Edit
                                application={application}
                                onClose={close}
                                done={async (made) => {
                                    secret.value = made;
                                    await of.reload();
                                }}
                            />
                        )}
                    </Opens>
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
            <Read of={of}>
                {(rows) =>
                    rows.length === 0 ? (
                        <Empty title={application ? t.hooks.none(application) : t.apps.none} icon="hook">
                            <p class="dim">{t.hooks.noneHint}</p>
                        </Empty>
                    ) : (
                        <Table
                            label={t.nav.webhooks}
                            rows={rows}
                            id={(each) => each.id}
                            columns={[
                                {
                                    name: t.fields.name,
                                    cell: (each) => (
                                        <a href={at("webhooks", each.applicationId, each.id)}>{each.name}</a>
                                    ),
                                },
                                { name: t.hooks.url, cell: (each) => <code>{each.callbackUrl}</code> },
                                {
                                    name: t.fields.state,
                                    cell: (each) => (
                                        <Tag tone={each.enabled ? "good" : "warn"}>
                                            {each.enabled ? t.hooks.enabled : t.hooks.paused}
                                        </Tag>
                                    ),
                                },
                                { name: t.fields.created, cell: (each) => <Time at={each.timestampCreated} /> },
                            ]}
                        />
                    )
                }
            </Read>
            {secret.value && <Secret of={secret.value} onClose={() => (secret.value = undefined)} />}
        </Page>
    );
}

function Secret({ of, onClose }: { of: Callback; onClose: () => void }) {
    return (
        <SecretDialog
            title={t.hooks.secretTitle(of.name)}
            hint={t.hooks.once}
            rows={[[t.hooks.secret, of.secret ?? ""]]}
            onClose={onClose}
        />
    );
}

/** What PUT takes of what was told. Credentials that it leaves out stay. */
function settingsOf(of: Callback) {
    const { name, type, callbackUrl, attributes, payloadType, authentication } = of;
    const { maxAttempts, initialBackoff, retentionPeriod, enabled } = of;
    return {
        name,
        type,
        callbackUrl,
        attributes,
        payloadType,
        authentication: { type: authentication.type, username: authentication.username },
        maxAttempts,
        initialBackoff,
        retentionPeriod,
        enabled,
    };
}

const secondMs = 1_000;
const dayMs = 86_400_000;

interface EditProps {
    application: string;
    of?: Callback;
    onClose: () => void;
    done: (made: Callback) => Promise<void>;
}

function Edit({ application, of, onClose, done }: EditProps) {
    const base = path`/admin/applications/${application}/callbacks`;
    const form = useForm({
        name: of?.name ?? "",
        url: of?.callbackUrl ?? "https://",
        attributes: of?.attributes ?? ["userId", "activationStatus", "previousStatus", "timestamp"],
        payloadType: of?.payloadType ?? "REGISTRATION_STATUS_CHANGE",
        maxAttempts: String(of?.maxAttempts ?? 10),
        backoffSeconds: String((of?.initialBackoff ?? 30 * secondMs) / secondMs),
        retentionDays: String((of?.retentionPeriod ?? 30 * dayMs) / dayMs),
        type: of?.authentication.type ?? "NONE",
        username: of?.authentication.username ?? "",
        password: "",
        token: "",
        certificates: "",
        privateKey: "",
    });
    const { v, text } = form;
    // They go to the server that they were given for, and to no other.
    const mayKeep = of?.authentication.type === v.type && serverOf(of.callbackUrl) === serverOf(v.url);
    const needed: Record<Authentication["type"], boolean> = {
        NONE: true,
        BASIC: v.username.trim() !== "" && (mayKeep || v.password !== ""),
        BEARER: mayKeep || v.token !== "",
        CERTIFICATE:
            v.certificates.trim() !== "" || v.privateKey.trim() !== ""
                ? v.certificates.trim() !== "" && v.privateKey.trim() !== ""
                : mayKeep,
    };
    const authentication: Record<Authentication["type"], object> = {
        NONE: {},
        BASIC: { username: v.username.trim(), password: v.password || undefined },
        BEARER: { token: v.token || undefined },
        CERTIFICATE: { certificates: v.certificates || undefined, privateKey: v.privateKey || undefined },
    };
    const type = v.type as Authentication["type"];
    return (
        <ActionDialog
            title={of ? t.hooks.editTitle(of.name) : t.hooks.create}
            wide
            action={of ? t.actions.save : t.actions.create}
            onClose={onClose}
            mayRun={v.name.trim() !== "" && serverOf(v.url) !== undefined && needed[type]}
            consequences={of ? t.hooks.editText : t.hooks.createText}
            run={async () => {
                const body = {
                    name: v.name.trim(),
                    type: "REGISTRATION_STATUS_CHANGE",
                    callbackUrl: v.url.trim(),
                    attributes: v.attributes,
                    payloadType: v.payloadType,
                    authentication: { type, ...authentication[type] },
                    maxAttempts: Number(v.maxAttempts),
                    initialBackoff: Math.round(Number(v.backoffSeconds) * secondMs),
                    retentionPeriod: Math.round(Number(v.retentionDays) * dayMs),
                    enabled: of?.enabled ?? true,
                };
                if (!of) return done(await post<Callback>(base, body));
                const where = `${base}/${of.id}`;
                await done(await put<Callback>(where, body));
                // Credentials of before are known to the server alone, and it forgets them.
                const areKept =
                    of.authentication.type === type &&
                    (type === "NONE" || (mayKeep && !v.password && !v.token && !v.privateKey));
                toast(t.hooks.saved(of.name), {
                    undo: areKept ? async () => done(await put<Callback>(where, settingsOf(of))) : undefined,
                });
            }}
        >
            <Input label={t.fields.name} {...text("name")} maxLength={255} required autofocus />
            <Input label={t.hooks.url} {...text("url")} hint={t.hooks.urlHint} type="url" required />
            <fieldset>
                <legend>{t.hooks.credentials}</legend>
                <Select
                    label={t.hooks.authentication}
                    {...text("type")}
                    options={Object.entries(t.hooks.authentications)}
                    hint={mayKeep && v.type !== "NONE" ? t.hooks.keptHint : t.hooks.credentialsHint}
                />
                {type === "BASIC" && (
                    <>
                        <Input label={t.hooks.username} {...text("username")} autocomplete="off" required />
                        <SecretInput label={t.signIn.password} {...text("password")} required={!mayKeep} />
                    </>
                )}
                {type === "BEARER" && <SecretInput label={t.accounts.token} {...text("token")} required={!mayKeep} />}
                {type === "CERTIFICATE" && (
                    <>
                        <TextArea
                            label={t.hooks.certificates}
                            {...text("certificates")}
                            hint={t.hooks.certificatesHint}
                            placeholder="-----BEGIN CERTIFICATE-----"
                        />
                        <TextArea
                            label={t.hooks.privateKey}
                            {...text("privateKey")}
                            hint={t.hooks.privateKeyHint}
                            placeholder="-----BEGIN PRIVATE KEY-----"
                        />
                    </>
                )}
            </fieldset>
            <div class="form-row">
                <Input label={t.hooks.maxAttempts} {...text("maxAttempts")} type="number" min={1} max={100} />
                <Input
                    label={t.hooks.backoffSeconds}
                    {...text("backoffSeconds")}
                    type="number"
                    min={1}
                    max={21_600}
                    hint={t.hooks.backoffHint}
                />
                <Input label={t.hooks.retentionDays} {...text("retentionDays")} type="number" min={1} max={366} />
            </div>
            <Select
                label={t.hooks.payloadType}
                {...text("payloadType")}
                options={t.hooks.payloadTypes}
                hint={t.hooks.payloadTypeHint}
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
                                form.set({
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

function SecretInput(props: { label: string; value: string; onValue: (value: string) => void; required: boolean }) {
    return <Input {...props} type="password" autocomplete="off" maxLength={1024} />;
}

const deliveryTone = { DELIVERED: "good", PENDING: "warn", GIVEN_UP: "bad" };

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
            toast(textOf(fault), { tone: "bad" });
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
            toast(textOf(fault), { tone: "bad" });
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
            <Read of={of}>
                {(hook) => (
                    <div class="stack">
                        {tried.value && (
                            <div class={`notice ${tried.value.delivered ? "good" : "bad"}`} role="status">
                                <strong>{tried.value.delivered ? t.hooks.testDelivered : t.hooks.testFailed}</strong>
                                <p>{outcomeOf(tried.value)}</p>
                            </div>
                        )}
                        <Card title={t.hooks.log}>
                            <Read of={log} rows={6}>
                                {() =>
                                    deliveries.length === 0 ? (
                                        <p class="dim">{t.hooks.noDeliveries}</p>
                                    ) : (
                                        <Deliveries of={deliveries} again={again} />
                                    )
                                }
                            </Read>
                            {next && (
                                <div class="more">
                                    <Button onClick={() => void more()}>{t.actions.earlier}</Button>
                                </div>
                            )}
                        </Card>
                        <Card title={t.registration.facts}>
                            <Facts
                                rows={[
                                    [t.hooks.authentication, t.hooks.authentications[hook.authentication.type]],
                                    ...(hook.authentication.username
                                        ? ([[t.hooks.username, hook.authentication.username]] as [string, string][])
                                        : []),
                                    [t.hooks.attributes, hook.attributes.join(", ") || t.apps.no],
                                    [t.hooks.payloadType, <code>{hook.payloadType}</code>],
                                    [t.hooks.maxAttempts, String(hook.maxAttempts)],
                                    [t.hooks.backoff, span(hook.initialBackoff)],
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
            </Read>
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
                    consequences={hook.enabled ? t.hooks.pauseText : t.hooks.resumeText}
                    run={async () => {
                        const send = async (enabled: boolean) => {
                            await put(base, { ...settingsOf(hook), enabled });
                            await of.reload();
                        };
                        await send(!hook.enabled);
                        toast(hook.enabled ? t.hooks.pausedNow(hook.name) : t.hooks.resumed(hook.name), {
                            undo: () => send(hook.enabled),
                        });
                    }}
                />
            )}
            {asked.value === "rotate" && hook && (
                <ActionDialog
                    title={t.hooks.rotateTitle(hook.name)}
                    action={t.hooks.rotate}
                    onClose={close}
                    consequences={t.hooks.rotateText}
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
                    consequences={t.hooks.removeText}
                    run={async () => {
                        await remove(base);
                        go(at("webhooks", application));
                    }}
                />
            )}
            {secret.value && <Secret of={secret.value} onClose={() => (secret.value = undefined)} />}
        </Page>
    );
}

const outcomeOf = (of: { lastStatus?: number; lastFailure?: string }) =>
    of.lastStatus ? t.hooks.answered(of.lastStatus) : t.deliveries.failures[of.lastFailure ?? ""];

function Deliveries({ of, again }: { of: Delivery[]; again: (which: Delivery) => Promise<void> }) {
    return (
        <Table
            label={t.hooks.log}
            rows={of}
            id={(each) => each.id}
            columns={[
                { name: t.audit.number, kind: "number", cell: (each) => <span class="mono">{each.id}</span> },
                {
                    name: t.audit.what,
                    cell: (each) => (
                        <>
                            {t.history.titles[each.event] ?? each.event}
                            <span class="sub">
                                <a href={at("registrations", each.registrationId)}>{each.registrationId.slice(0, 8)}</a>
                            </span>
                        </>
                    ),
                },
                {
                    name: t.fields.state,
                    cell: (each) => (
                        <>
                            <Tag tone={deliveryTone[each.state]}>{t.deliveries.states[each.state]}</Tag>
                            {each.timestampNextAttempt && each.state === "PENDING" && (
                                <span class="sub">
                                    {t.hooks.next} <Time at={each.timestampNextAttempt} />
                                </span>
                            )}
                        </>
                    ),
                },
                {
                    name: t.hooks.attempts,
                    cell: (each) => (
                        <>
                            {each.attempts}
                            <span class="sub">{outcomeOf(each)}</span>
                        </>
                    ),
                },
                { name: t.hooks.lastAttempt, cell: (each) => <Time at={each.timestampLastAttempt} /> },
                {
                    name: t.apps.actions,
                    kind: "actions",
                    cell: (each) =>
                        each.state !== "PENDING" && (
                            <Button onClick={() => void again(each)}>{t.hooks.redeliver}</Button>
                        ),
                },
            ]}
        />
    );
}
