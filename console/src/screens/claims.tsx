// What the phones of a user are told about him, in one application.

import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { get, path, put, query, remove } from "../api";
import { t } from "../en";
import {
    ActionDialog,
    Button,
    Card,
    Facts,
    Input,
    Read,
    Select,
    toast,
    useApplications,
    useLoaded,
    type Children,
} from "../ui";

/** As phones are told them; `sub` is the user id, and there always. */
type Claims = Record<string, unknown>;

/** Those that are no texts, and where a text stands for them while they are edited. */
const flags = ["email_verified", "phone_number_verified"];
const numbers = ["updated_at"];

export function ClaimsCard({ user, of: likely }: { user: string; of: string[] }) {
    const applications = useApplications();
    const chosen = useSignal("");
    const offered = applications.value ?? [];
    const application = chosen.value || likely.find((each) => offered.includes(each)) || offered[0];
    if (!application) return null;
    return (
        <Card
            title={t.claims.title}
            actions={
                offered.length > 1 && (
                    <Select
                        label={t.fields.application}
                        hideLabel
                        value={application}
                        onValue={(value) => (chosen.value = value)}
                        options={offered.map((each) => [each, each])}
                    />
                )
            }
        >
            <Shown key={application} user={user} application={application} />
        </Card>
    );
}

function Shown({ user, application }: { user: string; application: string }) {
    const address = `${path`/v2/users/${user}/claims`}${query({ appId: application })}`;
    const of = useLoaded(`claims ${user} ${application}`, async ({ signal, quiet }) => {
        const { sub: _sub, ...claims } = await get<Claims>(address, { signal, quiet });
        return claims;
    });
    const asked = useSignal<"edit" | "remove" | undefined>(undefined);
    const close = () => (asked.value = undefined);
    const write = async (claims: Claims) => {
        await (Object.keys(claims).length ? put(address, claims) : remove(address));
        await of.reload();
    };
    return (
        <Read of={of} rows={2}>
            {(claims) => (
                <>
                    <p class="dim">{Object.keys(claims).length ? t.claims.text(application) : t.claims.none}</p>
                    <Facts
                        rows={Object.entries(claims).map(([name, value]): [string, Children] => [
                            t.claims.names[name] ?? name,
                            shown(value),
                        ])}
                    />
                    <div class="form-actions">
                        <Button onClick={() => (asked.value = "edit")}>
                            {Object.keys(claims).length ? t.apps.edit : t.claims.add}
                        </Button>
                        {Object.keys(claims).length > 0 && (
                            <Button kind="danger" onClick={() => (asked.value = "remove")}>
                                {t.claims.remove}
                            </Button>
                        )}
                    </div>
                    {asked.value === "edit" && (
                        <Edit user={user} application={application} of={claims} write={write} onClose={close} />
                    )}
                    {asked.value === "remove" && (
                        <ActionDialog
                            title={t.claims.removeTitle(user)}
                            action={t.claims.remove}
                            kind="danger"
                            onClose={close}
                            consequences={t.claims.removeText(application)}
                            run={async () => {
                                await write({});
                                toast(t.claims.removed, { undo: () => write(claims) });
                            }}
                        />
                    )}
                </>
            )}
        </Read>
    );
}

function shown(value: unknown): Children {
    if (typeof value === "boolean") return value ? t.apps.yes : t.apps.no;
    return textOfClaim(value);
}
const textOfClaim = (value: unknown) => (typeof value === "object" ? JSON.stringify(value) : String(value));

/** What a text stands for: an address is an object, some are numbers or true and false, and what was none stays none. */
function valueOf(name: string, text: string, before: unknown): unknown {
    if (name === "address") return addressOf(name, text);
    if (flags.includes(name) || typeof before === "boolean") {
        if (text === "true" || text === "false") return text === "true";
        throw new Error(t.claims.notFlag(name));
    }
    if (numbers.includes(name) || typeof before === "number") {
        if (Number.isFinite(Number(text))) return Number(text);
        throw new Error(t.claims.notNumber(name));
    }
    return text;
}

function addressOf(name: string, text: string): unknown {
    try {
        return JSON.parse(text);
    } catch {
        throw new Error(t.claims.notObject(name));
    }
}

interface Row {
    key: number;
    name: string;
    text: string;
}

interface EditProps {
    user: string;
    application: string;
    of: Claims;
    write: (claims: Claims) => Promise<void>;
    onClose: () => void;
}

function Edit({ user, application, of, write, onClose }: EditProps) {
    const key = useRef(0);
    const row = (name: string, text: string): Row => ({ key: ++key.current, name, text });
    const known = Object.entries(of).map(([name, value]) => row(name, textOfClaim(value)));
    const rows = useSignal(known.length ? known : [row("name", ""), row("email", "")]);
    const change = (which: Row, to: Partial<Row>) =>
        (rows.value = rows.value.map((each) => (each === which ? { ...each, ...to } : each)));
    return (
        <ActionDialog
            title={t.claims.editTitle(user)}
            action={t.actions.save}
            onClose={onClose}
            consequences={t.claims.editText(application)}
            run={async () => {
                const wanted: Claims = {};
                for (const { name, text } of rows.value) {
                    if (!name.trim() || !text.trim()) continue;
                    if (name.trim() in wanted) throw new Error(t.claims.twice(name.trim()));
                    wanted[name.trim()] = valueOf(name.trim(), text.trim(), of[name.trim()]);
                }
                await write(wanted);
                toast(t.claims.saved, { undo: () => write(of) });
            }}
        >
            <ul class="claims">
                {rows.value.map((each, i) => (
                    <li key={each.key}>
                        <Input
                            label={t.claims.nameOf(i + 1)}
                            hideLabel
                            value={each.name}
                            onValue={(name) => change(each, { name })}
                            placeholder={t.claims.name}
                            maxLength={64}
                        />
                        <Input
                            label={t.claims.valueOf(i + 1)}
                            hideLabel
                            value={each.text}
                            onValue={(text) => change(each, { text })}
                            placeholder={t.claims.value}
                        />
                        <Button
                            kind="ghost"
                            icon="close"
                            label={t.claims.drop(each.name || String(i + 1))}
                            onClick={() => (rows.value = rows.value.filter((one) => one !== each))}
                        />
                    </li>
                ))}
            </ul>
            <div class="form-actions">
                <Button icon="add" onClick={() => (rows.value = [...rows.value, row("", "")])}>
                    {t.claims.addOne}
                </Button>
            </div>
            <p class="hint">{t.claims.hint}</p>
        </ActionDialog>
    );
}
