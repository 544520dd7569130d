// Accounts: who may call the office side, what for, and the tokens that stand for them.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get, patch, path, post, remove } from "../api";
import { t } from "../en";
import { at, go } from "../router";
import { me, type Role } from "../session";
import { Time } from "../time";
import {
    ActionDialog,
    Button,
    Card,
    Check,
    Empty,
    Fault,
    Input,
    Notice,
    Page,
    SecretDialog,
    Select,
    Skeleton,
    TableBox,
    Tag,
    toast,
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
    const of = useLoaded("accounts", ({ signal, quiet }) =>
        get<{ users: Account[] }>("/admin/users", { signal, quiet }),
    );
    const creating = useSignal(false);
    const secret = useSignal<Account | undefined>(undefined);
    const name = useSignal("");
    const role = useSignal<string>("OPERATOR");
    const rights = useSignal<string[]>([]);
    useEffect(() => {
        document.title = t.title(t.nav.accounts);
    }, []);
    return (
        <Page
            title={t.nav.accounts}
            actions={
                <Button kind="primary" icon="add" onClick={() => (creating.value = true)}>
                    {t.accounts.create}
                </Button>
            }
        >
            {of.fault !== undefined && <Fault of={of.fault} again={() => void of.reload()} />}
            {!of.value && of.fault === undefined && <Skeleton />}
            {of.value && (
                <TableBox label={t.nav.accounts}>
                    <thead>
                        <tr>
                            <th>{t.accounts.name}</th>
                            <th>{t.accounts.role}</th>
                            <th>{t.nav.applications}</th>
                            <th>{t.fields.state}</th>
                            <th>{t.fields.created}</th>
                        </tr>
                    </thead>
                    <tbody>
                        {of.value.users.map((each) => (
                            <tr key={each.username}>
                                <td>
                                    <a href={at("accounts", each.username)}>{each.username}</a>
                                </td>
                                <td>
                                    {each.role.map((one) => t.roles[one]).join(", ")}
                                    {each.rights.length > 0 && (
                                        <span class="sub">
                                            {each.rights.map((one) => t.accounts.rights[one]).join(", ")}
                                        </span>
                                    )}
                                </td>
                                <td>
                                    {each.role.includes("ADMIN")
                                        ? t.accounts.all
                                        : each.applications.join(", ") || (
                                              <span class="dim">{t.accounts.noApplications}</span>
                                          )}
                                </td>
                                <td>
                                    <Tag tone={each.enabled ? "good" : "bad"}>
                                        {each.enabled ? t.accounts.enabled : t.accounts.disabled}
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
            {creating.value && (
                <ActionDialog
                    title={t.accounts.create}
                    action={t.actions.create}
                    onClose={() => (creating.value = false)}
                    mayRun={name.value.trim() !== ""}
                    consequences={<p>{t.accounts.createText}</p>}
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
                        value={name.value}
                        onValue={(value) => (name.value = value)}
                        maxLength={64}
                        hint={t.accounts.nameHint}
                        required
                        autofocus
                    />
                    <Select
                        label={t.accounts.role}
                        value={role.value}
                        onValue={(value) => (role.value = value)}
                        options={roleOptions}
                    />
                    {role.value === "OPERATOR" && (
                        <Rights of={rights.value} onValue={(value) => (rights.value = value)} />
                    )}
                </ActionDialog>
            )}
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

function Rights({ of, onValue }: { of: string[]; onValue: (value: string[]) => void }) {
    const toggle = (which: string) => (on: boolean) =>
        onValue(on ? [...of, which] : of.filter((each) => each !== which));
    return (
        <fieldset>
            <legend>{t.accounts.rightsTitle}</legend>
            <Check label={t.accounts.rights.REMOVE ?? ""} checked={of.includes("REMOVE")} onValue={toggle("REMOVE")} />
            <Check label={t.accounts.rights.BULK ?? ""} checked={of.includes("BULK")} onValue={toggle("BULK")} />
        </fieldset>
    );
}

export function AccountScreen({ name }: { name: string }) {
    const base = path`/admin/users/${name}`;
    const of = useLoaded(name, ({ signal, quiet }) => get<Account>(base, { signal, quiet }));
    const applications = useLoaded("applications of all", async ({ signal }) =>
        (
            await get<{ applications: { id: string }[] }>("/admin/applications", { signal, quiet: true })
        ).applications.map((each) => each.id),
    );
    const asked = useSignal<"role" | "disable" | "rotate" | "remove" | undefined>(undefined);
    const role = useSignal<string>("OPERATOR");
    const rights = useSignal<string[]>([]);
    const secret = useSignal<string | undefined>(undefined);
    const added = useSignal("");
    useEffect(() => {
        document.title = t.title(name);
    }, [name]);
    const account = of.value;
    const isOwn = me.value?.username === name;
    const close = () => (asked.value = undefined);
    const assign = async (application: string, on: boolean) => {
        const where = `${base}${path`/applications/${application}`}`;
        const change = (to: boolean) => (to ? post(where) : remove(where));
        await change(on);
        await of.reload();
        toast(on ? t.accounts.assigned(application) : t.accounts.unassigned(application), {
            undo: async () => {
                await change(!on);
                await of.reload();
            },
        });
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
            {of.fault !== undefined && <Fault of={of.fault} again={() => void of.reload()} />}
            {!account && of.fault === undefined && <Skeleton />}
            {account && (
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
                                <div class="flag-list">
                                    {account.applications.length === 0 && (
                                        <span class="dim">{t.accounts.noApplications}</span>
                                    )}
                                    {account.applications.map((each) => (
                                        <span key={each} class="tag">
                                            {each}
                                            <button
                                                type="button"
                                                class="tag-x"
                                                aria-label={t.accounts.unassign(each)}
                                                onClick={() => void assign(each, false)}
                                            >
                                                ×
                                            </button>
                                        </span>
                                    ))}
                                </div>
                                {others.length > 0 && (
                                    <div class="inline-form">
                                        <Select
                                            label={t.accounts.assign}
                                            value={added.value}
                                            onValue={(value) => (added.value = value)}
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
            {asked.value === "role" && (
                <ActionDialog
                    title={t.accounts.changeRole}
                    action={t.actions.save}
                    onClose={close}
                    consequences={<p>{t.accounts.changeText}</p>}
                    run={async () => {
                        await patch(base, { role: role.value, rights: role.value === "OPERATOR" ? rights.value : [] });
                        await of.reload();
                    }}
                >
                    <Select
                        label={t.accounts.role}
                        value={role.value}
                        onValue={(value) => (role.value = value)}
                        options={roleOptions}
                    />
                    {role.value === "OPERATOR" && (
                        <Rights of={rights.value} onValue={(value) => (rights.value = value)} />
                    )}
                </ActionDialog>
            )}
            {asked.value === "disable" && account && (
                <ActionDialog
                    title={account.enabled ? t.accounts.disableTitle(name) : t.accounts.enableTitle(name)}
                    action={account.enabled ? t.accounts.disable : t.accounts.enable}
                    kind={account.enabled ? "danger" : "primary"}
                    onClose={close}
                    consequences={<p>{account.enabled ? t.accounts.disableText : t.accounts.enableText}</p>}
                    run={async () => {
                        await patch(base, { enabled: !account.enabled });
                        await of.reload();
                    }}
                />
            )}
            {asked.value === "rotate" && (
                <ActionDialog
                    title={t.accounts.rotateTitle(name)}
                    action={t.accounts.rotate}
                    onClose={close}
                    consequences={<p>{t.accounts.rotateText}</p>}
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
                    consequences={<p>{t.accounts.removeText}</p>}
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
    const creating = useSignal(false);
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
                <Button icon="add" onClick={() => (creating.value = true)}>
                    {t.accounts.createToken}
                </Button>
            }
        >
            <p class="dim">{t.accounts.tokensText}</p>
            {of.fault !== undefined && <Fault of={of.fault} again={() => void of.reload()} />}
            {of.value?.length === 0 && <Empty title={t.accounts.noTokens} icon="key" />}
            {of.value && of.value.length > 0 && (
                <TableBox label={t.accounts.tokens}>
                    <thead>
                        <tr>
                            <th>{t.accounts.tokenName}</th>
                            <th>{t.fields.lastUsed}</th>
                            <th>{t.accounts.expires}</th>
                            <th>{t.fields.created}</th>
                            <th>
                                <span class="hidden">{t.apps.actions}</span>
                            </th>
                        </tr>
                    </thead>
                    <tbody>
                        {of.value.map((each) => (
                            <tr key={each.name}>
                                <td>{each.name}</td>
                                <td>
                                    <Time at={each.timestampLastUsed} />
                                </td>
                                <td>
                                    <Time at={each.timestampExpire} />
                                </td>
                                <td>
                                    <Time at={each.timestampCreated} />
                                </td>
                                <td class="actions-cell">
                                    <Button kind="danger" onClick={() => (revoking.value = each)}>
                                        {t.accounts.revoke}
                                    </Button>
                                </td>
                            </tr>
                        ))}
                    </tbody>
                </TableBox>
            )}
            {creating.value && (
                <ActionDialog
                    title={t.accounts.createToken}
                    action={t.actions.create}
                    onClose={() => (creating.value = false)}
                    mayRun={name.value.trim() !== ""}
                    consequences={<p>{t.accounts.createTokenText}</p>}
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
                    <Input
                        label={t.accounts.tokenName}
                        value={name.value}
                        onValue={(value) => (name.value = value)}
                        maxLength={64}
                        required
                        autofocus
                    />
                    <Select
                        label={t.accounts.expires}
                        value={life.value}
                        onValue={(value) => (life.value = value)}
                        options={Object.entries(t.accounts.tokenLives)}
                    />
                </ActionDialog>
            )}
            {revoking.value && (
                <ActionDialog
                    title={t.accounts.revokeTitle(revoking.value.name)}
                    action={t.accounts.revoke}
                    kind="danger"
                    onClose={() => (revoking.value = undefined)}
                    consequences={<p>{t.accounts.revokeText}</p>}
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
