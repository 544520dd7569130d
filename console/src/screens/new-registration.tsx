// A new registration: who, in which application; then the code, until the phone is there.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get, path, post, type Registration } from "../api";
import { t } from "../en";
import { follow } from "../feed";
import { at, go, place } from "../router";
import { me } from "../session";
import {
    bound,
    Button,
    Card,
    Fault,
    Input,
    LinkButton,
    listOf,
    Notice,
    Page,
    Read,
    Select,
    StateBadge,
    useApplications,
    useLoaded,
    usePoll,
} from "../ui";
import { Invitation } from "./invitation";
import { Fingerprint } from "./registration";
import { Commit } from "./registration-actions";

const minuteMs = 60_000;
const lives: Record<string, number> = {
    short: 5 * minuteMs,
    hour: 60 * minuteMs,
    day: 24 * 60 * minuteMs,
    month: 30 * 24 * 60 * minuteMs,
};

export function NewRegistration() {
    const id = place.value.path[1];
    return id ? <Arrival id={id} /> : <Form />;
}

function Form() {
    const user = useSignal(place.value.query.get("user") ?? "");
    const app = useSignal(me.value?.applications[0] ?? "");
    const name = useSignal("");
    const flags = useSignal("");
    const otp = useSignal("");
    const phase = useSignal("ON_COMMIT");
    const life = useSignal("short");
    const busy = useSignal(false);
    const fault = useSignal<unknown>(undefined);
    const applications = useApplications();
    useEffect(() => {
        if (!app.value && applications.value?.[0]) app.value = applications.value[0];
    }, [applications.value]);
    const submit = async (event: Event) => {
        event.preventDefault();
        busy.value = true;
        fault.value = undefined;
        try {
            const lifeMs = lives[life.value] ?? 0;
            const made = await post<Registration>("/v2/registrations", {
                userId: user.value.trim(),
                appId: app.value,
                name: name.value.trim() || undefined,
                flags: listOf(flags.value),
                otp: otp.value || undefined,
                commitPhase: phase.value,
                timestampRegistrationExpire: life.value === "short" ? undefined : Date.now() + lifeMs - minuteMs,
            });
            go(at("new", made.registrationId));
        } catch (problem) {
            fault.value = problem;
        }
        busy.value = false;
    };
    return (
        <Page title={t.nav.new} subtitle={t.create.subtitle} back={{ href: at("find"), text: t.nav.find }}>
            {applications.value?.length === 0 && (
                <Notice tone="warn">
                    <p>{t.create.noApplication}</p>
                </Notice>
            )}
            <Card>
                <form class="form" onSubmit={submit}>
                    <Input
                        label={t.fields.user}
                        {...bound(user)}
                        required
                        autofocus
                        maxLength={255}
                        hint={t.create.userHint}
                        autocomplete="off"
                    />
                    <Select
                        label={t.fields.application}
                        {...bound(app)}
                        options={(applications.value ?? []).map((each) => [each, each])}
                    />
                    <Input
                        label={t.create.name}
                        {...bound(name)}
                        maxLength={255}
                        hint={t.create.nameHint}
                        autocomplete="off"
                    />
                    <div class="form-row">
                        <Select label={t.create.phase} {...bound(phase)} options={t.create.phases} />
                        <Select label={t.create.life} {...bound(life)} options={Object.entries(t.create.lives)} />
                    </div>
                    <div class="form-row">
                        <Input
                            label={t.create.otp}
                            {...bound(otp)}
                            maxLength={64}
                            hint={t.create.otpHint}
                            autocomplete="off"
                        />
                        <Input label={t.fields.flags} {...bound(flags)} hint={t.create.flagsHint} autocomplete="off" />
                    </div>
                    {fault.value !== undefined && <Fault of={fault.value} />}
                    <div class="form-actions">
                        <Button
                            type="submit"
                            kind="primary"
                            busy={busy.value}
                            disabled={!user.value.trim() || !app.value}
                        >
                            {t.create.submit}
                        </Button>
                    </div>
                </form>
            </Card>
        </Page>
    );
}

function Arrival({ id }: { id: string }) {
    const of = useLoaded(id, ({ signal, quiet }) =>
        get<Registration>(path`/v2/registrations/${id}`, { signal, quiet }),
    );
    const committing = useSignal(false);
    useEffect(
        () =>
            follow((batch) => {
                if (batch.some((each) => each.registrationId === id)) void of.reload(true);
            }),
        [id],
    );
    usePoll(
        2_000,
        () => void of.reload(true),
        of.value?.registrationStatus !== "ACTIVE" && of.value?.registrationStatus !== "REMOVED",
    );
    const one = of.value;
    const device = one && [one.platform, one.deviceInfo].filter(Boolean).join(" · ");
    return (
        <Page
            title={one ? t.create.forUser(one.userId) : t.nav.new}
            subtitle={one?.applicationId}
            back={{ href: at("new"), text: t.nav.new }}
            actions={one && <LinkButton href={at("registrations", id)}>{t.create.show}</LinkButton>}
        >
            <Read of={of} rows={6}>
                {(one) => (
                    <div class="stack" aria-live="polite">
                        {one.registrationStatus === "CREATED" && <Invitation of={one} />}
                        {one.registrationStatus === "PENDING_COMMIT" && (
                            <Card title={t.create.arrived}>
                                <p>
                                    {one.name ?? t.fields.unnamed}
                                    {device && ` · ${device}`}
                                </p>
                                <p>{t.commit.compareText}</p>
                                {one.activationFingerprint && <Fingerprint of={one.activationFingerprint} />}
                                <div class="form-actions">
                                    <Button kind="primary" icon="check" onClick={() => (committing.value = true)}>
                                        {t.commit.open}
                                    </Button>
                                </div>
                            </Card>
                        )}
                        {one.registrationStatus === "ACTIVE" && (
                            <Notice tone="good" title={t.create.active}>
                                <p>
                                    {one.name ?? t.fields.unnamed}
                                    {device && ` · ${device}`}
                                </p>
                                <LinkButton href={at("registrations", id)} kind="primary">
                                    {t.create.show}
                                </LinkButton>
                            </Notice>
                        )}
                        {one.registrationStatus === "REMOVED" && (
                            <Notice tone="bad" title={t.create.late}>
                                <LinkButton href={`${at("new")}?user=${encodeURIComponent(one.userId)}`}>
                                    {t.create.again}
                                </LinkButton>
                            </Notice>
                        )}
                        {one.registrationStatus === "BLOCKED" && <StateBadge of="BLOCKED" />}
                    </div>
                )}
            </Read>
            {committing.value && one && (
                <Commit of={one} changed={() => of.reload()} onClose={() => (committing.value = false)} />
            )}
        </Page>
    );
}
