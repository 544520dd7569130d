// The service of an application's own that says whose phone it is, where there is no code.

import { useSignal } from "@preact/signals";
import { patch, path, serverOf } from "../api";
import { t } from "../en";
import { ActionDialog, Button, Card, Facts, Input, Select, toast, useForm } from "../ui";

export interface Provider {
    url: string;
    timeoutMs: number;
    hasSecret: boolean;
}

interface Part {
    application: string;
    of: Provider | undefined;
    changed: () => Promise<void>;
}

const put = (application: string, provider: Record<string, unknown> | null) =>
    patch(path`/admin/applications/${application}`, { provider });

export function ProviderCard({ application, of, changed }: Part) {
    const asked = useSignal<"edit" | "remove" | undefined>(undefined);
    const close = () => (asked.value = undefined);
    return (
        <Card
            title={t.provider.title}
            actions={
                <>
                    <Button onClick={() => (asked.value = "edit")}>{of ? t.apps.edit : t.provider.add}</Button>
                    {of && (
                        <Button kind="danger" onClick={() => (asked.value = "remove")}>
                            {t.provider.remove}
                        </Button>
                    )}
                </>
            }
        >
            {of ? (
                <Facts
                    rows={[
                        [t.provider.url, <code>{of.url}</code>],
                        [t.provider.timeout, t.provider.milliseconds(of.timeoutMs)],
                        [t.provider.secret, of.hasSecret ? t.provider.kept : t.provider.noSecret],
                    ]}
                />
            ) : (
                <p class="dim">{t.provider.none}</p>
            )}
            {asked.value === "edit" && <Edit application={application} of={of} changed={changed} onClose={close} />}
            {asked.value === "remove" && of && (
                <ActionDialog
                    title={t.provider.removeTitle(application)}
                    action={t.provider.remove}
                    kind="danger"
                    onClose={close}
                    consequences={t.provider.removeText(of.hasSecret)}
                    run={async () => {
                        await put(application, null);
                        await changed();
                        toast(t.provider.removed, {
                            undo: of.hasSecret // nobody but the service knows it now
                                ? undefined
                                : async () => {
                                      await put(application, { url: of.url, timeoutMs: of.timeoutMs });
                                      await changed();
                                  },
                        });
                    }}
                />
            )}
        </Card>
    );
}

function Edit({ application, of, changed, onClose }: Part & { onClose: () => void }) {
    const { v, text } = useForm({
        url: of?.url ?? "https://",
        timeoutMs: String(of?.timeoutMs ?? 3_000),
        choice: of?.hasSecret ? "keep" : "none",
        secret: "",
    });
    // A secret goes to the server that it was given for, and to no other.
    const mayKeep = Boolean(of?.hasSecret) && serverOf(v.url) === serverOf(of?.url ?? "");
    const choice = v.choice === "keep" && !mayKeep ? "replace" : v.choice;
    return (
        <ActionDialog
            title={t.provider.title}
            action={t.actions.save}
            onClose={onClose}
            mayRun={serverOf(v.url) !== undefined && (choice !== "replace" || v.secret !== "")}
            consequences={of ? t.provider.editText : t.provider.addText}
            run={async () => {
                await put(application, {
                    url: v.url.trim(),
                    timeoutMs: Number(v.timeoutMs),
                    ...(choice === "keep" ? {} : { secret: choice === "replace" ? v.secret : null }),
                });
                await changed();
                const isUndone = of && (choice === "keep" || (choice === "none" && !of.hasSecret));
                toast(t.apps.saved, {
                    undo: isUndone
                        ? async () => {
                              await put(application, {
                                  url: of.url,
                                  timeoutMs: of.timeoutMs,
                                  ...(of.hasSecret ? {} : { secret: null }),
                              });
                              await changed();
                          }
                        : undefined,
                });
            }}
        >
            <Input label={t.provider.url} {...text("url")} hint={t.provider.urlHint} type="url" required autofocus />
            <Input
                label={t.provider.timeoutField}
                {...text("timeoutMs")}
                hint={t.provider.timeoutHint}
                type="number"
                min={100}
                max={10_000}
            />
            <Select
                label={t.provider.secret}
                {...text("choice")}
                value={choice}
                options={t.provider.choices.filter(([each]) => each !== "keep" || mayKeep)}
                hint={of?.hasSecret && !mayKeep ? t.provider.elsewhere : t.provider.secretHint}
            />
            {choice === "replace" && (
                <Input
                    label={t.provider.newSecret}
                    {...text("secret")}
                    type="password"
                    autocomplete="off"
                    maxLength={255}
                    required
                />
            )}
        </ActionDialog>
    );
}
