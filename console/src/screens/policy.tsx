// The lockout policy of an application, and what another one would have made of the attempts that were recorded.

import { useSignal } from "@preact/signals";
import { get, path, post, put } from "../api";
import { t } from "../en";
import { span } from "../time";
import {
    ActionDialog,
    Button,
    Card,
    Check,
    Facts,
    Fault,
    Input,
    Notice,
    Select,
    Skeleton,
    toast,
    useLoaded,
} from "../ui";

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
    breaker: { least: number; factor: number; window: number; pause: number } | null;
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

export function PolicyCard({ application }: { application: string }) {
    const base = path`/admin/applications/${application}/lockout-policy`;
    const of = useLoaded(`policy ${application}`, ({ signal, quiet }) => get<Policy>(base, { signal, quiet }));
    const draft = useSignal<Policy | undefined>(undefined);
    const saving = useSignal(false);
    const busy = useSignal(false);
    const fault = useSignal<unknown>(undefined);
    const results = useSignal<{ now: Simulation; then: Simulation } | undefined>(undefined);
    if (of.fault !== undefined)
        return (
            <Card title={t.policy.title}>
                <Fault of={of.fault} again={() => void of.reload()} />
            </Card>
        );
    const now = of.value;
    if (!now)
        return (
            <Card title={t.policy.title}>
                <Skeleton />
            </Card>
        );
    const wanted = draft.value ?? now;
    const isChanged = draft.value !== undefined && JSON.stringify(draft.value) !== JSON.stringify(now);
    const set = (change: Partial<Policy>) => {
        draft.value = { ...wanted, ...change };
        results.value = undefined;
    };
    const temporary = wanted.temporary ?? {
        first: 300_000,
        max: 86_400_000,
        multiplier: 2,
        attemptsAfterExpiry: 1,
        maxBlocks: 0,
        thenAction: "BLOCK" as const,
    };
    const setTemporary = (change: Partial<typeof temporary>) => set({ temporary: { ...temporary, ...change } });
    const number = (text: string, least: number, most: number) =>
        Math.max(least, Math.min(most, Math.round(Number(text)) || least));
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
    const spans = (values: number[], current: number): [string, string][] =>
        [...new Set([...values, current])]
            .sort((a, b) => a - b)
            .map((each) => [String(each), each === 0 ? t.policy.never : span(each)]);
    const minute = 60_000;
    return (
        <Card title={t.policy.title}>
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
                        <Input
                            label={t.policy.max}
                            type="number"
                            min={1}
                            max={255}
                            value={String(wanted.maxFailedAttempts)}
                            onValue={(value) => set({ maxFailedAttempts: number(value, 1, 255) })}
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
                                <Select
                                    label={t.policy.first}
                                    value={String(temporary.first)}
                                    onValue={(value) =>
                                        setTemporary({
                                            first: Number(value),
                                            max: Math.max(temporary.max, Number(value)),
                                        })
                                    }
                                    options={spans([minute, 5 * minute, 15 * minute, 60 * minute], temporary.first)}
                                />
                                <Input
                                    label={t.policy.multiplier}
                                    type="number"
                                    min={1}
                                    max={100}
                                    value={String(temporary.multiplier)}
                                    onValue={(value) => setTemporary({ multiplier: number(value, 1, 100) })}
                                />
                                <Select
                                    label={t.policy.most}
                                    value={String(temporary.max)}
                                    onValue={(value) => setTemporary({ max: Math.max(Number(value), temporary.first) })}
                                    options={spans(
                                        [60 * minute, 24 * 60 * minute, 7 * 24 * 60 * minute],
                                        temporary.max,
                                    )}
                                />
                            </div>
                            <div class="form-row">
                                <Input
                                    label={t.policy.maxBlocks}
                                    type="number"
                                    min={0}
                                    max={255}
                                    value={String(temporary.maxBlocks)}
                                    onValue={(value) => setTemporary({ maxBlocks: number(value, 0, 255) })}
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
                        <Select
                            label={t.policy.window}
                            value={String(wanted.window)}
                            onValue={(value) => set({ window: Number(value) })}
                            options={spans([0, 60 * minute, 24 * 60 * minute, 30 * 24 * 60 * minute], wanted.window)}
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
                        <Select
                            label={t.policy.resetOn}
                            value={wanted.resetOn}
                            onValue={(value) => set({ resetOn: value as Policy["resetOn"] })}
                            options={t.policy.resets}
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
                        checked={wanted.breaker !== null}
                        onValue={(value) =>
                            set({
                                breaker: value
                                    ? { least: 100, factor: 10, window: 5 * minute, pause: 15 * minute }
                                    : null,
                            })
                        }
                        hint={t.policy.breakerHint}
                    />
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
                    consequences={
                        <ul>
                            {t.policy.saveText.map((each) => (
                                <li key={each}>{each}</li>
                            ))}
                        </ul>
                    }
                    run={async () => {
                        await put(base, body(wanted));
                        draft.value = undefined;
                        results.value = undefined;
                        await of.reload();
                        toast(t.policy.saved, {
                            undo: async () => {
                                await put(base, body(now));
                                await of.reload();
                            },
                        });
                    }}
                />
            )}
        </Card>
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
