// The same change for many registrations: first who it would be about, then how far it has come.

import { useSignal } from "@preact/signals";
import { get, path, post, remove, states, type Registration } from "../api";
import { t } from "../en";
import { at } from "../router";
import { can, me } from "../session";
import { Time } from "../time";
import {
    ActionDialog,
    Button,
    Card,
    Empty,
    Input,
    listOf,
    Notice,
    Opens,
    Page,
    Read,
    Select,
    StateBadge,
    Tag,
    TextArea,
    textOf,
    toast,
    useForm,
    useLoaded,
    usePoll,
} from "../ui";

interface Job {
    jobId: string;
    change: string;
    state: "RUNNING" | "DONE" | "CANCELLED";
    matched: number;
    done: number;
    skipped: number;
    failedCount: number;
    failed: { registrationId: string; code: string }[];
    account?: string;
    timestampCreated: number;
    timestampFinished?: number;
}
interface Preview {
    matched: number;
    sample: Registration[];
}

const lines = (text: string) =>
    text
        .split(/[\s,;]+/)
        .map((each) => each.trim())
        .filter(Boolean);
const dayMs = 86_400_000;

export function Jobs() {
    const of = useLoaded(
        "jobs",
        async ({ signal, quiet }) => (await get<{ jobs: Job[] }>("/v2/jobs", { signal, quiet })).jobs,
    );
    const isRunning = of.value?.some((each) => each.state === "RUNNING") ?? false;
    usePoll(isRunning ? 700 : 5_000, () => void of.reload(true));
    return (
        <Page title={t.nav.jobs} subtitle={t.jobs.subtitle}>
            <div class="stack">
                <Start started={() => of.reload()} />
                <Card title={t.jobs.list}>
                    <Read of={of}>
                        {(jobs) =>
                            jobs.length === 0 ? (
                                <Empty title={t.jobs.none} icon="jobs" />
                            ) : (
                                <ul class="jobs">
                                    {jobs.map((each) => (
                                        <li key={each.jobId}>
                                            <JobRow of={each} changed={() => of.reload()} />
                                        </li>
                                    ))}
                                </ul>
                            )
                        }
                    </Read>
                </Card>
            </div>
        </Page>
    );
}

function JobRow({ of, changed }: { of: Job; changed: () => Promise<void> }) {
    const worked = of.done + of.skipped + of.failedCount;
    return (
        <article class="job">
            <div class="card-head">
                <h3>{t.jobs.changes[of.change] ?? of.change}</h3>
                <Tag
                    tone={
                        of.state === "DONE" ? (of.failedCount ? "warn" : "good") : of.state === "CANCELLED" ? "bad" : ""
                    }
                >
                    {t.jobs.states[of.state]}
                </Tag>
                <span class="dim">
                    {of.account && t.jobs.by(of.account)} <Time at={of.timestampCreated} />
                </span>
                {of.state === "RUNNING" && (
                    <Opens text={t.jobs.cancel} kind="danger">
                        {(close) => (
                            <ActionDialog
                                title={t.jobs.cancelTitle}
                                action={t.jobs.cancel}
                                kind="danger"
                                onClose={close}
                                consequences={t.jobs.cancelText}
                                run={async () => {
                                    await remove(path`/v2/jobs/${of.jobId}`);
                                    await changed();
                                }}
                            />
                        )}
                    </Opens>
                )}
            </div>
            <progress
                max={Math.max(1, of.matched)}
                value={of.matched === 0 ? 1 : worked}
                aria-label={t.jobs.progress(worked, of.matched)}
            />
            <p>{t.jobs.counts(of.done, of.skipped, of.failedCount, of.matched)}</p>
            {of.failed.length > 0 && (
                <details>
                    <summary>{t.jobs.failed(of.failedCount)}</summary>
                    <ul class="family">
                        {of.failed.map((each) => (
                            <li key={each.registrationId}>
                                <a href={at("registrations", each.registrationId)}>{each.registrationId}</a>{" "}
                                <span class="dim">{t.problem.codes[each.code] ?? each.code}</span>
                            </li>
                        ))}
                    </ul>
                </details>
            )}
        </article>
    );
}

function Start({ started }: { started: () => Promise<void> }) {
    const preview = useSignal<Preview | undefined>(undefined);
    const busy = useSignal(false);
    const fault = useSignal<unknown>(undefined);
    const asking = useSignal(false);
    const { v, text } = useForm(
        {
            change: "BLOCK",
            by: "filter",
            ids: "",
            users: "",
            app: "",
            state: "",
            flag: "",
            unused: "",
            flags: "",
            reason: "",
        },
        () => (preview.value = undefined),
    );
    const isFlags = v.change.endsWith("FLAGS");
    const body = () => ({
        change: v.change,
        ...(v.by === "ids"
            ? { registrationIds: lines(v.ids) }
            : {
                  filter: {
                      userIds: lines(v.users).length ? lines(v.users) : undefined,
                      appIds: v.app.trim() ? [v.app.trim()] : undefined,
                      status: v.state ? [v.state] : undefined,
                      flags: lines(v.flag).length ? lines(v.flag) : undefined,
                      lastUsedBefore: Number(v.unused) > 0 ? Date.now() - Number(v.unused) * dayMs : undefined,
                  },
              }),
        flags: isFlags ? listOf(v.flags) : undefined,
        blockedReason: v.change === "BLOCK" && v.reason ? v.reason : undefined,
        reason: v.change === "REMOVE" && v.reason ? v.reason : undefined,
    });
    const look = async (event: Event) => {
        event.preventDefault();
        busy.value = true;
        fault.value = undefined;
        try {
            preview.value = await post<Preview>("/v2/registrations/bulk", {
                ...body(),
                maxAffected: 100_000,
                dryRun: true,
            });
        } catch (problem) {
            fault.value = problem;
        }
        busy.value = false;
    };
    const changes = Object.entries(t.jobs.changes).filter(
        ([each]) => !each.endsWith("_USER") && (each !== "REMOVE" || can.remove.value),
    );
    return (
        <Card title={t.jobs.start}>
            <form class="form wide" onSubmit={look}>
                <div class="form-row">
                    <Select label={t.jobs.change} {...text("change")} options={changes} />
                    {isFlags && <Input label={t.fields.flags} {...text("flags")} hint={t.create.flagsHint} required />}
                    {(v.change === "BLOCK" || v.change === "REMOVE") && (
                        <Input label={t.jobs.reason} {...text("reason")} maxLength={255} />
                    )}
                    <Select label={t.jobs.by_} {...text("by")} options={t.jobs.bys} />
                </div>
                {v.by === "ids" ? (
                    <TextArea label={t.jobs.ids} {...text("ids")} hint={t.jobs.idsHint(lines(v.ids).length)} />
                ) : (
                    <div class="form-row tight">
                        <Input label={t.jobs.users} {...text("users")} hint={t.jobs.usersHint} />
                        <Input label={t.fields.application} {...text("app")} placeholder={me.value?.applications[0]} />
                        <Select
                            label={t.find.state}
                            {...text("state")}
                            options={[
                                ["", t.find.anyState],
                                ...states.map((each): [string, string] => [each, t.states[each]]),
                            ]}
                        />
                        <Input label={t.find.flag} {...text("flag")} />
                        <Input
                            label={t.jobs.unused}
                            {...text("unused")}
                            type="number"
                            min={0}
                            max={10_000}
                            hint={t.jobs.unusedHint}
                        />
                    </div>
                )}
                {fault.value !== undefined && (
                    <Notice tone="bad">
                        <p>{textOf(fault.value)}</p>
                    </Notice>
                )}
                <div class="form-actions">
                    <Button type="submit" busy={busy.value}>
                        {t.jobs.preview}
                    </Button>
                </div>
            </form>
            {preview.value && (
                <div class="preview" aria-live="polite">
                    <p>
                        <b>{t.jobs.matched(preview.value.matched)}</b>
                    </p>
                    <ul class="family">
                        {preview.value.sample.map((each) => (
                            <li key={each.registrationId}>
                                <StateBadge of={each.registrationStatus} />{" "}
                                <a href={at("registrations", each.registrationId)}>{each.userId}</a>{" "}
                                <span class="dim">
                                    {each.name} · {each.applicationId}
                                </span>
                            </li>
                        ))}
                    </ul>
                    {preview.value.matched > 0 && (
                        <Button
                            kind={v.change === "REMOVE" ? "danger" : "primary"}
                            onClick={() => (asking.value = true)}
                        >
                            {t.jobs.go(t.jobs.changes[v.change] ?? v.change, preview.value.matched)}
                        </Button>
                    )}
                </div>
            )}
            {asking.value && preview.value && (
                <ActionDialog
                    title={t.jobs.go(t.jobs.changes[v.change] ?? v.change, preview.value.matched)}
                    action={t.jobs.begin}
                    kind={v.change === "REMOVE" || v.change === "BLOCK" ? "danger" : "primary"}
                    typed={String(preview.value.matched)}
                    onClose={() => (asking.value = false)}
                    consequences={t.jobs.consequences(v.change)}
                    run={async () => {
                        // Exactly what was shown, or nothing.
                        await post("/v2/registrations/bulk", {
                            ...body(),
                            maxAffected: Math.max(1, preview.value?.matched ?? 1),
                        });
                        preview.value = undefined;
                        await started();
                        toast(t.jobs.started);
                    }}
                />
            )}
        </Card>
    );
}
