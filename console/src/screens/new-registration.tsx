// A new registration: who, in which application; then the code, until the phone is there.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get, path, post, type Registration } from "../api";
import { t } from "../en";
import { follow } from "../feed";
import { at, go, place } from "../router";
import { can, me } from "../session";
import {
    Button,
    Card,
    Fault,
    Input,
    LinkButton,
    Notice,
    Page,
    Select,
    Skeleton,
    StateBadge,
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
    const applications = useLoaded("applications", async ({ signal }) =>
        can.administer.value
            ? (await get<{ applications: { id: string }[] }>("/admin/applications", { signal })).applications.map(
                  (each) => each.id,
              )
            : (me.value?.applications ?? []),
    );
    useEffect(() => {
        document.title = t.title(t.nav.new);
    }, []);
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
                flags: flags.value
                    .split(",")
                    .map((each) => each.trim())
                    .filter(Boolean),
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
                        value={user.value}
                        onValue={(value) => (user.value = value)}
                        required
                        autofocus
                        maxLength={255}
                        hint={t.create.userHint}
                        autocomplete="off"
                    />
                    <Select
                        label={t.fields.application}
                        value={app.value}
                        onValue={(value) => (app.value = value)}
                        options={(applications.value ?? []).map((each) => [each, each])}
                    />
                    <Input
                        label={t.create.name}
                        value={name.value}
                        onValue={(value) => (name.value = value)}
                        maxLength={255}
                        hint={t.create.nameHint}
                        autocomplete="off"
                    />
                    <div class="form-row">
                        <Select
                            label={t.create.phase}
                            value={phase.value}
                            onValue={(value) => (phase.value = value)}
                            options={t.create.phases}
                        />
                        <Select
                            label={t.create.life}
                            value={life.value}
                            onValue={(value) => (life.value = value)}
                            options={Object.entries(t.create.lives)}
                        />
                    </div>
                    <div class="form-row">
                        <Input
                            label={t.create.otp}
                            value={otp.value}
                            onValue={(value) => (otp.value = value)}
                            maxLength={64}
                            hint={t.create.otpHint}
                            autocomplete="off"
                        />
                        <Input
                            label={t.fields.flags}
                            value={flags.value}
                            onValue={(value) => (flags.value = value)}
                            hint={t.create.flagsHint}
                            autocomplete="off"
                        />
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
    useEffect(() => {
        document.title = t.title(t.nav.new);
    }, []);
    const one = of.value;
    const device = one && [one.platform, one.deviceInfo].filter(Boolean).join(" · ");
    return (
        <Page
            title={one ? t.create.forUser(one.userId) : t.nav.new}
            subtitle={one?.applicationId}
            back={{ href: at("new"), text: t.nav.new }}
            actions={one && <LinkButton href={at("registrations", id)}>{t.create.show}</LinkButton>}
        >
            {of.fault !== undefined && <Fault of={of.fault} again={() => void of.reload()} />}
            {!one && of.fault === undefined && <Skeleton rows={6} />}
            {one && (
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
            {committing.value && one && (
                <Commit of={one} changed={() => of.reload()} onClose={() => (committing.value = false)} />
            )}
        </Page>
    );
}
