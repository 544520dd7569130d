// Applications: their versions, master keys and settings.

import { useSignal } from "@preact/signals";
import { get, path, patch, post, put, remove } from "../api";
import { t } from "../en";
import { at, go } from "../router";
import { Time } from "../time";
import {
    ActionDialog,
    bound,
    Button,
    Card,
    Check,
    Copy,
    Dialog,
    Empty,
    Facts,
    Input,
    LinkButton,
    listOf,
    Opens,
    Page,
    Read,
    Select,
    Table,
    Tag,
    toast,
    useForm,
    useLoaded,
    type Children,
} from "../ui";
import { BreakerCard } from "./breaker";
import { QrCode } from "./invitation";
import { PolicyCard, type BreakerRule } from "./policy";
import { ProviderCard, type Provider } from "./provider";

interface Version {
    mobileSdkConfig: string;
    appKey: string;
    appSecret: string;
    masterKeyId: string;
    supported: boolean;
    timestampCreated?: number;
}
interface MasterKey {
    keyId: string;
    masterServerPublicKey: string;
    signs: boolean;
    timestampCreated?: number;
}
interface Transfer {
    spawn: boolean;
    move: boolean;
    targets: string[];
    flags: string[];
    maxFailedAttempts?: number | null;
    cascadeBlock: boolean;
}
export interface Application {
    id: string;
    roles: string[];
    deviceManagement: boolean;
    vaultWithBiometry: boolean;
    lowestVersion: string;
    transfer: Transfer;
    provider?: Provider;
    breaker?: BreakerRule;
    maxFailedAttempts: number;
    versions: Version[];
    masterKeys: MasterKey[];
    timestampCreated: number;
}

const no = () => <span class="dim">{t.apps.no}</span>;
const waysOn = (of: Transfer) => [of.spawn && t.apps.spawn, of.move && t.apps.move].filter(Boolean).join(", ");

export function Applications() {
    const of = useLoaded(
        "applications",
        async ({ signal, quiet }) =>
            (await get<{ applications: Application[] }>("/admin/applications", { signal, quiet })).applications,
    );
    const id = useSignal("");
    return (
        <Page
            title={t.nav.applications}
            actions={
                <Opens text={t.apps.create} kind="primary" icon="add">
                    {(close) => (
                        <ActionDialog
                            title={t.apps.create}
                            action={t.actions.create}
                            onClose={close}
                            mayRun={id.value.trim() !== ""}
                            consequences={t.apps.createText}
                            run={async () => {
                                await post("/admin/applications", { id: id.value.trim() });
                                go(at("applications", id.value.trim()));
                            }}
                        >
                            <Input
                                label={t.apps.id}
                                {...bound(id)}
                                hint={t.apps.idHint}
                                maxLength={64}
                                autofocus
                                required
                            />
                        </ActionDialog>
                    )}
                </Opens>
            }
        >
            <Read of={of}>
                {(rows) =>
                    rows.length === 0 ? (
                        <Empty title={t.apps.none} icon="apps">
                            <p class="dim">{t.apps.noneHint}</p>
                        </Empty>
                    ) : (
                        <Table
                            label={t.nav.applications}
                            rows={rows}
                            id={(each) => each.id}
                            columns={[
                                {
                                    name: t.fields.application,
                                    cell: (each) => <a href={at("applications", each.id)}>{each.id}</a>,
                                },
                                { name: t.apps.maxFailed, cell: (each) => each.maxFailedAttempts },
                                { name: t.apps.passingOn, cell: (each) => waysOn(each.transfer) || no() },
                                { name: t.apps.breaker, cell: (each) => (each.breaker ? t.apps.yes : no()) },
                                {
                                    name: t.apps.provider,
                                    cell: (each) => (each.provider ? <code>{each.provider.url}</code> : no()),
                                },
                            ]}
                        />
                    )
                }
            </Read>
        </Page>
    );
}

export function ApplicationScreen({ id }: { id: string }) {
    const of = useLoaded(id, ({ signal, quiet }) =>
        get<Application>(path`/admin/applications/${id}`, { signal, quiet }),
    );
    const part = (app: Application) => ({ of: app, changed: () => of.reload() });
    return (
        <Page
            title={id}
            back={{ href: at("applications"), text: t.nav.applications }}
            actions={
                <>
                    <LinkButton href={at("webhooks", id)} icon="hook">
                        {t.nav.webhooks}
                    </LinkButton>
                    <Opens text={t.apps.remove} kind="danger" icon="cross">
                        {(close) => (
                            <ActionDialog
                                title={t.apps.removeTitle(id)}
                                action={t.apps.remove}
                                kind="danger"
                                typed={id}
                                onClose={close}
                                consequences={t.apps.removeText}
                                run={async () => {
                                    await remove(path`/admin/applications/${id}`);
                                    go(at("applications"));
                                    toast(t.apps.removed(id));
                                }}
                            />
                        )}
                    </Opens>
                </>
            }
        >
            <Read of={of} rows={8}>
                {(app) => (
                    <div class="stack">
                        <Versions {...part(app)} />
                        <MasterKeys {...part(app)} />
                        <div class="grid">
                            <Settings {...part(app)} />
                            <div class="column">
                                <ProviderCard application={id} of={app.provider} changed={() => of.reload()} />
                                <BreakerCard application={id} rule={app.breaker} />
                            </div>
                        </div>
                        <PolicyCard application={id} changed={() => of.reload()} />
                    </div>
                )}
            </Read>
        </Page>
    );
}

interface Part {
    of: Application;
    changed: () => Promise<void>;
}

function Versions({ of, changed }: Part) {
    const shown = useSignal<Version | undefined>(undefined);
    const asked = useSignal<{ what: "add" | "support" | "retire"; key?: string } | undefined>(undefined);
    return (
        <Card
            title={t.apps.versions}
            actions={
                <Button icon="add" onClick={() => (asked.value = { what: "add" })}>
                    {t.apps.addVersion}
                </Button>
            }
        >
            <p class="dim">{t.apps.versionsText}</p>
            <Table
                label={t.apps.versions}
                rows={of.versions}
                id={(each) => each.appKey}
                columns={[
                    { name: t.apps.appKey, cell: (each) => <code>{each.appKey}</code> },
                    {
                        name: t.fields.state,
                        cell: (each) => (
                            <Tag tone={each.supported ? "good" : ""}>
                                {each.supported ? t.apps.supported : t.apps.retired}
                            </Tag>
                        ),
                    },
                    { name: t.apps.masterKey, cell: (each) => <code>{each.masterKeyId}</code> },
                    { name: t.fields.created, cell: (each) => <Time at={each.timestampCreated} /> },
                    {
                        name: t.apps.actions,
                        kind: "actions",
                        cell: (each) => (
                            <>
                                <Button onClick={() => (shown.value = each)}>{t.apps.sdk}</Button>{" "}
                                <Button
                                    onClick={() =>
                                        (asked.value = {
                                            what: each.supported ? "retire" : "support",
                                            key: each.appKey,
                                        })
                                    }
                                >
                                    {each.supported ? t.apps.retire : t.apps.support}
                                </Button>
                            </>
                        ),
                    },
                ]}
            />
            {shown.value && (
                <Dialog title={t.apps.sdk} onClose={() => (shown.value = undefined)}>
                    <div class="dialog-body">
                        <p>{t.apps.sdkText}</p>
                        <QrCode
                            cacheKey={shown.value.appKey}
                            label={t.apps.sdkPicture}
                            address={`${path`/admin/applications/${of.id}/versions/${shown.value.appKey}/sdk-config`}?format=svg`}
                        />
                        <span class="copyable">
                            <code>{shown.value.mobileSdkConfig}</code>
                            <Copy text={shown.value.mobileSdkConfig} />
                        </span>
                    </div>
                </Dialog>
            )}
            {asked.value && (
                <ActionDialog
                    {...t.apps.versionDialogs[asked.value.what]}
                    kind={asked.value.what === "retire" ? "danger" : "primary"}
                    onClose={() => (asked.value = undefined)}
                    run={async () => {
                        const { what, key = "" } = asked.value ?? {};
                        const base = path`/admin/applications/${of.id}/versions`;
                        const support = (supported: boolean) =>
                            put(`${base}/${encodeURIComponent(key)}`, { supported });
                        if (what === "add") {
                            await post(base);
                            return changed();
                        }
                        await support(what === "support");
                        await changed();
                        toast(what === "support" ? t.apps.supportedAgain : t.apps.retiredNow, {
                            undo: async () => {
                                await support(what !== "support");
                                await changed();
                            },
                        });
                    }}
                />
            )}
        </Card>
    );
}

function MasterKeys({ of, changed }: Part) {
    const asked = useSignal<{ what: "add" | "sign" | "remove"; key?: string } | undefined>(undefined);
    return (
        <Card
            title={t.apps.masterKeys}
            actions={
                <Button icon="add" onClick={() => (asked.value = { what: "add" })}>
                    {t.apps.addKey}
                </Button>
            }
        >
            <p class="dim">{t.apps.masterKeysText}</p>
            <Table
                label={t.apps.masterKeys}
                rows={of.masterKeys}
                id={(each) => each.keyId}
                columns={[
                    { name: t.apps.keyId, cell: (each) => <code>{each.keyId}</code> },
                    {
                        name: t.apps.signs,
                        cell: (each) => (each.signs ? <Tag tone="good">{t.apps.signsNow}</Tag> : no()),
                    },
                    { name: t.fields.created, cell: (each) => <Time at={each.timestampCreated} /> },
                    {
                        name: t.apps.actions,
                        kind: "actions",
                        cell: (each) =>
                            !each.signs && (
                                <>
                                    <Button onClick={() => (asked.value = { what: "sign", key: each.keyId })}>
                                        {t.apps.sign}
                                    </Button>{" "}
                                    <Button
                                        kind="danger"
                                        onClick={() => (asked.value = { what: "remove", key: each.keyId })}
                                    >
                                        {t.apps.forget}
                                    </Button>
                                </>
                            ),
                    },
                ]}
            />
            {asked.value && (
                <ActionDialog
                    title={t.apps.keyTitles[asked.value.what]}
                    action={t.apps.keyActions[asked.value.what]}
                    kind={asked.value.what === "remove" ? "danger" : "primary"}
                    consequences={t.apps.keyTexts[asked.value.what]}
                    typed={asked.value.what === "remove" ? asked.value.key : undefined}
                    onClose={() => (asked.value = undefined)}
                    run={async () => {
                        const { what, key = "" } = asked.value ?? {};
                        const base = path`/admin/applications/${of.id}/master-keys`;
                        const one = `${base}/${encodeURIComponent(key)}`;
                        if (what === "add") await post(base);
                        if (what === "sign") await put(one, { signs: true });
                        if (what === "remove") await remove(one);
                        await changed();
                    }}
                />
            )}
        </Card>
    );
}

function Settings({ of, changed }: Part) {
    const yes = (value: boolean) => (value ? t.apps.yes : no());
    const { transfer } = of;
    const passedOn: [string, Children][] = [
        [t.apps.targets, transfer.targets.join(", ") || t.apps.sameOnly],
        [t.apps.newFlags, transfer.flags.join(", ") || no()],
        [t.apps.newMaxFailed, transfer.maxFailedAttempts ?? t.apps.asOthers],
    ];
    return (
        <Card
            title={t.apps.settings}
            actions={
                <Opens text={t.apps.edit}>
                    {(close) => <EditSettings of={of} changed={changed} onClose={close} />}
                </Opens>
            }
        >
            <Facts
                rows={[
                    [t.apps.deviceManagement, yes(of.deviceManagement)],
                    [t.apps.vaultWithBiometry, yes(of.vaultWithBiometry)],
                    [t.apps.lowestVersion, of.lowestVersion],
                    [t.apps.roles, of.roles.join(", ") || no()],
                    [t.apps.passingOn, waysOn(transfer) || no()],
                    ...(waysOn(transfer) ? passedOn : []),
                    [t.apps.cascade, yes(transfer.cascadeBlock)],
                ]}
            />
        </Card>
    );
}

const settingsOf = (of: Application) => ({
    deviceManagement: of.deviceManagement,
    vaultWithBiometry: of.vaultWithBiometry,
    lowestVersion: of.lowestVersion,
    roles: of.roles,
    transfer: { ...of.transfer, maxFailedAttempts: of.transfer.maxFailedAttempts ?? null },
});

function EditSettings({ of, changed, onClose }: Part & { onClose: () => void }) {
    const { v, text, check } = useForm({
        deviceManagement: of.deviceManagement,
        vaultWithBiometry: of.vaultWithBiometry,
        lowestVersion: of.lowestVersion,
        roles: of.roles.join(", "),
        spawn: of.transfer.spawn,
        move: of.transfer.move,
        cascadeBlock: of.transfer.cascadeBlock,
        targets: of.transfer.targets.join(", "),
        flags: of.transfer.flags.join(", "),
        maxFailedAttempts: String(of.transfer.maxFailedAttempts ?? ""),
    });
    const base = path`/admin/applications/${of.id}`;
    return (
        <ActionDialog
            title={t.apps.settings}
            action={t.actions.save}
            onClose={onClose}
            consequences={t.apps.settingsText}
            run={async () => {
                await patch(base, {
                    deviceManagement: v.deviceManagement,
                    vaultWithBiometry: v.vaultWithBiometry,
                    lowestVersion: v.lowestVersion,
                    roles: listOf(v.roles),
                    transfer: {
                        spawn: v.spawn,
                        move: v.move,
                        cascadeBlock: v.cascadeBlock,
                        targets: listOf(v.targets),
                        flags: listOf(v.flags),
                        maxFailedAttempts: v.maxFailedAttempts.trim() ? Number(v.maxFailedAttempts) : null,
                    },
                });
                await changed();
                toast(t.apps.saved, {
                    undo: async () => {
                        await patch(base, settingsOf(of));
                        await changed();
                    },
                });
            }}
        >
            <Check label={t.apps.deviceManagement} {...check("deviceManagement")} hint={t.apps.deviceManagementHint} />
            <Check label={t.apps.vaultWithBiometry} {...check("vaultWithBiometry")} />
            <Select
                label={t.apps.lowestVersion}
                {...text("lowestVersion")}
                options={["3.0", "3.1", "3.2", "3.3"].map((each) => [each, each])}
                hint={t.apps.lowestVersionHint}
            />
            <Input label={t.apps.roles} {...text("roles")} hint={t.apps.rolesHint} />
            <fieldset>
                <legend>{t.apps.passingOn}</legend>
                <Check label={t.apps.spawnLabel} {...check("spawn")} />
                <Check label={t.apps.moveLabel} {...check("move")} />
                <Input label={t.apps.targets} {...text("targets")} hint={t.apps.targetsHint} />
                <Input label={t.apps.newFlags} {...text("flags")} hint={t.create.flagsHint} />
                <Input
                    label={t.apps.newMaxFailed}
                    {...text("maxFailedAttempts")}
                    type="number"
                    min={1}
                    max={255}
                    hint={t.apps.newMaxFailedHint}
                />
                <Check label={t.apps.cascade} {...check("cascadeBlock")} />
            </fieldset>
        </ActionDialog>
    );
}
