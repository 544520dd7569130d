// Accounts: who may call the office side, what for, and the tokens that stand for them.

import { useSignal, type Signal } from "@preact/signals";
import { get, patch, path, post, remove } from "../api";
import { t } from "../en";
import { at, go } from "../router";
import { me, type Role } from "../session";
import { Time } from "../time";
import {
    ActionDialog,
    bound,
    Button,
    Card,
    Check,
    DroppableTags,
    Empty,
    Input,
    Notice,
    Opens,
    Page,
    Read,
    SecretDialog,
    Select,
    Table,
    Tag,
    textOf,
    toast,
    useApplications,
    useLoaded,
} from "../ui";

interface Account {
    username: string;
    enabled: boolean;
    role: Role[];
    rights: ("REMOVE" | "BULK")[];
    applications: string[];
    timestampCreated?: number;
    password?: string;
}
interface Token {
    name: string;
    token?: string;
    timestampCreated: number;
    timestampExpire?: number;
    timestampLastUsed?: number;
}

const roles = Object.keys(t.roles) as Role[];
const roleOptions: [string, string][] = roles.map((each) => [each, `${t.roles[each]}: ${t.accounts.roleTexts[each]}`]);

export function Accounts() {
    const of = useLoaded(
        "accounts",
        async ({ signal, quiet }) => (await get<{ users: Account[] }>("/admin/users", { signal, quiet })).users,
    );
    const secret = useSignal<Account | undefined>(undefined);
    const name = useSignal("");
    const role = useSignal<string>("OPERATOR");
    const rights = useSignal<string[]>([]);
    return (
        <Page
            title={t.nav.accounts}
            actions={
                <Opens text={t.accounts.create} kind="primary" icon="add">
                    {(close) => (
                        <ActionDialog
                            title={t.accounts.create}
                            action={t.actions.create}
                            onClose={close}
                            mayRun={name.value.trim() !== ""}
                            consequences={t.accounts.createText}
                            run={async () => {
                                secret.value = await post<Account>("/admin/users", {
                                    username: name.value.trim(),
                                    role: role.value,
                                    rights: role.value === "OPERATOR" ? rights.value : [],
                                });
                                await of.reload();
                                name.value = "";
                            }}
                        >
                            <Input
                                label={t.accounts.name}
                                {...bound(name)}
                                maxLength={64}
                                hint={t.accounts.nameHint}
                                required
                                autofocus
                            />
                            <RoleFields role={role} rights={rights} />
                        </ActionDialog>
                    )}
                </Opens>
            }
        >
            <Read of={of}>
                {(accounts) => (
                    <Table
                        label={t.nav.accounts}
                        rows={accounts}
                        id={(each) => each.username}
                        columns={[
                            {
                                name: t.accounts.name,
                                cell: (each) => <a href={at("accounts", each.username)}>{each.username}</a>,
                            },
                            {
                                name: t.accounts.role,
                                cell: (each) => (
                                    <>
                                        {each.role.map((one) => t.roles[one]).join(", ")}
                                        {each.rights.length > 0 && (
                                            <span class="sub">
                                                {each.rights.map((one) => t.accounts.rights[one]).join(", ")}
                                            </span>
                                        )}
                                    </>
                                ),
                            },
                            {
                                name: t.nav.applications,
                                cell: (each) =>
                                    each.role.includes("ADMIN")
                                        ? t.accounts.all
                                        : each.applications.join(", ") || (
                                              <span class="dim">{t.accounts.noApplications}</span>
                                          ),
                            },
                            {
                                name: t.fields.state,
                                cell: (each) => (
                                    <Tag tone={each.enabled ? "good" : "bad"}>
                                        {each.enabled ? t.accounts.enabled : t.accounts.disabled}
                                    </Tag>
                                ),
                            },
                            { name: t.fields.created, cell: (each) => <Time at={each.timestampCreated} /> },
                        ]}
                    />
                )}
            </Read>
            {secret.value && (
                <SecretDialog
                    title={t.accounts.madeTitle(secret.value.username)}
                    hint={t.accounts.once}
                    rows={[
                        [t.accounts.name, secret.value.username],
                        [t.signIn.password, secret.value.password ?? ""],
                    ]}
                    onClose={() => {
                        const made = secret.value?.username ?? "";
                        secret.value = undefined;
                        go(at("accounts", made));
                    }}
                />
            )}
        </Page>
    );
}

function RoleFields({ role, rights }: { role: Signal<string>; rights: Signal<string[]> }) {
    const toggle = (which: string) => ({
        checked: rights.value.includes(which),
        onValue: (on: boolean) =>
            (rights.value = on ? [...rights.value, which] : rights.value.filter((each) => each !== which)),
    });
    return (
        <>
            <Select label={t.accounts.role} {...bound(role)} options={roleOptions} />
            {role.value === "OPERATOR" && (
                <fieldset>
                    <legend>{t.accounts.rightsTitle}</legend>
                    <Check label={t.accounts.rights.REMOVE ?? ""} {...toggle("REMOVE")} />
                    <Check label={t.accounts.rights.BULK ?? ""} {...toggle("BULK")} />
                </fieldset>
            )}
        </>
    );
}

export function AccountScreen({ name }: { name: string }) {
    const base = path`/admin/users/${name}`;
    const of = useLoaded(name, ({ signal, quiet }) => get<Account>(base, { signal, quiet }));
    const applications = useApplications();
    const asked = useSignal<"role" | "disable" | "rotate" | "remove" | undefined>(undefined);
    const role = useSignal<string>("OPERATOR");
    const rights = useSignal<string[]>([]);
    const secret = useSignal<string | undefined>(undefined);
    const added = useSignal("");
    const account = of.value;
    const isOwn = me.value?.username === name;
    const close = () => (asked.value = undefined);
    const change = async (to: Record<string, unknown>) => {
        await patch(base, to);
        await of.reload();
    };
    const assign = async (application: string, on: boolean) => {
        const where = `${base}${path`/applications/${application}`}`;
        const turn = async (to: boolean) => {
            await (to ? post(where) : remove(where));
            await of.reload();
        };
        try {
            await turn(on);
            toast(on ? t.accounts.assigned(application) : t.accounts.unassigned(application), {
                undo: () => turn(!on),
            });
        } catch (fault) {
            toast(textOf(fault), { tone: "bad" });
        }
    };
    const others = (applications.value ?? []).filter((each) => !account?.applications.includes(each));
    return (
        <Page
            title={name}
            back={{ href: at("accounts"), text: t.nav.accounts }}
            subtitle={
                account &&
                `${account.role.map((each) => t.roles[each]).join(", ")}${account.enabled ? "" : ` · ${t.accounts.disabled}`}`
            }
            actions={
                account && (
                    <>
                        <Button
                            onClick={() => {
                                role.value = account.role[0] ?? "OPERATOR";
                                rights.value = account.rights;
                                asked.value = "role";
                            }}
                        >
                            {t.accounts.changeRole}
                        </Button>
                        <Button icon="key" onClick={() => (asked.value = "rotate")}>
                            {t.accounts.rotate}
                        </Button>
                        <Button kind={account.enabled ? "danger" : "plain"} onClick={() => (asked.value = "disable")}>
                            {account.enabled ? t.accounts.disable : t.accounts.enable}
                        </Button>
                        <Button kind="danger" icon="cross" onClick={() => (asked.value = "remove")}>
                            {t.accounts.remove}
                        </Button>
                    </>
                )
            }
        >
            <Read of={of}>
                {(account) => (
                    <div class="stack">
                        {isOwn && (
                            <Notice tone="info">
                                <p>{t.accounts.own}</p>
                            </Notice>
                        )}
                        <Card title={t.nav.applications}>
                            {account.role.includes("ADMIN") ? (
                                <p>{t.accounts.seesAll}</p>
                            ) : (
                                <>
                                    <DroppableTags
                                        of={account.applications}
                                        none={t.accounts.noApplications}
                                        dropText={t.accounts.unassign}
                                        onDrop={(which) => void assign(which, false)}
                                    />
                                    {others.length > 0 && (
                                        <div class="inline-form">
                                            <Select
                                                label={t.accounts.assign}
                                                {...bound(added)}
                                                options={[
                                                    ["", t.accounts.choose],
                                                    ...others.map((each): [string, string] => [each, each]),
                                                ]}
                                            />
                                            <Button
                                                disabled={!added.value}
                                                onClick={() => {
                                                    const which = added.value;
                                                    added.value = "";
                                                    void assign(which, true);
                                                }}
                                            >
                                                {t.accounts.add}
                                            </Button>
                                        </div>
                                    )}
                                </>
                            )}
                        </Card>
                        <Tokens of={name} />
                    </div>
                )}
            </Read>
            {asked.value === "role" && account && (
                <ActionDialog
                    title={t.accounts.changeRole}
                    action={t.actions.save}
                    onClose={close}
                    consequences={t.accounts.changeText}
                    run={async () => {
                        await change({ role: role.value, rights: role.value === "OPERATOR" ? rights.value : [] });
                        const { role: before, rights: had } = account;
                        toast(t.accounts.changed(name), { undo: () => change({ role: before[0], rights: had }) });
                    }}
                >
                    <RoleFields role={role} rights={rights} />
                </ActionDialog>
            )}
            {asked.value === "disable" && account && (
                <ActionDialog
                    title={account.enabled ? t.accounts.disableTitle(name) : t.accounts.enableTitle(name)}
                    action={account.enabled ? t.accounts.disable : t.accounts.enable}
                    kind={account.enabled ? "danger" : "primary"}
                    onClose={close}
                    consequences={account.enabled ? t.accounts.disableText : t.accounts.enableText}
                    run={async () => {
                        await change({ enabled: !account.enabled });
                        toast(account.enabled ? t.accounts.disabledNow(name) : t.accounts.enabledNow(name), {
                            undo: () => change({ enabled: account.enabled }),
                        });
                    }}
                />
            )}
            {asked.value === "rotate" && (
                <ActionDialog
                    title={t.accounts.rotateTitle(name)}
                    action={t.accounts.rotate}
                    onClose={close}
                    consequences={t.accounts.rotateText}
                    run={async () => {
                        secret.value = (await post<Account>(`${base}/rotate`)).password;
                    }}
                />
            )}
            {asked.value === "remove" && (
                <ActionDialog
                    title={t.accounts.removeTitle(name)}
                    action={t.accounts.remove}
                    kind="danger"
                    typed={name}
                    onClose={close}
                    consequences={t.accounts.removeText}
                    run={async () => {
                        await remove(base);
                        go(at("accounts"));
                        toast(t.accounts.removed(name));
                    }}
                />
            )}
            {secret.value && (
                <SecretDialog
                    title={t.accounts.madeTitle(name)}
                    hint={t.accounts.once}
                    rows={[
                        [t.accounts.name, name],
                        [t.signIn.password, secret.value],
                    ]}
                    onClose={() => (secret.value = undefined)}
                />
            )}
        </Page>
    );
}

function Tokens({ of: account }: { of: string }) {
    const base = path`/admin/users/${account}/tokens`;
    const of = useLoaded(
        `tokens ${account}`,
        async ({ signal, quiet }) => (await get<{ tokens: Token[] }>(base, { signal, quiet })).tokens,
    );
    const revoking = useSignal<Token | undefined>(undefined);
    const secret = useSignal<Token | undefined>(undefined);
    const name = useSignal("");
    const life = useSignal("year");
    const lives: Record<string, number | undefined> = {
        month: 30 * 86_400_000,
        year: 365 * 86_400_000,
        never: undefined,
    };
    return (
        <Card
            title={t.accounts.tokens}
            actions={
                <Opens text={t.accounts.createToken} icon="add">
                    {(close) => (
                        <ActionDialog
                            title={t.accounts.createToken}
                            action={t.actions.create}
                            onClose={close}
                            mayRun={name.value.trim() !== ""}
                            consequences={t.accounts.createTokenText}
                            run={async () => {
                                const lifeMs = lives[life.value];
                                secret.value = await post<Token>(base, {
                                    name: name.value.trim(),
                                    timestampExpire: lifeMs ? Date.now() + lifeMs : undefined,
                                });
                                name.value = "";
                                await of.reload();
                            }}
                        >
                            <Input label={t.accounts.tokenName} {...bound(name)} maxLength={64} required autofocus />
                            <Select
                                label={t.accounts.expires}
                                {...bound(life)}
                                options={Object.entries(t.accounts.tokenLives)}
                            />
                        </ActionDialog>
                    )}
                </Opens>
            }
        >
            <p class="dim">{t.accounts.tokensText}</p>
            <Read of={of} rows={2}>
                {(tokens) =>
                    tokens.length === 0 ? (
                        <Empty title={t.accounts.noTokens} icon="key" />
                    ) : (
                        <Table
                            label={t.accounts.tokens}
                            rows={tokens}
                            id={(each) => each.name}
                            columns={[
                                { name: t.accounts.tokenName, cell: (each) => each.name },
                                { name: t.fields.lastUsed, cell: (each) => <Time at={each.timestampLastUsed} /> },
                                { name: t.accounts.expires, cell: (each) => <Time at={each.timestampExpire} /> },
                                { name: t.fields.created, cell: (each) => <Time at={each.timestampCreated} /> },
                                {
                                    name: t.apps.actions,
                                    kind: "actions",
                                    cell: (each) => (
                                        <Button kind="danger" onClick={() => (revoking.value = each)}>
                                            {t.accounts.revoke}
                                        </Button>
                                    ),
                                },
                            ]}
                        />
                    )
                }
            </Read>
            {revoking.value && (
                <ActionDialog
                    title={t.accounts.revokeTitle(revoking.value.name)}
                    action={t.accounts.revoke}
                    kind="danger"
                    onClose={() => (revoking.value = undefined)}
                    consequences={t.accounts.revokeText}
                    run={async () => {
                        await remove(`${base}/${encodeURIComponent(revoking.value?.name ?? "")}`);
                        await of.reload();
                    }}
                />
            )}
            {secret.value && (
                <SecretDialog
                    title={t.accounts.tokenTitle(secret.value.name)}
                    hint={t.accounts.once}
                    rows={[
                        [t.accounts.tokenName, secret.value.name],
                        [t.accounts.token, secret.value.token ?? ""],
                    ]}
                    onClose={() => (secret.value = undefined)}
                />
            )}
        </Card>
    );
}
