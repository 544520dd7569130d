// Applications: their versions, master keys, settings and lockout policy.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get, path, patch, post, put, remove } from "../api";
import { t } from "../en";
import { at, go } from "../router";
import { Time } from "../time";
import {
    ActionDialog,
    Button,
    Card,
    Check,
    Copy,
    Dialog,
    Empty,
    Facts,
    Fault,
    Input,
    LinkButton,
    Page,
    Select,
    Skeleton,
    TableBox,
    Tag,
    toast,
    useLoaded,
} from "../ui";
import { QrCode } from "./invitation";
import { PolicyCard } from "./policy";

export interface Version {
    mobileSdkConfig: string;
    appKey: string;
    appSecret: string;
    masterKeyId: string;
    supported: boolean;
    timestampCreated?: number;
}
export interface MasterKey {
    keyId: string;
    masterServerPublicKey: string;
    signs: boolean;
    timestampCreated?: number;
}
export interface Application {
    id: string;
    roles: string[];
    deviceManagement: boolean;
    vaultWithBiometry: boolean;
    lowestVersion: string;
    transfer: { spawn: boolean; move: boolean; targets: string[]; cascadeBlock: boolean };
    provider: { url: string; timeoutMs: number; hasSecret: boolean } | null;
    maxFailedAttempts: number;
    versions: Version[];
    masterKeys: MasterKey[];
    timestampCreated: number;
}

export function Applications() {
    const of = useLoaded("applications", ({ signal, quiet }) =>
        get<{ applications: Application[] }>("/admin/applications", { signal, quiet }),
    );
    const creating = useSignal(false);
    const id = useSignal("");
    useEffect(() => {
        document.title = t.title(t.nav.applications);
    }, []);
    const rows = of.value?.applications ?? [];
    return (
        <Page
            title={t.nav.applications}
            actions={
                <Button kind="primary" icon="add" onClick={() => (creating.value = true)}>
                    {t.apps.create}
                </Button>
            }
        >
            {of.fault !== undefined && <Fault of={of.fault} again={() => void of.reload()} />}
            {!of.value && of.fault === undefined && <Skeleton />}
            {of.value && rows.length === 0 && (
                <Empty title={t.apps.none} icon="apps">
                    <p class="dim">{t.apps.noneHint}</p>
                </Empty>
            )}
            {rows.length > 0 && (
                <TableBox label={t.nav.applications}>
                    <thead>
                        <tr>
                            <th>{t.fields.application}</th>
                            <th>{t.apps.maxFailed}</th>
                            <th>{t.apps.passingOn}</th>
                            <th>{t.apps.provider}</th>
                        </tr>
                    </thead>
                    <tbody>
                        {rows.map((each) => (
                            <tr key={each.id}>
                                <td>
                                    <a href={at("applications", each.id)}>{each.id}</a>
                                </td>
                                <td>{each.maxFailedAttempts}</td>
                                <td>
                                    {[each.transfer?.spawn && t.apps.spawn, each.transfer?.move && t.apps.move]
                                        .filter(Boolean)
                                        .join(", ") || <span class="dim">{t.apps.no}</span>}
                                </td>
                                <td>{each.provider?.url ?? <span class="dim">{t.apps.no}</span>}</td>
                            </tr>
                        ))}
                    </tbody>
                </TableBox>
            )}
            {creating.value && (
                <ActionDialog
                    title={t.apps.create}
                    action={t.actions.create}
                    onClose={() => (creating.value = false)}
                    mayRun={id.value.trim() !== ""}
                    consequences={<p>{t.apps.createText}</p>}
                    run={async () => {
                        await post("/admin/applications", { id: id.value.trim() });
                        go(at("applications", id.value.trim()));
                    }}
                >
                    <Input
                        label={t.apps.id}
                        value={id.value}
                        onValue={(value) => (id.value = value)}
                        hint={t.apps.idHint}
                        maxLength={64}
                        autofocus
                        required
                    />
                </ActionDialog>
            )}
        </Page>
    );
}

export function ApplicationScreen({ id }: { id: string }) {
    const of = useLoaded(id, ({ signal, quiet }) =>
        get<Application>(path`/admin/applications/${id}`, { signal, quiet }),
    );
    const removing = useSignal(false);
    useEffect(() => {
        document.title = t.title(id);
    }, [id]);
    const app = of.value;
    return (
        <Page
            title={id}
            back={{ href: at("applications"), text: t.nav.applications }}
            actions={
                <>
                    <LinkButton href={at("webhooks", id)} icon="hook">
                        {t.nav.webhooks}
                    </LinkButton>
                    <Button kind="danger" icon="cross" onClick={() => (removing.value = true)}>
                        {t.apps.remove}
                    </Button>
                </>
            }
        >
            {of.fault !== undefined && <Fault of={of.fault} again={() => void of.reload()} />}
            {!app && of.fault === undefined && <Skeleton rows={8} />}
            {app && (
                <div class="stack">
                    <Versions of={app} changed={() => of.reload()} />
                    <MasterKeys of={app} changed={() => of.reload()} />
                    <div class="grid">
                        <Settings of={app} changed={() => of.reload()} />
                    </div>
                    <PolicyCard application={id} />
                </div>
            )}
            {removing.value && (
                <ActionDialog
                    title={t.apps.removeTitle(id)}
                    action={t.apps.remove}
                    kind="danger"
                    typed={id}
                    onClose={() => (removing.value = false)}
                    consequences={
                        <ul>
                            {t.apps.removeText.map((each) => (
                                <li key={each}>{each}</li>
                            ))}
                        </ul>
                    }
                    run={async () => {
                        await remove(path`/admin/applications/${id}`);
                        go(at("applications"));
                        toast(t.apps.removed(id));
                    }}
                />
            )}
        </Page>
    );
}

interface Part {
    of: Application;
    changed: () => Promise<void>;
}

function Versions({ of, changed }: Part) {
    const shown = useSignal<Version | undefined>(undefined);
    const asked = useSignal<{ version?: Version; supported: boolean } | undefined>(undefined);
    return (
        <Card
            title={t.apps.versions}
            actions={
                <Button icon="add" onClick={() => (asked.value = { supported: true })}>
                    {t.apps.addVersion}
                </Button>
            }
        >
            <p class="dim">{t.apps.versionsText}</p>
            <TableBox label={t.apps.versions}>
                <thead>
                    <tr>
                        <th>{t.apps.appKey}</th>
                        <th>{t.fields.state}</th>
                        <th>{t.apps.masterKey}</th>
                        <th>{t.fields.created}</th>
                        <th>
                            <span class="hidden">{t.apps.actions}</span>
                        </th>
                    </tr>
                </thead>
                <tbody>
                    {of.versions.map((each) => (
                        <tr key={each.appKey}>
                            <td>
                                <code>{each.appKey}</code>
                            </td>
                            <td>
                                <Tag tone={each.supported ? "good" : ""}>
                                    {each.supported ? t.apps.supported : t.apps.retired}
                                </Tag>
                            </td>
                            <td>
                                <code>{each.masterKeyId}</code>
                            </td>
                            <td>
                                <Time at={each.timestampCreated} />
                            </td>
                            <td class="actions-cell">
                                <Button onClick={() => (shown.value = each)}>{t.apps.sdk}</Button>{" "}
                                <Button onClick={() => (asked.value = { version: each, supported: !each.supported })}>
                                    {each.supported ? t.apps.retire : t.apps.support}
                                </Button>
                            </td>
                        </tr>
                    ))}
                </tbody>
            </TableBox>
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
                    title={
                        asked.value.version
                            ? asked.value.supported
                                ? t.apps.supportTitle
                                : t.apps.retireTitle
                            : t.apps.addVersion
                    }
                    action={
                        asked.value.version
                            ? asked.value.supported
                                ? t.apps.support
                                : t.apps.retire
                            : t.actions.create
                    }
                    kind={asked.value.supported ? "primary" : "danger"}
                    consequences={
                        <p>
                            {asked.value.version
                                ? asked.value.supported
                                    ? t.apps.supportText
                                    : t.apps.retireText
                                : t.apps.addVersionText}
                        </p>
                    }
                    onClose={() => (asked.value = undefined)}
                    run={async () => {
                        const what = asked.value;
                        if (what?.version)
                            await put(path`/admin/applications/${of.id}/versions/${what.version.appKey}`, {
                                supported: what.supported,
                            });
                        else await post(path`/admin/applications/${of.id}/versions`);
                        await changed();
                    }}
                />
            )}
        </Card>
    );
}

function MasterKeys({ of, changed }: Part) {
    const asked = useSignal<{ what: "add" | "sign" | "remove"; key?: MasterKey } | undefined>(undefined);
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
            <TableBox label={t.apps.masterKeys}>
                <thead>
                    <tr>
                        <th>{t.apps.keyId}</th>
                        <th>{t.apps.signs}</th>
                        <th>{t.fields.created}</th>
                        <th>
                            <span class="hidden">{t.apps.actions}</span>
                        </th>
                    </tr>
                </thead>
                <tbody>
                    {of.masterKeys.map((each) => (
                        <tr key={each.keyId}>
                            <td>
                                <code>{each.keyId}</code>
                            </td>
                            <td>
                                {each.signs ? (
                                    <Tag tone="good">{t.apps.signsNow}</Tag>
                                ) : (
                                    <span class="dim">{t.apps.no}</span>
                                )}
                            </td>
                            <td>
                                <Time at={each.timestampCreated} />
                            </td>
                            <td class="actions-cell">
                                {!each.signs && (
                                    <Button onClick={() => (asked.value = { what: "sign", key: each })}>
                                        {t.apps.sign}
                                    </Button>
                                )}{" "}
                                {!each.signs && (
                                    <Button kind="danger" onClick={() => (asked.value = { what: "remove", key: each })}>
                                        {t.apps.forget}
                                    </Button>
                                )}
                            </td>
                        </tr>
                    ))}
                </tbody>
            </TableBox>
            {asked.value && (
                <ActionDialog
                    title={t.apps.keyTitles[asked.value.what]}
                    action={t.apps.keyActions[asked.value.what]}
                    kind={asked.value.what === "remove" ? "danger" : "primary"}
                    consequences={<p>{t.apps.keyTexts[asked.value.what]}</p>}
                    typed={asked.value.what === "remove" ? asked.value.key?.keyId : undefined}
                    onClose={() => (asked.value = undefined)}
                    run={async () => {
                        const { what, key } = asked.value ?? {};
                        const base = path`/admin/applications/${of.id}/master-keys`;
                        if (what === "add") await post(base);
                        if (what === "sign" && key)
                            await put(`${base}/${encodeURIComponent(key.keyId)}`, { signs: true });
                        if (what === "remove" && key) await remove(`${base}/${encodeURIComponent(key.keyId)}`);
                        await changed();
                    }}
                />
            )}
        </Card>
    );
}

function Settings({ of, changed }: Part) {
    const editing = useSignal(false);
    const yes = (value: boolean) => (value ? t.apps.yes : t.apps.no);
    return (
        <Card title={t.apps.settings} actions={<Button onClick={() => (editing.value = true)}>{t.apps.edit}</Button>}>
            <Facts
                rows={[
                    [t.apps.deviceManagement, yes(of.deviceManagement)],
                    [t.apps.vaultWithBiometry, yes(of.vaultWithBiometry)],
                    [t.apps.lowestVersion, of.lowestVersion],
                    [
                        t.apps.passingOn,
                        [of.transfer.spawn && t.apps.spawn, of.transfer.move && t.apps.move]
                            .filter(Boolean)
                            .join(", ") || t.apps.no,
                    ],
                    [t.apps.cascade, yes(of.transfer.cascadeBlock)],
                    [t.apps.roles, of.roles.join(", ") || t.apps.no],
                    [t.apps.provider, of.provider?.url ?? t.apps.no],
                ]}
            />
            {editing.value && <EditSettings of={of} changed={changed} onClose={() => (editing.value = false)} />}
        </Card>
    );
}

function EditSettings({ of, changed, onClose }: Part & { onClose: () => void }) {
    const form = useSignal({
        deviceManagement: of.deviceManagement,
        vaultWithBiometry: of.vaultWithBiometry,
        lowestVersion: of.lowestVersion,
        spawn: of.transfer.spawn,
        move: of.transfer.move,
        cascadeBlock: of.transfer.cascadeBlock,
        roles: of.roles.join(", "),
    });
    const set = (change: Partial<typeof form.value>) => (form.value = { ...form.value, ...change });
    const v = form.value;
    return (
        <ActionDialog
            title={t.apps.settings}
            action={t.actions.save}
            onClose={onClose}
            consequences={<p>{t.apps.settingsText}</p>}
            run={async () => {
                await patch(path`/admin/applications/${of.id}`, {
                    deviceManagement: v.deviceManagement,
                    vaultWithBiometry: v.vaultWithBiometry,
                    lowestVersion: v.lowestVersion,
                    transfer: { spawn: v.spawn, move: v.move, cascadeBlock: v.cascadeBlock },
                    roles: v.roles
                        .split(",")
                        .map((each) => each.trim())
                        .filter(Boolean),
                });
                await changed();
                toast(t.apps.saved);
            }}
        >
            <Check
                label={t.apps.deviceManagement}
                checked={v.deviceManagement}
                onValue={(deviceManagement) => set({ deviceManagement })}
                hint={t.apps.deviceManagementHint}
            />
            <Check
                label={t.apps.vaultWithBiometry}
                checked={v.vaultWithBiometry}
                onValue={(vaultWithBiometry) => set({ vaultWithBiometry })}
            />
            <Check label={t.apps.spawnLabel} checked={v.spawn} onValue={(spawn) => set({ spawn })} />
            <Check label={t.apps.moveLabel} checked={v.move} onValue={(move) => set({ move })} />
            <Check label={t.apps.cascade} checked={v.cascadeBlock} onValue={(cascadeBlock) => set({ cascadeBlock })} />
            <Select
                label={t.apps.lowestVersion}
                value={v.lowestVersion}
                onValue={(lowestVersion) => set({ lowestVersion })}
                options={["3.0", "3.1", "3.2", "3.3"].map((each) => [each, each])}
            />
            <Input label={t.apps.roles} value={v.roles} onValue={(roles) => set({ roles })} hint={t.apps.rolesHint} />
        </ActionDialog>
    );
}
