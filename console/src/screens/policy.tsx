// The lockout policy of an application, and what another one would have made of the attempts that were recorded.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get, path, post, put } from "../api";
import { t } from "../en";
import { span } from "../time";
import { ActionDialog, Button, Card, Check, Facts, Fault, Input, Notice, Read, Select, toast, useLoaded } from "../ui";

export interface BreakerRule {
    least: number;
    factor: number;
    window: number;
    pause: number;
}
interface Policy {
    maxFailedAttempts: number;
    countOnlyIfPossessionProven: boolean;
    unproven: { perMinute: number };
    counters: "shared" | "perFactor";
    resetOn: "ANY" | "KNOWLEDGE";
    window: number;
    block: "permanent" | "temporary";
    temporary?: {
        first: number;
        max: number;
        multiplier: number;
        attemptsAfterExpiry: number;
        maxBlocks: number;
        thenAction: "BLOCK" | "REMOVE";
    };
    /** Absent where there is none. */
    breaker?: BreakerRule;
    hints: { remainingAttempts: boolean; blockedUntil: boolean };
}
interface Simulation {
    attempts: number;
    registrations: number;
    lockouts: number;
    registrationsLockedOut: number;
    removals: number;
    probableFalseLockouts: number;
    complete: boolean;
    timestampTo?: number;
}

const minute = 60_000;
const day = 24 * 60 * minute;
const temporaryAtFirst = {
    first: 5 * minute,
    max: day,
    multiplier: 2,
    attemptsAfterExpiry: 1,
    maxBlocks: 0,
    thenAction: "BLOCK" as const,
};
const breakerAtFirst: BreakerRule = { least: 100, factor: 10, window: 5 * minute, pause: 15 * minute };

interface Part {
    application: string;
    changed: () => Promise<void>;
}

export function PolicyCard({ application, changed }: Part) {
    const base = path`/admin/applications/${application}/lockout-policy`;
    const of = useLoaded(`policy ${application}`, ({ signal, quiet }) => get<Policy>(base, { signal, quiet }));
    return (
        <Card title={t.policy.title}>
            <Read of={of}>
                {(now) => (
                    <Editor
                        application={application}
                        now={now}
                        changed={async () => {
                            await of.reload();
                            await changed();
                        }}
                    />
                )}
            </Read>
        </Card>
    );
}

function Editor({ application, now, changed }: Part & { now: Policy }) {
    const base = path`/admin/applications/${application}/lockout-policy`;
    const draft = useSignal<Policy | undefined>(undefined);
    const saving = useSignal(false);
    const busy = useSignal(false);
    const fault = useSignal<unknown>(undefined);
    const results = useSignal<{ now: Simulation; then: Simulation } | undefined>(undefined);
    const wanted = draft.value ?? now;
    const isChanged = draft.value !== undefined && JSON.stringify(draft.value) !== JSON.stringify(now);
    const set = (change: Partial<Policy>) => {
        draft.value = { ...wanted, ...change };
        results.value = undefined;
    };
    const temporary = wanted.temporary ?? temporaryAtFirst;
    const setTemporary = (change: Partial<typeof temporary>) => set({ temporary: { ...temporary, ...change } });
    const setBreaker = (change: Partial<BreakerRule>) =>
        set({ breaker: { ...(wanted.breaker ?? breakerAtFirst), ...change } });
    const body = (of: Policy) => (of.block === "temporary" ? of : { ...of, temporary: undefined });
    const simulate = async () => {
        busy.value = true;
        fault.value = undefined;
        try {
            const before = await post<Simulation>(`${base}/simulate`, body(now)); // one at a time
            results.value = { now: before, then: await post<Simulation>(`${base}/simulate`, body(wanted)) };
        } catch (problem) {
            fault.value = problem;
        }
        busy.value = false;
    };
    return (
        <>
            <p class="sentence">
                {t.policy.sentence(
                    wanted.maxFailedAttempts,
                    wanted.block === "temporary" ? span(temporary.first) : undefined,
                    temporary.multiplier,
                    span(temporary.max),
                    wanted.window ? span(wanted.window) : undefined,
                )}
            </p>
            <div class="policy">
                <div class="form">
                    <div class="form-row">
                        <NumberInput
                            label={t.policy.max}
                            value={wanted.maxFailedAttempts}
                            onValue={(maxFailedAttempts) => set({ maxFailedAttempts })}
                            range={[1, wanted.counters === "perFactor" ? 127 : 255]}
                        />
                        <Select
                            label={t.policy.block}
                            value={wanted.block}
                            onValue={(value) =>
                                set({
                                    block: value as Policy["block"],
                                    temporary: value === "temporary" ? temporary : undefined,
                                })
                            }
                            options={t.policy.blocks}
                        />
                    </div>
                    {wanted.block === "temporary" && (
                        <>
                            <div class="form-row">
                                <SpanSelect
                                    label={t.policy.first}
                                    value={temporary.first}
                                    onValue={(first) => setTemporary({ first, max: Math.max(temporary.max, first) })}
                                    offered={[minute, 5 * minute, 15 * minute, 60 * minute]}
                                />
                                <SpanSelect
                                    label={t.policy.most}
                                    value={temporary.max}
                                    onValue={(max) => setTemporary({ max: Math.max(max, temporary.first) })}
                                    offered={[60 * minute, day, 7 * day]}
                                />
                            </div>
                            <div class="form-row">
                                <NumberInput
                                    label={t.policy.multiplier}
                                    value={temporary.multiplier}
                                    onValue={(multiplier) => setTemporary({ multiplier })}
                                    range={[1, 100]}
                                />
                                <NumberInput
                                    label={t.policy.afterExpiry}
                                    value={temporary.attemptsAfterExpiry}
                                    onValue={(attemptsAfterExpiry) => setTemporary({ attemptsAfterExpiry })}
                                    range={[1, 254]}
                                    hint={t.policy.afterExpiryHint}
                                />
                            </div>
                            <div class="form-row">
                                <NumberInput
                                    label={t.policy.maxBlocks}
                                    value={temporary.maxBlocks}
                                    onValue={(maxBlocks) => setTemporary({ maxBlocks })}
                                    range={[0, 255]}
                                    hint={t.policy.maxBlocksHint}
                                />
                                <Select
                                    label={t.policy.thenAction}
                                    value={temporary.thenAction}
                                    onValue={(value) => setTemporary({ thenAction: value as "BLOCK" | "REMOVE" })}
                                    options={t.policy.thenActions}
                                />
                            </div>
                        </>
                    )}
                    <div class="form-row">
                        <SpanSelect
                            label={t.policy.window}
                            value={wanted.window}
                            onValue={(window) => set({ window })}
                            offered={[0, 60 * minute, day, 30 * day]}
                        />
                        <Select
                            label={t.policy.counters}
                            value={wanted.counters}
                            onValue={(value) =>
                                set({
                                    counters: value as Policy["counters"],
                                    maxFailedAttempts:
                                        value === "perFactor"
                                            ? Math.min(127, wanted.maxFailedAttempts)
                                            : wanted.maxFailedAttempts,
                                })
                            }
                            options={t.policy.counterKinds}
                        />
                    </div>
                    <div class="form-row">
                        <Select
                            label={t.policy.resetOn}
                            value={wanted.resetOn}
                            onValue={(value) => set({ resetOn: value as Policy["resetOn"] })}
                            options={t.policy.resets}
                        />
                        <NumberInput
                            label={t.policy.unproven}
                            value={wanted.unproven.perMinute}
                            onValue={(perMinute) => set({ unproven: { perMinute } })}
                            range={[0, 6000]}
                            hint={t.policy.unprovenHint}
                        />
                    </div>
                    <Check
                        label={t.policy.onlyProven}
                        checked={wanted.countOnlyIfPossessionProven}
                        onValue={(value) => set({ countOnlyIfPossessionProven: value })}
                        hint={t.policy.onlyProvenHint}
                    />
                    <Check
                        label={t.policy.breaker}
                        checked={wanted.breaker !== undefined}
                        onValue={(value) => set({ breaker: value ? breakerAtFirst : undefined })}
                        hint={t.policy.breakerHint}
                    />
                    {wanted.breaker && (
                        <>
                            <div class="form-row">
                                <NumberInput
                                    label={t.policy.breakerLeast}
                                    value={wanted.breaker.least}
                                    onValue={(least) => setBreaker({ least })}
                                    range={[1, 65_535]}
                                />
                                <SpanSelect
                                    label={t.policy.breakerWindow}
                                    value={wanted.breaker.window}
                                    onValue={(window) => setBreaker({ window })}
                                    offered={[minute, 5 * minute, 15 * minute, 60 * minute]}
                                />
                            </div>
                            <div class="form-row">
                                <NumberInput
                                    label={t.policy.breakerFactor}
                                    value={wanted.breaker.factor}
                                    onValue={(factor) => setBreaker({ factor })}
                                    range={[1, 65_535]}
                                />
                                <SpanSelect
                                    label={t.policy.breakerPause}
                                    value={wanted.breaker.pause}
                                    onValue={(pause) => setBreaker({ pause })}
                                    offered={[5 * minute, 15 * minute, 60 * minute, day]}
                                />
                            </div>
                        </>
                    )}
                    <fieldset>
                        <legend>{t.policy.hints}</legend>
                        <Check
                            label={t.policy.hintRemaining}
                            checked={wanted.hints.remainingAttempts}
                            onValue={(remainingAttempts) => set({ hints: { ...wanted.hints, remainingAttempts } })}
                        />
                        <Check
                            label={t.policy.hintUntil}
                            checked={wanted.hints.blockedUntil}
                            onValue={(blockedUntil) => set({ hints: { ...wanted.hints, blockedUntil } })}
                        />
                    </fieldset>
                    {fault.value !== undefined && <Fault of={fault.value} />}
                    <div class="form-actions">
                        <Button busy={busy.value} onClick={() => void simulate()}>
                            {t.policy.simulate}
                        </Button>
                        <Button kind="primary" disabled={!isChanged} onClick={() => (saving.value = true)}>
                            {t.policy.save}
                        </Button>
                        {isChanged && (
                            <Button
                                kind="ghost"
                                onClick={() => {
                                    draft.value = undefined;
                                    results.value = undefined;
                                }}
                            >
                                {t.policy.discard}
                            </Button>
                        )}
                    </div>
                </div>
                <div class="simulation" aria-live="polite">
                    {results.value ? (
                        <Picture of={results.value} isChanged={isChanged} />
                    ) : (
                        <p class="dim">{t.policy.simulateText}</p>
                    )}
                </div>
            </div>
            {saving.value && (
                <ActionDialog
                    title={t.policy.saveTitle(application)}
                    action={t.policy.save}
                    onClose={() => (saving.value = false)}
                    consequences={t.policy.saveText}
                    run={async () => {
                        await put(base, body(wanted));
                        draft.value = undefined;
                        results.value = undefined;
                        await changed();
                        toast(t.policy.saved, {
                            undo: async () => {
                                await put(base, body(now));
                                await changed();
                            },
                        });
                    }}
                />
            )}
        </>
    );
}

function NumberInput({
    label,
    value,
    onValue,
    range: [least, most],
    hint,
}: {
    label: string;
    value: number;
    onValue: (value: number) => void;
    range: [least: number, most: number];
    hint?: string;
}) {
    const text = useSignal(String(value));
    useEffect(() => {
        if (Number(text.value) !== value) text.value = String(value);
    }, [value]);
    return (
        <Input
            label={label}
            type="number"
            min={least}
            max={most}
            value={text.value}
            onValue={(written) => {
                text.value = written; // whatever it is on the way
                const number = Number(written);
                if (written !== "" && Number.isInteger(number) && number >= least && number <= most) onValue(number);
            }}
            onBlur={() => (text.value = String(value))}
            {...(hint ? { hint } : {})}
        />
    );
}

/** A span of time: those that are offered, and what it is now. */
function SpanSelect({
    label,
    value,
    onValue,
    offered,
}: {
    label: string;
    value: number;
    onValue: (value: number) => void;
    offered: number[];
}) {
    return (
        <Select
            label={label}
            value={String(value)}
            onValue={(text) => onValue(Number(text))}
            options={[...new Set([...offered, value])]
                .sort((a, b) => a - b)
                .map((each) => [String(each), each === 0 ? t.policy.never : span(each)])}
        />
    );
}

/** What the two policies would have done, side by side. */
function Picture({ of, isChanged }: { of: { now: Simulation; then: Simulation }; isChanged: boolean }) {
    const rows: [string, keyof Simulation][] = [
        [t.policy.lockouts, "lockouts"],
        [t.policy.lockedOut, "registrationsLockedOut"],
        [t.policy.falseLockouts, "probableFalseLockouts"],
        [t.policy.removals, "removals"],
    ];
    const most = Math.max(1, ...rows.flatMap(([, key]) => [Number(of.now[key]), Number(of.then[key])]));
    return (
        <>
            <h3>{t.policy.wouldHave(of.then.registrationsLockedOut, of.then.registrations, isChanged)}</h3>
            <dl class="compare">
                {rows.map(([name, key]) => (
                    <div key={key}>
                        <dt>{name}</dt>
                        <dd>
                            <span class="hidden">{t.policy.compare(Number(of.now[key]), Number(of.then[key]))}</span>
                            <svg viewBox="0 0 200 30" aria-hidden="true" preserveAspectRatio="none">
                                <rect
                                    class="bar quiet"
                                    x="0"
                                    y="2"
                                    width={Math.max(1, (200 * Number(of.now[key])) / most)}
                                    height="11"
                                />
                                <rect
                                    class="bar info"
                                    x="0"
                                    y="16"
                                    width={Math.max(1, (200 * Number(of.then[key])) / most)}
                                    height="11"
                                />
                            </svg>
                            <span class="numbers" aria-hidden="true">
                                <span>{t.number(Number(of.now[key]))}</span>
                                <b>{t.number(Number(of.then[key]))}</b>
                            </span>
                        </dd>
                    </div>
                ))}
            </dl>
            <p class="legend-row">
                <span class="legend quiet">
                    <i aria-hidden="true" />
                    {t.policy.now}
                </span>{" "}
                <span class="legend info">
                    <i aria-hidden="true" />
                    {t.policy.then}
                </span>
            </p>
            <Facts
                rows={[
                    [t.policy.attempts, t.number(of.then.attempts)],
                    [t.policy.registrations, t.number(of.then.registrations)],
                ]}
            />
            {!of.then.complete && (
                <Notice tone="warn">
                    <p>{t.policy.incomplete}</p>
                </Notice>
            )}
        </>
    );
}
