import { computed, effect, signal, useSignal } from "@preact/signals";
import { render } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { t } from "./en";
import { liveness } from "./feed";
import { at, go, place } from "./router";
import { can, expired, lastUseMs, look, me, signIn, signOut } from "./session";
import { now, duration } from "./time";
import {
    bound,
    Button,
    Check,
    Dialog,
    Fault,
    Icon,
    Input,
    Notice,
    Page,
    Skeleton,
    Toasts,
    textOf,
    toast,
    type Children,
    type Shape,
} from "./ui";
import { isSomebodyThere, Problem } from "./api";
import { AccountScreen, Accounts } from "./screens/accounts";
import { Applications, ApplicationScreen } from "./screens/applications";
import { Audit } from "./screens/audit";
import { Find } from "./screens/find";
import { Jobs } from "./screens/jobs";
import { NewRegistration } from "./screens/new-registration";
import { Overview } from "./screens/overview";
import { Webhooks } from "./screens/webhooks";
import { User } from "./screens/user";
import { RegistrationScreen } from "./screens/registration";

// --- look

type Theme = "system" | "light" | "dark";
const kept = (name: string) => {
    try {
        return localStorage.getItem(`doorward.${name}`);
    } catch {
        return null;
    }
};
const keep = (name: string, value: string) => {
    try {
        localStorage.setItem(`doorward.${name}`, value);
    } catch {
        // not in a private window
    }
};
const theme = signal<Theme>((kept("theme") as Theme | null) ?? "system");
const systemIsDark = matchMedia("(prefers-color-scheme: dark)");
const systemTheme = signal(systemIsDark.matches);
systemIsDark.addEventListener("change", (event) => (systemTheme.value = event.matches));
const isDark = computed(() => (theme.value === "system" ? systemTheme.value : theme.value === "dark"));
effect(() => {
    document.documentElement.dataset.theme = isDark.value ? "dark" : "light";
});
const singleKeys = signal(kept("keys") !== "off");

// --- signing in

function SignInForm({ username }: { username?: string }) {
    const name = useSignal(username ?? "");
    const password = useSignal("");
    const busy = useSignal(false);
    const fault = useSignal<unknown>(undefined);
    const waitUntil = useSignal(0);
    const passwordField = useRef<HTMLInputElement>(null);
    const waitMs = Math.max(0, waitUntil.value - now.value);
    const submit = async (event: Event) => {
        event.preventDefault();
        if (busy.value || waitMs > 0) return;
        busy.value = true;
        fault.value = undefined;
        try {
            await signIn(name.value.trim(), password.value);
        } catch (problem) {
            if (problem instanceof Problem && problem.status === 429) {
                now.value = Date.now();
                waitUntil.value = Date.now() + problem.retryAfterSeconds * 1000;
            }
            fault.value = problem instanceof Problem && problem.status === 401 ? new Error(t.signIn.wrong) : problem;
            password.value = "";
            passwordField.current?.focus();
        }
        busy.value = false;
    };
    return (
        <form class="sign-in-form" onSubmit={submit}>
            <Input
                label={t.signIn.username}
                {...bound(name)}
                autocomplete="username"
                name="username"
                autofocus={!username}
                required
            />
            <Input
                label={t.signIn.password}
                {...bound(password)}
                type="password"
                autocomplete="current-password"
                name="password"
                autofocus={Boolean(username)}
                inputRef={passwordField}
                required
            />
            {waitMs > 0 ? (
                <Notice tone="bad">
                    <p>{t.signIn.tooMany(duration(waitMs))}</p>
                </Notice>
            ) : (
                fault.value !== undefined && (
                    <Notice tone="bad">
                        <p>{textOf(fault.value)}</p>
                    </Notice>
                )
            )}
            <Button type="submit" kind="primary" busy={busy.value} disabled={waitMs > 0}>
                {t.signIn.submit}
            </Button>
        </form>
    );
}

function SignIn() {
    useEffect(() => {
        document.title = t.title(t.signIn.title);
    }, []);
    return (
        <main class="sign-in">
            <div class="sign-in-box">
                <Brand />
                <h1>{t.signIn.title}</h1>
                {!window.isSecureContext && (
                    <Notice tone="warn">
                        <p>{t.signIn.notEncrypted}</p>
                    </Notice>
                )}
                <SignInForm />
            </div>
        </main>
    );
}

function Brand() {
    return (
        <span class="brand">
            <svg viewBox="0 0 32 32" aria-hidden="true">
                <rect width="32" height="32" rx="7" />
                <path d="M10 26V8.5A2.5 2.5 0 0 1 12.5 6h7A2.5 2.5 0 0 1 22 8.5V26M7 26h18" />
                <circle cx="18" cy="17" r="1.7" />
            </svg>
            doorward
        </span>
    );
}

// --- staying signed in

const warningMs = 60_000;

/** Whoever is about to be signed out is asked first; whoever works on is not asked. */
function IdleWatch() {
    const session = me.value;
    const idleMs = session?.idleTimeoutMs;
    const left = idleMs ? lastUseMs.value + idleMs - now.value : Infinity;
    const whole = session?.timestampExpire ? session.timestampExpire - now.value : Infinity;
    const asking = left <= warningMs && !expired.value;
    useEffect(() => {
        // Reading is work, too: it keeps the session with a request of its own.
        if (idleMs && !expired.value && isSomebodyThere() && now.value - lastUseMs.value > warningMs)
            look().catch(() => (lastUseMs.value = now.value));
    }, [now.value]);
    useEffect(() => {
        if ((left <= 0 || whole <= 0) && !expired.value) look(true).catch(() => undefined);
    }, [left <= 0, whole <= 0]);
    if (!asking || left <= 0) return null;
    return (
        <Dialog title={t.idle.title}>
            <div class="dialog-body">
                <p>{t.idle.text(duration(left))}</p>
            </div>
            <div class="dialog-actions">
                <Button onClick={() => void signOut()}>{t.session.signOut}</Button>
                <Button
                    kind="primary"
                    onClick={() => void look().catch((fault) => toast(textOf(fault), { tone: "bad" }))}
                >
                    {t.idle.stay}
                </Button>
            </div>
        </Dialog>
    );
}

function Expired() {
    return (
        <Dialog title={t.expired.title}>
            <div class="dialog-body">
                <p>{t.expired.text}</p>
                <SignInForm username={me.value?.username} />
            </div>
        </Dialog>
    );
}

// --- the frame around the screens

interface Screen {
    name: string;
    icon: Shape;
    text: string;
    shown: boolean;
}
const screens = computed<Screen[]>(() => [
    { name: "find", icon: "find", text: t.nav.find, shown: can.read.value },
    { name: "overview", icon: "overview", text: t.nav.overview, shown: true },
    { name: "new", icon: "add", text: t.nav.new, shown: can.manage.value },
    { name: "jobs", icon: "jobs", text: t.nav.jobs, shown: can.changeMany.value },
    { name: "applications", icon: "apps", text: t.nav.applications, shown: can.administer.value },
    { name: "webhooks", icon: "hook", text: t.nav.webhooks, shown: can.manage.value },
    { name: "accounts", icon: "people", text: t.nav.accounts, shown: can.administer.value },
    { name: "audit", icon: "audit", text: t.nav.audit, shown: can.audit.value },
]);

const menuIsOpen = signal(false);
const keysAreShown = signal(false);

function Shell({ children }: { children: Children }) {
    const here = place.value.path[0] ?? screens.value.find((each) => each.shown)?.name;
    const section = here === "users" || here === "registrations" ? "find" : here;
    return (
        <div class={`shell ${menuIsOpen.value ? "menu-open" : ""}`}>
            <a
                class="skip"
                href="#main"
                onClick={(event) => {
                    event.preventDefault();
                    document.querySelector<HTMLElement>("main h1")?.focus();
                }}
            >
                {t.nav.skip}
            </a>
            <header class="topbar">
                <Button
                    kind="ghost"
                    icon={menuIsOpen.value ? "close" : "menu"}
                    label={t.nav.menu}
                    aria-expanded={menuIsOpen.value}
                    aria-controls="nav"
                    onClick={() => (menuIsOpen.value = !menuIsOpen.value)}
                />
                <a href="#/">
                    <Brand />
                </a>
            </header>
            <aside class="side" id="nav" aria-label={t.nav.side}>
                <a class="side-brand" href="#/">
                    <Brand />
                </a>
                <nav aria-label={t.nav.label}>
                    {screens.value
                        .filter((each) => each.shown)
                        .map((each) => (
                            <a
                                key={each.name}
                                href={at(each.name)}
                                aria-current={section === each.name ? "page" : undefined}
                                onClick={() => (menuIsOpen.value = false)}
                            >
                                <Icon of={each.icon} />
                                {each.text}
                            </a>
                        ))}
                </nav>
                <div class="side-foot">
                    <Liveness />
                    <div class="who">
                        <Icon of="person" />
                        <span>
                            <b>{me.value?.username}</b>
                            <span class="dim">{t.roles[me.value?.role ?? "METRICS"]}</span>
                        </span>
                    </div>
                    <div class="side-buttons">
                        <Button
                            kind="ghost"
                            icon={isDark.value ? "sun" : "moon"}
                            label={isDark.value ? t.session.light : t.session.dark}
                            onClick={() => {
                                theme.value = isDark.value ? "light" : "dark";
                                keep("theme", theme.value);
                            }}
                        />
                        <Button
                            kind="ghost"
                            icon="keyboard"
                            label={t.keys.title}
                            onClick={() => (keysAreShown.value = true)}
                        />
                        <Button
                            kind="ghost"
                            icon="out"
                            label={t.session.signOut}
                            onClick={() => void signOut().catch((fault) => toast(textOf(fault), { tone: "bad" }))}
                        />
                    </div>
                </div>
            </aside>
            <main id="main">{children}</main>
        </div>
    );
}

function Liveness() {
    const what = liveness.value;
    if (what === "off") return null;
    return (
        <p class={`liveness ${what}`} role="status">
            <i aria-hidden="true" />
            {t.liveness[what]}
        </p>
    );
}

function Keys() {
    return (
        <Dialog title={t.keys.title} onClose={() => (keysAreShown.value = false)}>
            <div class="dialog-body">
                <dl class="keys">
                    {t.keys.rows.map(([keys, what]) => (
                        <div key={what}>
                            <dt>
                                {keys.map((each) => (
                                    <kbd key={each}>{each}</kbd>
                                ))}
                            </dt>
                            <dd>{what}</dd>
                        </div>
                    ))}
                </dl>
                <Check
                    label={t.keys.single}
                    checked={singleKeys.value}
                    onValue={(value) => {
                        singleKeys.value = value;
                        keep("keys", value ? "on" : "off");
                    }}
                />
            </div>
        </Dialog>
    );
}

export const focusSearch = signal(0);

addEventListener("keydown", (event) => {
    if (!me.value || expired.value || document.querySelector("dialog[open]")) return;
    const isTyping = event.target instanceof HTMLElement && /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
    const isFind =
        ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") ||
        (event.key === "/" && !isTyping && singleKeys.value && !event.ctrlKey && !event.metaKey && !event.altKey);
    if (isFind && can.read.value) {
        event.preventDefault();
        const field = document.querySelector<HTMLInputElement>("[data-search] input");
        if (field) {
            field.focus();
            field.select();
        } else {
            go(at("find"));
        }
    }
    if (event.key === "?" && !isTyping && singleKeys.value) keysAreShown.value = true;
});

function Content() {
    const [first, second] = place.value.path;
    switch (first ?? screens.value.find((each) => each.shown)?.name) {
        case "find":
            return <Find />;
        case "users":
            return <User key={second} id={second ?? ""} />;
        case "registrations":
            return <RegistrationScreen key={second} id={second ?? ""} />;
        case "new":
            return <NewRegistration key={second} />;
        case "overview":
            return <Overview />;
        case "jobs":
            return <Jobs />;
        case "applications":
            return second ? <ApplicationScreen key={second} id={second} /> : <Applications />;
        case "webhooks":
            return <Webhooks key={place.value.path.join("/")} />;
        case "accounts":
            return second ? <AccountScreen key={second} name={second} /> : <Accounts />;
        case "audit":
            return <Audit />;
    }
    return (
        <Page title={t.notFound.title}>
            <p>{t.notFound.text}</p>
        </Page>
    );
}

function App() {
    const start = useSignal<unknown>(undefined);
    const begin = () => {
        start.value = undefined;
        look().catch((fault) => (start.value = fault));
    };
    useEffect(begin, []);
    // A new screen begins at its top, and screen readers are told its name.
    const where = place.value.path.join("/");
    const isFirst = useRef(true);
    useEffect(() => {
        menuIsOpen.value = false;
        if (isFirst.current) {
            isFirst.current = false;
            return;
        }
        scrollTo(0, 0);
        if (!document.querySelector("main input:focus"))
            document.querySelector<HTMLElement>("main h1")?.focus({ preventScroll: true });
    }, [where]);
    if (start.value !== undefined)
        return (
            <main class="sign-in">
                <div class="sign-in-box">
                    <Brand />
                    <Fault of={start.value} again={begin} />
                </div>
            </main>
        );
    if (me.value === undefined)
        return (
            <main class="sign-in">
                <Skeleton rows={3} />
            </main>
        );
    if (me.value === null)
        return (
            <>
                <SignIn />
                <Toasts />
            </>
        );
    return (
        <>
            <Shell>
                <Content />
            </Shell>
            {keysAreShown.value && <Keys />}
            {expired.value ? <Expired /> : <IdleWatch />}
            <Toasts />
        </>
    );
}

render(<App />, document.getElementById("app") as HTMLElement);
