// What can be done to a registration. Each says first what it leads to, and gives a way back afterwards where there is one.

import { useSignal } from "@preact/signals";
import { patch, path, post, put, query, remove, type Registration } from "../api";
import { t } from "../en";
import { can } from "../session";
import { ActionDialog, bound, Check, DroppableTags, Input, listOf, Select, toast } from "../ui";
import { Fingerprint } from "./registration";

interface Props {
    of: Registration;
    changed: () => Promise<void>;
    onClose: () => void;
}

const nameOf = (of: Registration) => of.name ?? of.registrationId.slice(0, 8);
const change = (of: Registration, body: Record<string, unknown>) =>
    put(path`/v2/registrations/${of.registrationId}`, body);

const hourMs = 3_600_000;
const spans = { forGood: 0, hour: hourMs, day: 24 * hourMs, week: 7 * 24 * hourMs, month: 30 * 24 * hourMs };

export function Block({ of, changed, onClose }: Props) {
    const reason = useSignal(of.registrationStatus === "BLOCKED" ? (of.blockedReason ?? "") : "LOST");
    const own = useSignal("");
    const span = useSignal<keyof typeof spans>("forGood");
    const cascade = useSignal(false);
    const run = async () => {
        const until = spans[span.value] ? Date.now() + spans[span.value] : undefined;
        await change(of, {
            change: "BLOCK",
            blockedReason: (reason.value === "" ? own.value.trim() : reason.value) || undefined,
            blockedUntil: until,
            cascade: cascade.value || undefined,
        });
        await changed();
        toast(t.block.done(nameOf(of)), {
            undo:
                of.registrationStatus !== "ACTIVE"
                    ? undefined
                    : async () => {
                          await change(of, { change: "UNBLOCK" });
                          await changed();
                      },
            undoText: t.unblock.open,
        });
    };
    return (
        <ActionDialog
            title={t.block.title(nameOf(of))}
            action={of.registrationStatus === "BLOCKED" ? t.block.changeAction : t.block.action}
            kind="danger"
            run={run}
            onClose={onClose}
            consequences={t.block.consequences(of.registrationStatus === "BLOCKED")}
        >
            {of.registrationStatus !== "BLOCKED" && (
                <>
                    <Select label={t.block.reason} {...bound(reason)} options={t.block.reasons} />
                    {reason.value === "" && (
                        <Input label={t.block.ownReason} {...bound(own)} maxLength={255} autofocus />
                    )}
                </>
            )}
            <Select
                label={t.block.until}
                value={span.value}
                onValue={(value) => (span.value = value as keyof typeof spans)}
                options={Object.entries(t.block.spans)}
            />
            {Boolean(of.childCount) && (
                <Check
                    label={t.block.cascade(of.childCount ?? 0)}
                    checked={cascade.value}
                    onValue={(value) => (cascade.value = value)}
                    hint={t.block.cascadeHint}
                />
            )}
        </ActionDialog>
    );
}

export function Unblock({ of, changed, onClose }: Props) {
    const run = async () => {
        await change(of, { change: "UNBLOCK" });
        await changed();
        toast(t.unblock.done(nameOf(of)), {
            undo: async () => {
                await change(of, {
                    change: "BLOCK",
                    blockedReason: of.blockedReason,
                    blockedUntil: of.blockedUntil && of.blockedUntil > Date.now() ? of.blockedUntil : undefined,
                });
                await changed();
            },
            undoText: t.unblock.undo,
        });
    };
    return (
        <ActionDialog
            title={t.unblock.title(nameOf(of))}
            action={t.unblock.action}
            run={run}
            onClose={onClose}
            consequences={t.unblock.consequences(of.maxFailedAttempts, of.blockedReason)}
        />
    );
}

export function Reset({ of, changed, onClose }: Props) {
    const run = async () => {
        await put(path`/v2/registrations/${of.registrationId}/lockout`, { reset: true });
        await changed();
        toast(t.reset.done);
    };
    return (
        <ActionDialog
            title={t.reset.title(nameOf(of))}
            action={t.reset.action}
            run={run}
            onClose={onClose}
            consequences={t.reset.consequences(of.failedAttempts, of.maxFailedAttempts)}
        />
    );
}

export function Remove({ of, changed, onClose }: Props) {
    const reason = useSignal("");
    const run = async () => {
        await remove(`${path`/v2/registrations/${of.registrationId}`}${query({ reason: reason.value.trim() })}`);
        await changed();
        toast(t.remove.done(nameOf(of)));
    };
    return (
        <ActionDialog
            title={t.remove.title(nameOf(of))}
            action={t.remove.action}
            kind="danger"
            run={run}
            onClose={onClose}
            typed={of.userId}
            consequences={t.remove.consequences(of.childCount ?? 0)}
        >
            <Input label={t.remove.reason} {...bound(reason)} maxLength={255} />
        </ActionDialog>
    );
}

export function Rename({ of, changed, onClose }: Props) {
    const name = useSignal(of.name ?? "");
    const rename = (to: string) => put(path`/v2/registrations/${of.registrationId}/name`, { name: to });
    const run = async () => {
        await rename(name.value.trim());
        await changed();
        const before = of.name;
        const undo = before
            ? () => rename(before)
            : can.manage.value
              ? () => patch(path`/v2/registrations/${of.registrationId}`, { name: null })
              : undefined;
        toast(t.rename.done(name.value.trim()), {
            undo:
                undo &&
                (async () => {
                    await undo();
                    await changed();
                }),
        });
    };
    return (
        <ActionDialog
            title={t.rename.title}
            action={t.rename.action}
            run={run}
            onClose={onClose}
            mayRun={name.value.trim() !== "" && name.value.trim() !== of.name}
        >
            <Input label={t.fields.name} {...bound(name)} maxLength={255} hint={t.rename.hint} autofocus />
        </ActionDialog>
    );
}

export function ChangeFlags({ of, changed, onClose }: Props) {
    const flags = useSignal(of.flags);
    const fresh = useSignal("");
    const add = () => {
        flags.value = [...new Set([...flags.value, ...listOf(fresh.value)])].sort();
        fresh.value = "";
    };
    const address = path`/v2/registrations/${of.registrationId}/flags`;
    // Only what is changed here: what somebody else does meanwhile stays.
    const apply = async (added: string[], removed: string[]) => {
        if (added.length) await post(address, { flags: added });
        if (removed.length) await remove(`${address}${query({ flag: removed })}`);
        await changed();
    };
    const run = async () => {
        add();
        const added = flags.value.filter((each) => !of.flags.includes(each));
        const removed = of.flags.filter((each) => !flags.value.includes(each));
        await apply(added, removed);
        if (added.length || removed.length) toast(t.flags.done, { undo: () => apply(removed, added) });
    };
    return (
        <ActionDialog
            title={t.flags.title(nameOf(of))}
            action={t.flags.action}
            run={run}
            onClose={onClose}
            consequences={t.flags.consequences}
        >
            <DroppableTags
                of={flags.value}
                none={t.flags.none}
                dropText={t.flags.drop}
                onDrop={(which) => (flags.value = flags.value.filter((each) => each !== which))}
            />
            <Input
                label={t.flags.add}
                {...bound(fresh)}
                hint={t.flags.addHint}
                autofocus
                maxLength={255}
                onKeyDown={(event) => {
                    if (event.key === "Enter" && fresh.value.trim()) {
                        event.preventDefault();
                        add();
                    }
                }}
            />
        </ActionDialog>
    );
}

export function Commit({ of, changed, onClose }: Props) {
    const otp = useSignal("");
    const same = useSignal(false);
    const run = async () => {
        await post(path`/v2/registrations/${of.registrationId}/commit`, { otp: otp.value || undefined });
        await changed();
        toast(t.commit.done(nameOf(of)));
    };
    return (
        <ActionDialog
            title={t.commit.title(nameOf(of))}
            action={t.commit.action}
            run={run}
            onClose={onClose}
            mayRun={same.value || !of.activationFingerprint}
            consequences={t.commit.consequences(of.userId)}
        >
            {of.activationFingerprint && (
                <>
                    <Fingerprint of={of.activationFingerprint} />
                    <Check label={t.commit.same} checked={same.value} onValue={(value) => (same.value = value)} />
                </>
            )}
            <Input label={t.commit.otp} {...bound(otp)} hint={t.commit.otpHint} autocomplete="off" maxLength={64} />
        </ActionDialog>
    );
}

export function PassOn({ of, onClose, onMade }: Props & { onMade: (id: string) => void }) {
    const type = useSignal("SPAWN");
    const run = async () => {
        const made = await post<Registration>(path`/v2/registrations/${of.registrationId}/transfer`, {
            type: type.value,
        });
        onMade(made.registrationId);
    };
    return (
        <ActionDialog
            title={t.pass.title(nameOf(of))}
            action={t.pass.action}
            run={run}
            onClose={onClose}
            consequences={t.pass.consequences(type.value === "MOVE")}
        >
            <Select label={t.pass.type} {...bound(type)} options={t.pass.types} />
        </ActionDialog>
    );
}
