// The parts that screens are made of.

import { signal, useSignal, type Signal } from "@preact/signals";
import type { ComponentChildren, JSX, RefObject } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { get, isGone, Problem, type State } from "./api";
import { t } from "./en";
import { liveness } from "./feed";
import { can, epoch, me } from "./session";

export type Children = ComponentChildren;

// --- pictures

const shapes = {
    find: "M7 12.5A5.5 5.5 0 1 0 7 1.5a5.5 5.5 0 0 0 0 11ZM11 11l3.5 3.5",
    overview: "M1.5 14.5h13M3.5 12V8M7 12V3.5M10.5 12V6.5M14 12V2",
    add: "M8 2.5v11M2.5 8h11",
    apps: "M2 2h5v5H2zM9 2h5v5H9zM2 9h5v5H2zM9 9h5v5H9z",
    people: "M6 7.5a2.75 2.75 0 1 0 0-5.5 2.75 2.75 0 0 0 0 5.5ZM1.5 14c0-2.8 2-4.5 4.5-4.5s4.5 1.7 4.5 4.5M11 2.4a2.6 2.6 0 0 1 0 5M12 9.9c1.6.5 2.6 2 2.6 4.1",
    hook: "M8 1.5v6M8 7.5a3 3 0 1 0 3 3M5 10.5a3 3 0 0 0 6 0",
    jobs: "M2 3.5h12M2 8h12M2 12.5h7",
    audit: "M3.5 1.5h9v13h-9zM6 5h4M6 8h4M6 11h2.5",
    sun: "M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1 1M12 12l1 1M13 3l-1 1M4 12l-1 1",
    moon: "M13.5 9.8A6 6 0 0 1 6.2 2.5a6 6 0 1 0 7.3 7.3Z",
    out: "M6 2H2.5v12H6M10.5 4.5 14 8l-3.5 3.5M14 8H6",
    menu: "M2 4h12M2 8h12M2 12h12",
    close: "m3.5 3.5 9 9M12.5 3.5l-9 9",
    copy: "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3",
    phone: "M4.5 1.5h7v13h-7zM7 12.5h2",
    lock: "M3.5 7h9v7h-9zM5.5 7V4.5a2.5 2.5 0 0 1 5 0V7",
    unlock: "M3.5 7h9v7h-9zM5.5 7V4.5a2.5 2.5 0 0 1 4.8-.9",
    check: "m2.5 8.5 3.5 3.5 7.5-8",
    cross: "m4 4 8 8M12 4l-8 8",
    warn: "M8 1.5 15 14H1L8 1.5ZM8 6v4M8 12v.2",
    person: "M8 8a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM2.5 14.5c0-3 2.4-5 5.5-5s5.5 2 5.5 5",
    flag: "M3.5 15V2M3.5 2.5h9l-2 3 2 3h-9",
    back: "M9.5 3 4.5 8l5 5",
    key: "M10.5 8.5a3 3 0 1 0-2.6-1.4L2 13v1.5h2.5V13H6v-1.5h1.4l1-1",
    keyboard: "M1.5 4h13v8.5h-13zM4 6.7h.01M7 6.7h.01M10 6.7h.01M12 6.7h.01M4.5 9.8h7",
    dots: "M3 8h.01M8 8h.01M13 8h.01",
};
export type Shape = keyof typeof shapes;

export function Icon({ of }: { of: Shape }) {
    return (
        <svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
            <path d={shapes[of]} />
        </svg>
    );
}

// --- buttons and fields

type ButtonProps = Omit<JSX.HTMLAttributes<HTMLButtonElement>, "icon" | "label"> & {
    kind?: "plain" | "primary" | "danger" | "ghost";
    icon?: Shape;
    busy?: boolean;
    disabled?: boolean;
    type?: "button" | "submit";
    label?: string;
    children?: Children;
    form?: string;
};

export function Button({ kind = "plain", icon, busy, label, children, disabled, ...rest }: ButtonProps) {
    return (
        <button
            type="button"
            {...rest}
            class={`button ${kind} ${children ? "" : "bare"}`}
            disabled={disabled || busy}
            aria-busy={busy || undefined}
            aria-label={label}
            title={label}
        >
            {icon && <Icon of={icon} />}
            {children}
        </button>
    );
}

export function LinkButton({
    href,
    icon,
    kind = "plain",
    children,
}: {
    href: string;
    icon?: Shape;
    kind?: string;
    children: Children;
}) {
    return (
        <a class={`button ${kind}`} href={href}>
            {icon && <Icon of={icon} />}
            {children}
        </a>
    );
}

/** A label, what it is about, and what helps to fill it in. */
function Field({
    id,
    label,
    hint,
    hideLabel,
    required,
    children,
}: {
    id: string;
    label: string;
    hint?: string | undefined;
    hideLabel?: boolean | undefined;
    required?: boolean | undefined;
    children: Children;
}) {
    return (
        <div class="field">
            <label for={id} class={hideLabel ? "hidden" : ""}>
                {label}
                {required && <span class="dim"> {t.form.required}</span>}
            </label>
            {children}
            {hint && (
                <p id={`${id}-hint`} class="hint">
                    {hint}
                </p>
            )}
        </div>
    );
}
const hintOf = (id: string, hint: string | undefined) => (hint ? `${id}-hint` : undefined);

type InputProps = {
    label: string;
    value: string;
    onValue: (value: string) => void;
    hint?: string;
    type?: string;
    hideLabel?: boolean;
    required?: boolean;
    autofocus?: boolean;
    autocomplete?: string;
    placeholder?: string;
    min?: number;
    max?: number;
    maxLength?: number;
    inputRef?: RefObject<HTMLInputElement>;
    onKeyDown?: (event: KeyboardEvent) => void;
    onBlur?: () => void;
    name?: string;
    disabled?: boolean;
};

export function Input(props: InputProps) {
    const { label, value, onValue, hint, hideLabel, inputRef, autofocus, ...rest } = props;
    const id = useId();
    const own = useRef<HTMLInputElement>(null);
    const ref = inputRef ?? own;
    useEffect(() => {
        if (autofocus) ref.current?.focus();
    }, []);
    return (
        <Field id={id} label={label} hint={hint} hideLabel={hideLabel} required={rest.required}>
            <input
                id={id}
                ref={ref}
                value={value}
                onInput={(event) => onValue(event.currentTarget.value)}
                aria-describedby={hintOf(id, hint)}
                spellcheck={false}
                autocapitalize="off"
                {...rest}
            />
        </Field>
    );
}

export function TextArea({
    label,
    value,
    onValue,
    hint,
    placeholder,
}: {
    label: string;
    value: string;
    onValue: (value: string) => void;
    hint?: string;
    placeholder?: string;
}) {
    const id = useId();
    return (
        <Field id={id} label={label} hint={hint}>
            <textarea
                id={id}
                value={value}
                onInput={(event) => onValue(event.currentTarget.value)}
                aria-describedby={hintOf(id, hint)}
                placeholder={placeholder}
                spellcheck={false}
                autocomplete="off"
            />
        </Field>
    );
}

export function Select({
    label,
    value,
    onValue,
    options,
    hint,
    hideLabel,
    disabled,
}: {
    label: string;
    value: string;
    onValue: (value: string) => void;
    options: [value: string, text: string][];
    hint?: string;
    hideLabel?: boolean;
    disabled?: boolean;
}) {
    const id = useId();
    return (
        <Field id={id} label={label} hint={hint} hideLabel={hideLabel}>
            <select
                id={id}
                value={value}
                disabled={disabled}
                onChange={(event) => onValue(event.currentTarget.value)}
                aria-describedby={hintOf(id, hint)}
            >
                {options.map(([each, text]) => (
                    <option key={each} value={each}>
                        {text}
                    </option>
                ))}
            </select>
        </Field>
    );
}

export function Check({
    label,
    checked,
    onValue,
    hint,
    disabled,
}: {
    label: string;
    checked: boolean;
    onValue: (value: boolean) => void;
    hint?: string;
    disabled?: boolean;
}) {
    const id = useId();
    return (
        <div class="check">
            <input
                id={id}
                type="checkbox"
                checked={checked}
                disabled={disabled}
                onChange={(event) => onValue(event.currentTarget.checked)}
                aria-describedby={hintOf(id, hint)}
            />
            <label for={id}>{label}</label>
            {hint && (
                <p id={`${id}-hint`} class="hint">
                    {hint}
                </p>
            )}
        </div>
    );
}

/** What a field needs to show a signal and to change it: <Input label="Name" {...bound(name)} /> */
export function bound(to: Signal<string>) {
    return {
        value: to.value,
        onValue: (value: string) => {
            to.value = value;
        },
    };
}

type NamesOf<Form, Value> = { [Name in keyof Form]: Form[Name] extends Value ? Name : never }[keyof Form];

/** What is being filled in, and what its fields need: <Input label="Name" {...form.text("name")} /> */
export function useForm<Form extends object>(initial: Form, changed?: () => void) {
    const now = useSignal(initial);
    const set = (change: Partial<Form>) => {
        now.value = { ...now.value, ...change };
        changed?.();
    };
    return {
        v: now.value,
        set,
        text: (name: NamesOf<Form, string>) => ({
            value: now.value[name] as string,
            onValue: (value: string) => set({ [name]: value } as Partial<Form>),
        }),
        check: (name: NamesOf<Form, boolean>) => ({
            checked: now.value[name] as boolean,
            onValue: (value: boolean) => set({ [name]: value } as Partial<Form>),
        }),
    };
}

/** "a, b" */
export const listOf = (text: string) =>
    text
        .split(",")
        .map((each) => each.trim())
        .filter(Boolean);

// --- what is told

export function StateBadge({ of }: { of: State }) {
    return <span class={`badge state-${of.toLowerCase()}`}>{t.states[of]}</span>;
}

export function Tag({ children, tone = "" }: { children: Children; tone?: string }) {
    return <span class={`tag ${tone}`}>{children}</span>;
}

export function Flags({ of }: { of: string[] }) {
    if (of.length === 0) return null;
    return (
        <span class="flags">
            {of.map((each) => (
                <Tag key={each}>{each}</Tag>
            ))}
        </span>
    );
}

/** Words that can be taken away, one by one. */
export function DroppableTags({
    of,
    none,
    dropText,
    onDrop,
}: {
    of: string[];
    none: string;
    dropText: (which: string) => string;
    onDrop: (which: string) => void;
}) {
    return (
        <div class="flag-list">
            {of.length === 0 && <span class="dim">{none}</span>}
            {of.map((each) => (
                <span key={each} class="tag">
                    {each}
                    <button type="button" class="tag-x" aria-label={dropText(each)} onClick={() => onDrop(each)}>
                        ×
                    </button>
                </span>
            ))}
        </div>
    );
}

/** Failed attempts as dots, so that it is seen and not read. */
export function AttemptsMeter({ failed, most }: { failed: number; most: number }) {
    const text = t.attempts.meter(failed, most);
    return (
        <span
            class={`meter ${failed >= most ? "full" : failed > 0 ? "some" : ""}`}
            role="img"
            aria-label={text}
            title={text}
        >
            {most <= 12 && Array.from({ length: most }, (_, i) => <i key={i} class={i < failed ? "on" : ""} />)}
            <b aria-hidden="true">
                {failed}/{most}
            </b>
        </span>
    );
}

export function Notice({
    tone = "info",
    title,
    children,
}: {
    tone?: "info" | "bad" | "warn" | "good";
    title?: string;
    children?: Children;
}) {
    return (
        <div class={`notice ${tone}`} role={tone === "bad" ? "alert" : undefined}>
            {title && <strong>{title}</strong>}
            {children}
        </div>
    );
}

export const textOf = (fault: unknown) => (fault instanceof Error ? fault.message : String(fault));

export function Fault({ of, again }: { of: unknown; again?: () => void }) {
    return (
        <Notice tone="bad" title={t.problem.title}>
            <p>{textOf(of)}</p>
            {again && <Button onClick={again}>{t.actions.tryAgain}</Button>}
        </Notice>
    );
}

export function Empty({ title, children, icon = "find" }: { title: string; children?: Children; icon?: Shape }) {
    return (
        <div class="empty">
            <Icon of={icon} />
            <p class="empty-title">{title}</p>
            {children}
        </div>
    );
}

export function Skeleton({ rows = 4 }: { rows?: number }) {
    return (
        <div class="skeleton" role="status" aria-label={t.loading}>
            {Array.from({ length: rows }, (_, i) => (
                <span key={i} />
            ))}
        </div>
    );
}

export function Copy({ text, label }: { text: string; label?: string }) {
    const copied = useSignal(false);
    const copy = async () => {
        await navigator.clipboard.writeText(text);
        copied.value = true;
        setTimeout(() => (copied.value = false), 1500);
    };
    if (!navigator.clipboard) return null; // pages that did not come by TLS may not
    return (
        <>
            <Button
                kind="ghost"
                icon={copied.value ? "check" : "copy"}
                label={label ?? t.actions.copy}
                onClick={copy}
            />
            <span class="hidden" aria-live="polite">
                {copied.value ? t.actions.copied : ""}
            </span>
        </>
    );
}

export function Page({
    title,
    name,
    back,
    actions,
    children,
    subtitle,
}: {
    title: Children;
    /** What browsers call it; the title, unless that is more than a text. */
    name?: string;
    subtitle?: Children;
    back?: { href: string; text: string };
    actions?: Children;
    children: Children;
}) {
    const known = name ?? (typeof title === "string" ? title : "");
    useEffect(() => {
        if (known) document.title = t.title(known);
    }, [known]);
    return (
        <>
            <header class="page-head">
                <div>
                    {back && (
                        <a class="back" href={back.href}>
                            <Icon of="back" />
                            {back.text}
                        </a>
                    )}
                    <h1 tabIndex={-1}>{title}</h1>
                    {subtitle && <p class="subtitle">{subtitle}</p>}
                </div>
                {actions && <div class="page-actions">{actions}</div>}
            </header>
            {children}
        </>
    );
}

export function Card({
    title,
    actions,
    children,
    id,
}: {
    title?: Children;
    actions?: Children;
    children: Children;
    id?: string;
}) {
    const headline = useId();
    return (
        <section class="card" id={id} aria-labelledby={title ? headline : undefined}>
            {(title || actions) && (
                <div class="card-head">
                    {title && <h2 id={headline}>{title}</h2>}
                    {actions && <div class="card-actions">{actions}</div>}
                </div>
            )}
            {children}
        </section>
    );
}

export function Facts({ rows }: { rows: [name: string, value: Children][] }) {
    return (
        <dl class="facts">
            {rows.map(([name, value]) => (
                <div key={name}>
                    <dt>{name}</dt>
                    <dd>{value}</dd>
                </div>
            ))}
        </dl>
    );
}

/** A table that scrolls by itself where it is too wide, by keyboard too; with `cards` its rows are cards there. */
export function TableBox({ label, children, cards }: { label: string; children: Children; cards?: boolean }) {
    return (
        <div class={`table-box ${cards ? "cards" : ""}`} role="group" aria-label={label} tabIndex={0}>
            <table>{children}</table>
        </div>
    );
}

export interface Column<Row> {
    name: string;
    cell: (row: Row) => Children;
    kind?: "number" | "actions";
}

export function Table<Row>({
    label,
    rows,
    id,
    columns,
    kind,
}: {
    label: string;
    rows: Row[];
    id: (row: Row) => string | number;
    columns: Column<Row>[];
    kind?: string;
}) {
    const styleOf = (column: Column<Row>) =>
        column.kind === "number" ? "number" : column.kind === "actions" ? "actions-cell" : undefined;
    return (
        <TableBox label={label}>
            <thead>
                <tr>
                    {columns.map((each) => (
                        <th key={each.name} class={styleOf(each)}>
                            {each.kind === "actions" ? <span class="hidden">{each.name}</span> : each.name}
                        </th>
                    ))}
                </tr>
            </thead>
            <tbody class={kind}>
                {rows.map((row) => (
                    <tr key={id(row)}>
                        {columns.map((each) => (
                            <td key={each.name} class={styleOf(each)}>
                                {each.cell(row)}
                            </td>
                        ))}
                    </tr>
                ))}
            </tbody>
        </TableBox>
    );
}

// --- windows

export function Dialog({
    title,
    onClose,
    children,
    wide,
}: {
    title: string;
    onClose?: () => void;
    children: Children;
    wide?: boolean;
}) {
    const ref = useRef<HTMLDialogElement>(null);
    const id = useId();
    useEffect(() => {
        const dialog = ref.current;
        const before = document.activeElement;
        dialog?.showModal();
        return () => {
            dialog?.close();
            // What opened it may be gone by what was done.
            const back = before?.isConnected && before !== document.body ? before : document.querySelector("main h1");
            if (back instanceof HTMLElement) back.focus();
        };
    }, []);
    return (
        <dialog
            ref={ref}
            class={wide ? "wide" : ""}
            aria-labelledby={id}
            onCancel={(event) => {
                event.preventDefault();
                onClose?.();
            }}
        >
            <div class="dialog-head">
                <h2 id={id}>{title}</h2>
                {onClose && <Button kind="ghost" icon="close" label={t.actions.close} onClick={onClose} />}
            </div>
            {children}
        </dialog>
    );
}

/** Says what it leads to, does what it is asked to once, tells what went wrong, and closes when it went well. */
export function ActionDialog({
    title,
    consequences,
    action,
    kind = "primary",
    onClose,
    run,
    children,
    mayRun = true,
    typed,
    wide,
}: {
    title: string;
    consequences?: string | string[];
    action: string;
    kind?: "primary" | "danger";
    onClose: () => void;
    run: () => Promise<void>;
    children?: Children;
    mayRun?: boolean;
    /** What has to be typed first. */
    typed?: string;
    wide?: boolean;
}) {
    const busy = useSignal(false);
    const fault = useSignal<unknown>(undefined);
    const written = useSignal("");
    const isTyped = typed === undefined || written.value.trim() === typed;
    const submit = async (event: Event) => {
        event.preventDefault();
        if (busy.value || !mayRun || !isTyped) return;
        busy.value = true;
        fault.value = undefined;
        try {
            await run();
            onClose();
        } catch (problem) {
            fault.value = problem;
            busy.value = false;
        }
    };
    return (
        <Dialog title={title} onClose={onClose} {...(wide ? { wide } : {})}>
            <form onSubmit={submit} noValidate>
                <div class="dialog-body">
                    {consequences && <Consequences of={consequences} />}
                    {children}
                    {typed !== undefined && (
                        <Input label={t.form.typeToConfirm(typed)} {...bound(written)} autocomplete="off" />
                    )}
                    {fault.value !== undefined && <Fault of={fault.value} />}
                </div>
                <div class="dialog-actions">
                    <Button onClick={onClose}>{t.actions.cancel}</Button>
                    <Button type="submit" kind={kind} busy={busy.value} disabled={!mayRun || !isTyped}>
                        {action}
                    </Button>
                </div>
            </form>
        </Dialog>
    );
}

/** A button, and the window that it opens. */
export function Opens({
    text,
    children,
    ...rest
}: {
    text: string;
    kind?: "plain" | "primary" | "danger";
    icon?: Shape;
    children: (close: () => void) => Children;
}) {
    const isOpen = useSignal(false);
    return (
        <>
            <Button {...rest} onClick={() => (isOpen.value = true)}>
                {text}
            </Button>
            {isOpen.value && children(() => (isOpen.value = false))}
        </>
    );
}

function Consequences({ of }: { of: string | string[] }) {
    return (
        <div class="consequences">
            {Array.isArray(of) ? (
                <ul>
                    {of.map((each) => (
                        <li key={each}>{each}</li>
                    ))}
                </ul>
            ) : (
                <p>{of}</p>
            )}
        </div>
    );
}

/** A secret that is shown this once. */
export function SecretDialog({
    title,
    rows,
    hint,
    onClose,
}: {
    title: string;
    rows: [string, string][];
    hint: string;
    onClose: () => void;
}) {
    return (
        <Dialog title={title} onClose={onClose}>
            <div class="dialog-body">
                <Notice tone="warn">
                    <p>{hint}</p>
                </Notice>
                <Facts
                    rows={rows.map(([name, value]) => [
                        name,
                        <span class="copyable">
                            <code>{value}</code>
                            <Copy text={value} />
                        </span>,
                    ])}
                />
            </div>
            <div class="dialog-actions">
                <Button kind="primary" onClick={onClose}>
                    {t.actions.done}
                </Button>
            </div>
        </Dialog>
    );
}

// --- short messages, with a way back where there is one

interface Toast {
    id: number;
    text: string;
    tone: "good" | "bad";
    undo?: () => Promise<void>;
    undoText?: string;
}
const toasts = signal<Toast[]>([]);
let toastId = 0;
const toastMs = 6_000;
const undoToastMs = 20_000;

export function toast(
    text: string,
    more: { tone?: "good" | "bad"; undo?: () => Promise<void>; undoText?: string } = {},
) {
    const one: Toast = { id: ++toastId, text, tone: more.tone ?? "good", undo: more.undo, undoText: more.undoText };
    toasts.value = [...toasts.value.slice(-2), one];
    setTimeout(() => dropToast(one.id), one.undo ? undoToastMs : toastMs);
}
const dropToast = (id: number) => (toasts.value = toasts.value.filter((each) => each.id !== id));

export function Toasts() {
    return (
        <div class="toasts" role="status" aria-live="polite">
            {toasts.value.map((each) => (
                <div key={each.id} class={`toast ${each.tone}`}>
                    <span>{each.text}</span>
                    {each.undo && (
                        <Button
                            onClick={async () => {
                                dropToast(each.id);
                                try {
                                    await each.undo?.();
                                } catch (fault) {
                                    toast(textOf(fault), { tone: "bad" });
                                }
                            }}
                        >
                            {each.undoText ?? t.actions.undo}
                        </Button>
                    )}
                    <Button kind="ghost" icon="close" label={t.actions.dismiss} onClick={() => dropToast(each.id)} />
                </div>
            ))}
        </div>
    );
}

// --- reading

export interface Loaded<T> {
    value: T | undefined;
    fault: unknown;
    busy: boolean;
    reload: (quiet?: boolean) => Promise<void>;
}

/** Reads something when the screen opens, when `key` changes, after a sign-in, and when the stream is there again. */
export function useLoaded<T>(
    key: string,
    read: (options: { signal: AbortSignal; quiet: boolean }) => Promise<T>,
): Loaded<T> {
    const value = useSignal<{ key: string; what: T } | undefined>(undefined);
    const fault = useSignal<unknown>(undefined);
    const busy = useSignal(true);
    const running = useRef<AbortController | undefined>(undefined);
    const reader = useRef(read);
    reader.current = read;
    const reload = async (quiet = false) => {
        running.current?.abort();
        const mine = new AbortController();
        running.current = mine;
        busy.value = true;
        try {
            const what = await reader.current({ signal: mine.signal, quiet });
            if (mine.signal.aborted) return;
            value.value = { key, what };
            fault.value = undefined;
        } catch (problem) {
            if (mine.signal.aborted || isGone(problem)) return;
            const isAway = problem instanceof Problem && (problem.status === 0 || problem.status === 401);
            if (!isAway || value.value === undefined) fault.value = problem; // what is shown stays while the server is away
        }
        busy.value = false;
    };
    const isLive = liveness.value === "live";
    const isWaiting = liveness.value === "waiting";
    const wasWaiting = useRef(false);
    useEffect(() => {
        if (isWaiting) wasWaiting.current = true;
        if (isLive && wasWaiting.current) {
            wasWaiting.current = false;
            void reload(true);
        }
    }, [isLive, isWaiting]);
    useEffect(() => {
        fault.value = undefined;
        void reload();
        return () => running.current?.abort();
    }, [key, epoch.value]);
    const known = value.value;
    return { value: known?.key === key ? known.what : undefined, fault: fault.value, busy: busy.value, reload };
}

/** What was read; before, that it is being read, or why it could not be. What is known stays while it is read again. */
export function Read<T>({ of, rows, children }: { of: Loaded<T>; rows?: number; children: (value: T) => Children }) {
    return (
        <>
            {of.fault !== undefined && <Fault of={of.fault} again={() => void of.reload()} />}
            {of.value !== undefined
                ? children(of.value)
                : of.fault === undefined && <Skeleton {...(rows ? { rows } : {})} />}
        </>
    );
}

/** The ids of the applications that one may choose from. */
export function useApplications(): Loaded<string[]> {
    return useLoaded("applications", async ({ signal }) =>
        can.administer.value
            ? (
                  await get<{ applications: { id: string }[] }>("/admin/applications", { signal, quiet: true })
              ).applications.map((each) => each.id)
            : (me.value?.applications ?? []),
    );
}

/** Calls again and again while the page is in sight and somebody may be looking. */
export function usePoll(everyMs: number, what: () => void, active = true) {
    const latest = useRef(what);
    latest.current = what;
    useEffect(() => {
        if (!active) return;
        const timer = setInterval(() => {
            if (!document.hidden) latest.current();
        }, everyMs);
        return () => clearInterval(timer);
    }, [everyMs, active]);
}
