// Every text of the console. Another language is another file of this form.

import type { Attempt, Delivery, Explanation, HistoryRow, Registration, State } from "./api";

export const language = "en";

const number = new Intl.NumberFormat(language);
const count = (n: number, one: string, many: string) => `${number.format(n)} ${n === 1 ? one : many}`;

const reasons: Record<string, string> = {
    MAX_FAILED_ATTEMPTS: "Too many wrong PINs",
    NOT_SPECIFIED: "No reason was given",
    LOST: "The phone was lost",
    STOLEN: "The phone was stolen",
    SUSPECTED_FRAUD: "Suspected fraud",
    USER_REQUEST: "The user asked for it",
    TEMPORARY_BLOCK_EXPIRED: "The time of the block was over",
    REGISTRATION_EXPIRED: "It was not finished in time",
    REMOVED_BY_USER: "The user removed it with another phone",
    PARENT_REMOVED: "What it was made from is gone",
    USER_REMOVED: "Everything of this user was removed",
    USER_ERASED: "The user was erased",
    OTP_FAILED_ATTEMPT: "A wrong one-time password",
    OTP_MAX_FAILED_ATTEMPTS: "Too many wrong one-time passwords",
    OTP_VALUE_UPDATE: "Another one-time password",
    CUSTOM_ACTIVATION: "Recognised by the application's own service",
};
const lineageReasons: Record<string, string> = {
    SPAWN: "made beside",
    MOVE: "made to take the place of",
    SPAWNED_FROM: "made beside",
    MOVED_FROM: "took the place of",
    SPAWNED_TO: "another phone was added:",
    MOVED_TO: "its place was taken by",
    BLOCKED_WITH: "blocked together with",
};
/** In the middle of a sentence; "PIN" and "VIP" stay as they are. */
const inside = (text: string) => (/^[A-Z][^A-Z]/.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text);

function reason(code: string): string {
    const [kind = "", id] = code.split(":", 2);
    if (id && lineageReasons[kind]) return `${lineageReasons[kind]} ${id.slice(0, 8)}`;
    return reasons[code] ?? code;
}

const actors: Record<string, string> = {
    BACK_OFFICE: "the back office",
    PHONE: "the phone itself",
    OTHER_PHONE: "another phone of the user",
    PROVIDER: "the application's own service",
    DOORWARD: "time or rules",
};

const factorNames: Record<string, string> = {
    POSSESSION: "phone only",
    POSSESSION_KNOWLEDGE: "PIN",
    POSSESSION_BIOMETRY: "finger or face",
    POSSESSION_KNOWLEDGE_BIOMETRY: "PIN and finger or face",
};
const factors = (of: string | undefined) =>
    of ? (factorNames[of.toUpperCase()] ?? of.toLowerCase().replaceAll("_", " and ")) : "";

const historyTitles: Record<string, string> = {
    CREATE: "Created",
    EXCHANGE_KEYS: "The phone appeared",
    EXCHANGE_KEYS_AND_START: "The phone appeared and is active",
    COMMIT: "Committed",
    BLOCK: "Blocked",
    BLOCK_ON_FAILURES: "Blocked after wrong attempts",
    UNBLOCK: "Unblocked",
    REMOVE: "Removed",
    EXPIRE: "Ended unfinished",
    FAIL_OTP: "Wrong one-time password",
    REMOVE_ON_OTP: "Removed after wrong one-time passwords",
    RESET_ATTEMPTS: "Failed attempts forgotten",
    RENAME: "Renamed",
    CHANGE_FLAGS: "Flags changed",
    SPAWN: "Another phone was added",
    CANCEL: "Cancelled",
    PIN_CHANGED: "The user chose another PIN",
    REPLACE_OTP: "One-time password replaced",
    REMOVE_ON_FAILURES: "Removed after wrong attempts",
    END_BLOCK: "The block ended by itself",
    CHANGE_BLOCK: "The block got another end",
    CHANGE_LIMITS: "Limits changed",
    EDIT: "Edited",
};

const deliveryStates: Record<string, string> = {
    PENDING: "waiting for",
    DELIVERED: "delivered to",
    GIVEN_UP: "given up for",
};

export const t = {
    title: (what: string) => `${what} · doorward`,
    number: (value: number) =>
        number.format(Number(value.toFixed(Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2))),
    loading: "Loading",
    reason,
    until: "until",

    nav: {
        label: "Screens",
        side: "Console",
        skip: "To the content",
        menu: "Menu",
        find: "Find",
        new: "New registration",
        overview: "Overview",
        applications: "Applications",
        accounts: "Accounts",
        webhooks: "Webhooks",
        jobs: "Bulk changes",
        audit: "Audit log",
    },
    roles: {
        ADMIN: "Admin",
        INTEGRATION: "Back office",
        OPERATOR: "Operator",
        AUDITOR: "Auditor",
        METRICS: "Metrics",
    } as Record<string, string>,
    states: {
        CREATED: "Created",
        PENDING_COMMIT: "To commit",
        ACTIVE: "Active",
        BLOCKED: "Blocked",
        REMOVED: "Removed",
    } as Record<State, string>,
    liveness: { connecting: "Connecting …", live: "Live", waiting: "Reconnecting …", off: "" },

    actions: {
        cancel: "Cancel",
        close: "Close",
        copied: "Copied",
        copy: "Copy",
        create: "Create",
        dismiss: "Dismiss",
        done: "Done",
        earlier: "Show earlier",
        more: "Show more",
        save: "Save",
        tryAgain: "Try again",
        undo: "Undo",
    },
    form: {
        required: "(required)",
        typeToConfirm: (what: string) => `Type ${what} to confirm`,
    },
    problem: {
        title: "That did not work",
        unreachable: "The server cannot be reached. What is shown may be old; the page tries again by itself.",
        unreadable: (status: number) => `The server answered ${status}.`,
        violation: (field: string, hint: string) => `${field} ${hint}.`,
        codes: {
            ERROR_REGISTRATION_NOT_FOUND:
                "There is no such registration, or it belongs to an application that you do not see.",
            ERROR_REGISTRATION_CHANGE: "The registration changed meanwhile; in its present state this is not possible.",
            ERROR_FORBIDDEN: "Your account may not do that, or the application does not allow it.",
            ERROR_STORAGE_FULL: "The server's disk is full. Nothing was changed.",
            ERROR_OVERLOADED: "The server is busy. Try again in a moment.",
        } as Record<string, string>,
    },
    notFound: { title: "Nothing here", text: "This address leads nowhere." },
    time: {
        justNow: "just now",
        never: "never",
        hours: (hours: number, minutes: number) => (minutes ? `${hours} h ${minutes} min` : `${hours} h`),
        days: (days: number) => count(days, "day", "days"),
        units: {
            day: (n: number) => count(n, "day", "days"),
            hour: (n: number) => count(n, "hour", "hours"),
            minute: (n: number) => count(n, "minute", "minutes"),
            second: (n: number) => count(n, "second", "seconds"),
        },
    },

    signIn: {
        title: "Sign in",
        username: "Account",
        password: "Password",
        submit: "Sign in",
        wrong: "The account or the password is wrong.",
        tooMany: (left: string) => `Too many wrong passwords. Try again in ${left}.`,
        notEncrypted: "This page did not come over an encrypted connection: others on the way can read the password.",
    },
    session: { signOut: "Sign out", light: "Light colours", dark: "Dark colours" },
    idle: {
        title: "Still there?",
        text: (left: string) => `You will be signed out in ${left}, because nothing happened here for a while.`,
        stay: "Stay signed in",
    },
    expired: { title: "Sign in again", text: "You were signed out. What you see stays; sign in to go on." },
    keys: {
        title: "Keyboard",
        single: "Single keys work as shortcuts",
        rows: [
            [["/"], "Find"],
            [["Ctrl", "K"], "Find, from anywhere"],
            [["↓", "↑"], "Choose a result"],
            [["Enter"], "Open it"],
            [["Esc"], "Clear, close"],
            [["?"], "This list"],
        ] as [string[], string][],
    },

    fields: {
        application: "Application",
        blockLevel: "Temporary blocks in a row",
        children: "Made from it",
        created: "Created",
        device: "Phone",
        erased: "Erased",
        failed: "Failed attempts",
        flags: "Flags",
        lastChange: "Last change",
        lastFailure: "Last failure",
        lastUsed: "Last used",
        lineage: "Lineage",
        name: "Name",
        noPhone: "no phone yet",
        ownPolicy: "its own",
        phone: "Phone",
        policy: "Lockout policy",
        state: "State",
        unknown: "unknown",
        unnamed: "Unnamed phone",
        user: "User",
    },

    find: {
        title: "Find a phone",
        label: "User, registration id or name",
        placeholder: (byName: boolean) =>
            byName ? "User id, registration id or name of the phone" : "User id or registration id",
        state: "State",
        anyState: "Any state",
        application: "Application",
        anyApplication: "Any application",
        flag: "Flag",
        flagExample: "VIP",
        platform: "Platform",
        withRemoved: "With removed ones",
        clear: "Clear filters",
        users: "Users",
        results: "Registrations",
        count: (n: number, more: boolean) =>
            more
                ? `${count(n, "registration", "registrations")}, and there are more`
                : count(n, "registration", "registrations"),
        chosen: (of: Registration, n: number, all: number): string =>
            `${of.userId}, ${of.name ?? t.fields.unnamed}, ${t.states[of.registrationStatus]}; ${n} of ${all}`,
        begin: "Whose phone is it?",
        beginHint: "Type the beginning of a user id, or a whole registration id.",
        nothing: "Nothing found",
        nothingHint: "Registrations that were removed are found when you ask for them.",
        notYet: "Nothing found so far",
        lookFurther: "Look further",
    },

    user: {
        count: (n: number) => count(n, "registration", "registrations"),
        none: "No registrations",
        noneHint: "This user has no phone here that you can see, or all were removed.",
    },

    claims: {
        title: "What the user's phones are told",
        text: (application: string) => `Personal data that phones in ${application} may ask for.`,
        none: "Nothing but the user id.",
        names: {
            name: "Name",
            given_name: "Given name",
            family_name: "Family name",
            email: "E-mail",
            email_verified: "E-mail verified",
            phone_number: "Phone number",
            phone_number_verified: "Phone number verified",
            birthdate: "Born on",
            locale: "Language",
            address: "Address",
        } as Record<string, string>,
        add: "Add",
        addOne: "Another one",
        remove: "Take all back",
        name: "Claim",
        value: "Value",
        nameOf: (n: number) => `Claim ${n}`,
        valueOf: (n: number) => `Value of claim ${n}`,
        drop: (name: string) => `Take ${name} away`,
        hint: 'As OpenID Connect names them: name, email, phone_number, birthdate (2001-12-31), email_verified (true), address ({"locality": "…"}). Others may be added.',
        editTitle: (user: string) => `What phones of ${user} are told`,
        editText: (application: string) => [
            `All phones of the user in ${application} are told so from now on, when they ask.`,
            "It is kept, sealed, until somebody takes it back, even when the user has no phone left.",
        ],
        saved: "Phones are told so from now on.",
        removeTitle: (user: string) => `Take back what phones of ${user} are told?`,
        removeText: (application: string) =>
            `Phones of the user in ${application} are told the user id alone from now on. What they know already stays with them.`,
        removed: "Phones are told the user id alone.",
        twice: (name: string) => `${name} is there twice.`,
        notFlag: (name: string) => `${name} has to be true or false.`,
        notNumber: (name: string) => `${name} has to be a number.`,
        notObject: (name: string) => `${name} has to be written like {"locality": "Prague"}.`,
    },
    leave: {
        open: "User leaves",
        title: (user: string) => `${user} leaves`,
        mode: "What becomes of the user",
        modes: {
            remove: "Everything is removed",
            erase: "Everything is removed, and the user made unrecognisable",
        } as Record<string, string>,
        actions: { remove: "Remove for good", erase: "Remove and erase" } as Record<string, string>,
        consequences: (erase: boolean) => [
            "This cannot be undone. None of the user's phones ever works again, in any application.",
            ...(erase
                ? [
                      "Names, phones, metadata and claims are erased, also of registrations that were removed before; the user id gives way to a pseudonym.",
                      "What stays is that somebody had these registrations, and when.",
                  ]
                : ["Histories and attempts can still be read."]),
        ],
    },
    lineage: {
        title: "Lineage",
        SPAWN: "Added by",
        MOVE: "In place of",
        childIn: (type: string, application: string) =>
            type === "MOVE" ? `takes its place, in ${application}` : `beside it, in ${application}`,
    } as { title: string; SPAWN: string; MOVE: string; childIn: (type: string, application: string) => string },

    registration: {
        title: "Registration",
        copyId: "Copy the registration id",
        where: "Where it stands",
        facts: "Facts",
        diagram: (state: string) =>
            `States of a registration: from created by way of to commit to active; active and blocked lead to each other; all lead to removed, which is final. This one is now: ${state}.`,
        byItself: "by itself",
    },

    explain: {
        headline: (state: State, why: string | undefined, isTemporary: boolean) => {
            if (state === "BLOCKED")
                return `${isTemporary ? "Blocked for a time" : "Blocked"}: ${inside(reason(why ?? "NOT_SPECIFIED"))}`;
            return {
                CREATED: "Waiting for a phone",
                PENDING_COMMIT: "The phone is there; somebody has to commit it",
                ACTIVE: "Works",
                REMOVED: "Removed",
            }[state];
        },
        since: "since",
        cause: (cause: NonNullable<Explanation["cause"]>, of: Registration) => {
            const who =
                cause.by === "BACK_OFFICE"
                    ? `${cause.account ?? "an account"}${cause.externalUserId ? ` for ${cause.externalUserId}` : ""}`
                    : (actors[cause.by] ?? cause.by);
            const why =
                cause.eventReason && cause.eventReason !== "NOT_SPECIFIED"
                    ? ` (${inside(reason(cause.eventReason))})`
                    : "";
            switch (cause.event) {
                case "BLOCK_ON_FAILURES":
                    return `The phone failed ${count(of.maxFailedAttempts, "attempt", "attempts")} in a row.`;
                case "BLOCK":
                    return `Blocked by ${who}${why}.`;
                case "UNBLOCK":
                    return `Unblocked by ${who}.`;
                case "END_BLOCK":
                    return "A temporary block ended by itself.";
                case "COMMIT":
                    return `Committed by ${who}${why}.`;
                case "CREATE":
                    return `Created by ${who}${why}.`;
                case "EXCHANGE_KEYS":
                case "EXCHANGE_KEYS_AND_START":
                    return `The phone used its activation code${why}.`;
                case "REMOVE":
                    return `Removed by ${who}${why}.`;
                default:
                    return `${historyTitles[cause.event] ?? cause.event} by ${who}${why}.`;
            }
        },
        endsByItself: "It ends by itself",
        orBefore: ", or when somebody unblocks it before.",
        staysBlocked: "It stays blocked until somebody unblocks it; the phone cannot do that itself.",
        left: (failed: number, left: number) =>
            `${count(failed, "attempt", "attempts")} failed; ${count(left, "more", "more")} and it is blocked.`,
        final: "This is final. The phone has to be registered anew.",
        waits: {
            CREATED: "Nobody used its code yet. It ends in",
            PENDING_COMMIT: "It does not work before. It ends in",
        } as Record<string, string>,
        noise: (n: number) =>
            `${count(n, "message", "messages")} came that fitted nothing; such are never counted, whoever sends them.`,
        breaker: (n: number) =>
            `${count(n, "phone", "phones")} of this application ${n === 1 ? "was" : "were"} blocked in a short time; no more are blocked until`,
        attempts: (n: number, complete: boolean) =>
            `${complete ? "" : "The latest "}${count(n, "failed attempt", "failed attempts")} that led here`,
        who: "What can happen now:",
        next: {
            UNBLOCK: "unblock",
            END_BLOCK: "end of the block",
            BLOCK: "block",
            BLOCK_ON_FAILURES: "block after wrong attempts",
            COMMIT: "commit",
            EXCHANGE_KEYS: "use of the code",
            EXCHANGE_KEYS_AND_START: "use of the code",
            REMOVE: "remove",
            EXPIRE: "end unfinished",
        } as Record<string, string>,
        by: actors,
    },

    attempts: {
        meter: (failed: number, most: number) => `${failed} of ${most} failed attempts`,
        failed: (of: Attempt) =>
            [`wrong ${factors(of.factors)}`, of.clientIp && `from ${of.clientIp}`].filter(Boolean).join(", "),
        title: (of: Attempt) => {
            const what = factors(of.factors);
            switch (of.result) {
                case "SUCCESS":
                    return `Right: ${what}`;
                case "FAILURE":
                    return `Wrong: ${what}`;
                case "REPLAY":
                    return "Sent again";
                case "NOISE":
                    return `${count(of.count ?? 1, "message", "messages")} that fitted nothing`;
                default:
                    return "Could not be judged";
            }
        },
        detail: (of: Attempt) =>
            [
                of.result === "FAILURE" &&
                    of.counted &&
                    of.failedAttempts !== undefined &&
                    `the ${ordinal(of.failedAttempts)} in a row`,
                of.result === "FAILURE" && !of.counted && "not counted",
                of.result === "SUCCESS" && of.counted && "failed attempts forgotten",
                of.vaultReason && `vault: ${inside(reason(of.vaultReason))}`,
                of.channel && of.channel.toLowerCase(),
                of.uriId,
                of.clientIp && `from ${of.clientIp}`,
            ]
                .filter(Boolean)
                .join(" · "),
    },
    history: {
        title: (row: HistoryRow) => {
            const what = historyTitles[row.event] ?? row.event;
            if (row.event === "RENAME" && row.name) return `${what}: ${row.name}`;
            if (row.event === "CHANGE_FLAGS") return `${what}: ${row.flags?.join(", ") || "none"}`;
            return what;
        },
        by: (row: HistoryRow) =>
            [
                row.eventReason && reason(row.eventReason),
                row.account && `by ${row.account}`,
                row.externalUserId && `for ${row.externalUserId}`,
                !row.account && !row.eventReason && "by the phone or by itself",
                row.changed?.length && row.changed.join(", "),
            ]
                .filter(Boolean)
                .join(" · "),
        titles: historyTitles,
        looks: {
            BLOCK: { tone: "bad", icon: "lock" },
            BLOCK_ON_FAILURES: { tone: "bad", icon: "lock" },
            UNBLOCK: { tone: "good", icon: "unlock" },
            END_BLOCK: { tone: "good", icon: "unlock" },
            REMOVE: { tone: "bad", icon: "cross" },
            CREATE: { tone: "", icon: "add" },
            COMMIT: { tone: "good", icon: "check" },
            EXCHANGE_KEYS: { tone: "good", icon: "phone" },
            EXCHANGE_KEYS_AND_START: { tone: "good", icon: "phone" },
            CHANGE_FLAGS: { tone: "", icon: "flag" },
        } as Record<string, { tone: string; icon: string }>,
    },
    deliveries: {
        states: { PENDING: "Waiting", DELIVERED: "Delivered", GIVEN_UP: "Given up" } as Record<string, string>,
        failures: {
            UNRESOLVED: "its name is not known",
            UNREACHABLE: "it cannot be reached",
            UNTRUSTED: "its certificate is not trusted",
            CLOSED: "it closed the connection",
            MALFORMED: "its answer cannot be read",
            TOO_LARGE: "its answer is too large",
            TIMED_OUT: "it did not answer in time",
            UNUSABLE: "its credentials cannot be used",
        } as Record<string, string>,
        title: (of: Delivery, to: string) =>
            `${historyTitles[of.event] ?? of.event}: ${deliveryStates[of.state] ?? of.state} ${to}`,
        detail: (of: Delivery): string =>
            [
                count(of.attempts, "attempt", "attempts"),
                of.lastStatus && `answered ${of.lastStatus}`,
                of.lastFailure && (t.deliveries.failures[of.lastFailure] ?? of.lastFailure),
            ]
                .filter(Boolean)
                .join(" · "),
    },
    timeline: {
        title: "What happened",
        show: "Show",
        all: "All",
        history: "Changes",
        attempts: "Attempts",
        deliveries: "Webhooks",
        nothing: "Nothing of this kind.",
    },

    block: {
        open: "Block",
        change: "Change the block",
        changeAction: "Change the block",
        action: "Block",
        title: (name: string) => `Block ${name}?`,
        consequences: (again: boolean) =>
            again
                ? ["The block gets the end that you choose here; its reason stays.", "The phone goes on being refused."]
                : [
                      "From now on the phone is refused, right PIN or not.",
                      "Its failed attempts stay as they are.",
                      "You can unblock it at any time; failed attempts are forgotten then.",
                  ],
        reason: "Why",
        reasons: [
            ["LOST", "The phone was lost"],
            ["STOLEN", "The phone was stolen"],
            ["SUSPECTED_FRAUD", "Suspected fraud"],
            ["USER_REQUEST", "The user asked for it"],
            ["", "Another reason …"],
        ] as [string, string][],
        ownReason: "Reason",
        until: "For how long",
        spans: {
            forGood: "Until somebody unblocks it",
            hour: "One hour",
            day: "One day",
            week: "One week",
            month: "30 days",
        },
        cascade: (n: number) => `Block what was made from it too (${n})`,
        cascadeHint: "Phones that were added by this one, and those that were added by them.",
        done: (name: string) => `${name} is blocked.`,
    },
    unblock: {
        open: "Unblock",
        action: "Unblock",
        undo: "Block again",
        title: (name: string) => `Unblock ${name}?`,
        consequences: (most: number, why: string | undefined) => [
            "The phone works again at once.",
            `Failed attempts are forgotten: the user has ${most} new ones.`,
            ...(why === "STOLEN" || why === "LOST" || why === "SUSPECTED_FRAUD"
                ? [`It was blocked on purpose (${inside(reason(why))}). Be sure who is asking.`]
                : []),
        ],
        done: (name: string) => `${name} is unblocked.`,
    },
    reset: {
        open: "Forget failures",
        action: "Forget failures",
        title: (name: string) => `Forget the failed attempts of ${name}?`,
        consequences: (failed: number, most: number) => [
            `${count(failed, "failed attempt is", "failed attempts are")} forgotten; the user has ${most} again.`,
            "This cannot be undone.",
        ],
        done: "The failed attempts are forgotten.",
    },
    remove: {
        open: "Remove",
        action: "Remove for good",
        title: (name: string) => `Remove ${name}?`,
        consequences: (children: number) => [
            "This cannot be undone. The phone never works again with this registration.",
            "The user has to register anew, with a new code.",
            "History and attempts can still be read.",
            ...(children
                ? [
                      `The ${count(children, "registration that was", "registrations that were")} made from it ${children === 1 ? "stays" : "stay"}; what still waits is cancelled.`,
                  ]
                : []),
        ],
        reason: "Reason (may be left out)",
        done: (name: string) => `${name} is removed.`,
    },
    rename: {
        open: "Rename",
        action: "Rename",
        title: "Rename the phone",
        hint: "The user sees it in the app.",
        done: (name: string) => `Its name is ${name} now.`,
    },
    flags: {
        open: "Flags",
        action: "Save flags",
        title: (name: string) => `Flags of ${name}`,
        consequences:
            "Flags are told with every verdict; your systems may treat the phone differently because of them.",
        none: "No flags",
        add: "Add a flag",
        addHint: "Enter adds it; several are separated by commas.",
        drop: (flag: string) => `Take ${flag} away`,
        done: "The flags are changed.",
    },
    commit: {
        open: "Commit",
        action: "Commit",
        title: (name: string) => `Commit ${name}?`,
        compare: "Compare these digits",
        compareText: "The phone shows the same eight digits when no one is in between.",
        consequences: (user: string) => [
            `The phone can act for ${user} from then on.`,
            "Be sure that the user has this phone in hand.",
        ],
        same: "The phone shows the same digits",
        otp: "One-time password",
        otpHint: "Only when one was set for this registration.",
        done: (name: string) => `${name} is active.`,
    },
    pass: {
        open: "Pass on",
        action: "Make a code",
        title: (name: string) => `Pass ${name} on to another phone`,
        type: "What becomes of this phone",
        types: [
            ["SPAWN", "It stays; the other one is added"],
            ["MOVE", "It is removed when the other one is active"],
        ] as [string, string][],
        consequences: (move: boolean) => [
            "You get a code for the user's other phone.",
            move
                ? "This phone is removed for good in the moment in which the other one is active."
                : "Both phones work afterwards.",
            "When this phone is blocked or removed before, the other one does not become active.",
        ],
    },
    create: {
        subtitle: "You get a code, which the user scans with the app.",
        userHint: "As your systems know the user.",
        name: "Name of the phone",
        nameHint: "May be left out; the phone tells its own.",
        noApplication: "No application is assigned to your account.",
        phase: "When it becomes active",
        phases: [
            ["ON_COMMIT", "When somebody has committed it"],
            ["ON_KEY_EXCHANGE", "As soon as the code was used"],
        ] as [string, string][],
        life: "How long the code holds",
        lives: { short: "5 minutes", hour: "One hour", day: "One day", month: "30 days" },
        otp: "One-time password",
        otpHint: "A second secret that the user tells; may be left out.",
        flagsHint: "Separated by commas.",
        submit: "Make the code",
        forUser: (user: string) => `New phone of ${user}`,
        show: "Show the registration",
        arrived: "The phone is there",
        active: "The phone is active",
        late: "Nobody used the code in time",
        again: "Make another code",
    },
    overview: {
        total: "Registrations",
        monthlyActive: "Used in 30 days",
        blockedNow: "Blocked now",
        lockoutsHour: "Lockouts this hour",
        breakers: "Breakers open",
        none: "None",
        lockoutsPerHour: "Locked out by wrong attempts, per hour",
        byApplication: "By application",
        asOf: "Counted",
        counting: "Registrations are being counted for the first time. This page shows them in a moment.",
        breaker: (application: string) => `Far too many phones of ${application} are being locked out`,
        breakerMore: "More about it",
        breakerText: (n: number, usual: number) =>
            `${count(n, "phone", "phones")}, where ${number.format(usual)} are usual. No more are locked out; their attempts are slowed down, until`,
        attemptsPerSecond: "Attempts per second",
        accepted: "Right",
        refused: "Wrong",
        blocked: "Blocked",
        noise: "Noise",
        latency: "Milliseconds it takes",
        commitHalf: "Commit, half",
        commitMost: "Commit, 99 of 100",
        verdictMost: "Verdict, 99 of 100",
        noValue: "–",
        soon: "The first numbers come in a moment.",
        noLockouts: "None in 24 hours",
        hour: (from: string, to: string, n: number) => `${from} to ${to}: ${number.format(n)}`,
        lockoutsDay: "Lockouts in 24 h",
        all: "All",
        devices: "Connections of phones",
        offices: "Connections of back offices",
        slots: "Registrations in memory",
        lag: "Attempts to be folded",
        events: "As it happens",
        seen: (n: number) => `${count(n, "event", "events")} since you opened this page`,
        hold: "Hold",
        goOn: "Go on",
        bars: (what: string, total: number, most: number) =>
            `${what}: ${number.format(total)} in 24 hours, ${number.format(most)} in the worst`,
    },
    audit: {
        number: "No.",
        when: "When",
        what: "What",
        about: "About",
        who: "By",
        more: "More",
        phone: "phone or doorward",
        onBehalf: (who: string) => `for ${who}`,
        account: "Account",
        registration: "Registration",
        event: "Event",
        anyEvent: "Any event",
        period: "Period",
        periods: { day: "Last day", week: "Last week", month: "Last 30 days", year: "Last year" },
        checkpoint: "Sign a checkpoint",
        checkpointTitle: "Checkpoint",
        checkpointText:
            "A signed statement of what the events are now. Keep it elsewhere; later it proves whether any was changed, lost or added.",
        keep: "Save as a file",
        sequence: "Events",
        digest: "Digest",
        publicKey: "Public key",
        signature: "Signature",
        eventName: (event: string): string => historyTitles[event] ?? t.audit.events[event] ?? event,
        until: (when: string) => `until ${when}`,
        events: {
            CREATE_APPLICATION: "Application created",
            REMOVE_APPLICATION: "Application removed",
            CHANGE_APPLICATION: "Application changed",
            CREATE_APPLICATION_VERSION: "Version added",
            SUPPORT_APPLICATION_VERSION: "Version supported again",
            RETIRE_APPLICATION_VERSION: "Version retired",
            CREATE_MASTER_KEY: "Master key added",
            SIGN_WITH_MASTER_KEY: "Master key signs",
            REMOVE_MASTER_KEY: "Master key forgotten",
            OPEN_LOCKOUT_BREAKER: "Breaker opened",
            CLOSE_LOCKOUT_BREAKER: "Breaker closed",
            BEGIN_MASTER_KEY_ROTATION: "Exchange of the store's master key begun",
            END_MASTER_KEY_ROTATION: "Store's master key exchanged",
            CREATE_ACCOUNT: "Account created",
            REMOVE_ACCOUNT: "Account removed",
            CHANGE_ACCOUNT: "Account changed",
            ROTATE_PASSWORD: "Password changed",
            SIGN_IN: "Signed in",
            SIGN_OUT: "Signed out",
            CREATE_TOKEN: "Token created",
            REVOKE_TOKEN: "Token revoked",
            ASSIGN_APPLICATION: "Application assigned",
            UNASSIGN_APPLICATION: "Application taken away",
            CREATE_WEBHOOK: "Webhook created",
            CHANGE_WEBHOOK: "Webhook changed",
            ROTATE_WEBHOOK_SECRET: "Webhook secret changed",
            REMOVE_WEBHOOK: "Webhook removed",
            REDELIVER: "Delivered once more",
        } as Record<string, string>,
    },
    apps: {
        create: "New application",
        createText: "It gets its first version and master key. Its configuration goes into the mobile app.",
        id: "Id",
        idHint: "Letters, digits and . _ - ; it stays for ever.",
        none: "No applications",
        noneHint: "An application is what phones are registered in.",
        maxFailed: "Wrong attempts until blocked",
        passingOn: "Passing on",
        spawn: "beside",
        move: "in place of",
        provider: "Own service",
        yes: "Yes",
        no: "No",
        remove: "Remove",
        removeTitle: (id: string) => `Remove ${id}?`,
        removeText: [
            "Only an application without registrations can be removed; those that were removed do not count.",
            "Its versions, master keys and webhooks are gone for good.",
        ],
        removed: (id: string) => `${id} is removed.`,
        versions: "Versions",
        versionsText: "What is compiled into an app. Phones with any supported version are let in.",
        addVersion: "Add a version",
        appKey: "Key",
        supported: "Supported",
        retired: "Retired",
        retire: "Retire",
        support: "Support again",
        versionDialogs: {
            add: {
                title: "Add a version",
                action: "Create",
                consequences: "A new key and secret for the next build of the app. Versions in use go on.",
            },
            retire: {
                title: "Retire this version?",
                action: "Retire",
                consequences:
                    "Phones with this version of the app are refused from now on, with everything. It can be supported again.",
            },
            support: {
                title: "Support this version again?",
                action: "Support again",
                consequences: "Phones with this version of the app are let in again.",
            },
        },
        retiredNow: "The version is retired.",
        supportedAgain: "The version is supported again.",
        masterKey: "Master key",
        masterKeys: "Master keys",
        masterKeysText:
            "What signs activation codes. To replace one: add a key, build new versions, let it sign when most phones have the new app, retire the old versions, and forget the old key.",
        addKey: "Add a key",
        keyId: "Key id",
        signs: "Signs",
        signsNow: "Signs",
        sign: "Let it sign",
        forget: "Forget",
        keyTitles: { add: "Add a master key", sign: "Let this key sign?", remove: "Forget this key?" },
        keyActions: { add: "Add", sign: "Let it sign", remove: "Forget" },
        keyTexts: {
            add: "Versions that are added from now on are built with it. Nothing changes for those in use.",
            sign: "New QR codes are signed with it. Phones whose app was built with another key refuse them; codes that are typed in work for all. You can let the other key sign again.",
            remove: "This cannot be undone. It is possible only when no supported version was built with it.",
        },
        sdk: "Configuration",
        sdkText: "What the mobile SDK is configured with.",
        sdkPicture: "QR code with the configuration of the mobile SDK",
        settings: "Settings",
        settingsText: "Changes hold for the next request.",
        edit: "Edit",
        saved: "The settings are saved.",
        actions: "Actions",
        deviceManagement: "Users manage their phones in the app",
        deviceManagementHint: "Rename their own, and list and remove their others.",
        vaultWithBiometry: "The vault opens with finger or face",
        lowestVersion: "Lowest protocol version",
        lowestVersionHint: "Phones that speak an older one are refused.",
        breaker: "Stops mass lockouts",
        targets: "Passed on to",
        targetsHint: "Ids of applications, separated by commas; none: only this one.",
        sameOnly: "this application only",
        newFlags: "Flags of the new phone",
        newMaxFailed: "Wrong attempts of the new phone",
        newMaxFailedHint: "Until it is blocked; empty: as for any other.",
        asOthers: "as for any other",
        cascade: "Blocking goes on to what was made from a phone",
        spawnLabel: "A phone may be added by another",
        moveLabel: "A phone may take the place of another",
        roles: "Roles told with verdicts",
        rolesHint: "Separated by commas.",
    },
    provider: {
        title: "Own service",
        none: "None: phones register with codes alone.",
        url: "Address",
        urlHint: "https://host/path, without a query",
        timeout: "Has to answer within",
        timeoutField: "Has to answer within (ms)",
        timeoutHint: "100 to 10,000; the phone waits for it.",
        milliseconds: (ms: number) => `${number.format(ms)} ms`,
        secret: "Secret",
        newSecret: "New secret",
        kept: "there is one; it is never shown",
        noSecret: "none",
        choices: [
            ["keep", "Keep the present one"],
            ["replace", "Another one"],
            ["none", "None"],
        ] as [string, string][],
        secretHint: "Sent to the service with each question, as a bearer token. Never shown again.",
        elsewhere:
            "The address names another server, so the present secret is not sent there: give one again, or none.",
        add: "Set up",
        addText: [
            "Phones may then register with what this service recognises, without a code.",
            "Whoever it lets in is registered: doorward looks at nothing else.",
        ],
        editText: [
            "It holds for the next phone that asks.",
            "While the service is away, phones cannot register with it.",
        ],
        remove: "Take away",
        removeTitle: (id: string) => `Take the own service of ${id} away?`,
        removeText: (hasSecret: boolean) => [
            "Phones register with codes alone from now on. Those that are registered go on.",
            ...(hasSecret ? ["Its secret is forgotten: whoever sets it up again has to know it."] : []),
        ],
        removed: "The own service is taken away.",
    },
    breaker: {
        title: "Breaker of mass lockouts",
        off: "Off: however many phones are locked out at once, the policy goes on. It is switched on with the lockout policy.",
        sentence: (least: number, window: string, factor: number, pause: string) =>
            `Opens when ${count(least, "phone is", "phones are")} locked out within ${window}, and that is ${number.format(factor)} times what is usual. No more are locked out then, and attempts are slowed down, for ${pause}.`,
        isOpen: "Open",
        isClosed: "Closed",
        never: "It did not open in the last 30 days.",
        openOnes: "Open now",
        turns: "When it opened",
        version: "Version",
        reported: "reported attempts",
        lockouts: "Lockouts",
        usual: "Usual",
        since: "Since",
        until: "Lets go in",
        opened: "Opened",
        letGo: "Let go",
        held: "Slowed down",
    },
    policy: {
        title: "Lockout policy",
        sentence: (
            most: number,
            first: string | undefined,
            multiplier: number,
            max: string,
            window: string | undefined,
        ) =>
            [
                `After ${count(most, "wrong attempt", "wrong attempts")} a phone is blocked`,
                first
                    ? ` for ${first}${multiplier > 1 ? `, each time ${multiplier} times as long, up to ${max}` : ""}.`
                    : " until somebody unblocks it.",
                window ? ` Failures older than ${window} are forgotten.` : "",
            ].join(""),
        max: "Wrong attempts",
        block: "Then",
        blocks: [
            ["permanent", "Blocked until unblocked"],
            ["temporary", "Blocked for a time"],
        ] as [string, string][],
        first: "First block",
        multiplier: "Each next, times longer",
        most: "At most",
        afterExpiry: "Attempts after it",
        afterExpiryHint: "So many are left when a block has ended.",
        maxBlocks: "Blocks in a row",
        maxBlocksHint: "After so many the next failure does more; 0: no limit.",
        thenAction: "After them",
        thenActions: [
            ["BLOCK", "Blocked for good"],
            ["REMOVE", "Removed"],
        ] as [string, string][],
        window: "Forget failures after",
        never: "Never",
        counters: "Count",
        counterKinds: [
            ["shared", "All failures together"],
            ["perFactor", "PIN and biometry apart"],
        ] as [string, string][],
        resetOn: "What forgets failures",
        resets: [
            ["ANY", "Any success"],
            ["KNOWLEDGE", "Only a right PIN"],
        ] as [string, string][],
        onlyProven: "Only failures of the phone itself count",
        onlyProvenHint: "Otherwise strangers who know an id can block phones.",
        unproven: "Noise a minute",
        unprovenHint: "So many messages that fit nothing are answered for one phone; 0: no limit.",
        breakerLeast: "Lockouts, at least",
        breakerWindow: "Within",
        breakerFactor: "Times the usual number",
        breakerPause: "Lets go after",
        hints: "What your systems are told with a refused attempt",
        hintRemaining: "How many attempts are left",
        hintUntil: "Until when the phone is blocked",
        breaker: "Stop mass lockouts",
        breakerHint: "When far more phones than usual are locked out, no more are, and their attempts are slowed down.",
        simulate: "Try on recorded attempts",
        simulateText:
            "Try a policy before it holds: what it would have made of the attempts of the last 90 days, beside the present one.",
        save: "Save the policy",
        discard: "Discard",
        saveTitle: (id: string) => `Change the lockout policy of ${id}?`,
        saveText: [
            "It holds for the next attempt of every phone, but for those with a policy of their own.",
            "Blocks that have begun end when they were going to.",
        ],
        saved: "The policy is saved.",
        wouldHave: (blocked: number, all: number, changed: boolean) =>
            `${changed ? "This policy" : "The present policy"} would have blocked ${number.format(blocked)} of ${count(all, "phone", "phones")}.`,
        lockouts: "Lockouts",
        lockedOut: "Phones locked out",
        falseLockouts: "Probably the owner",
        removals: "Removed",
        compare: (now: number, then: number) => `Now ${number.format(now)}, with this policy ${number.format(then)}`,
        now: "Present policy",
        then: "This policy",
        attempts: "Attempts looked at",
        registrations: "Phones with attempts",
        incomplete: "There are more attempts than can be looked at; this is about the first of them.",
    },
    accounts: {
        create: "New account",
        createText: "The password is shown once.",
        name: "Name",
        nameHint: "Letters, digits and . _ - @",
        role: "Role",
        roleTexts: {
            ADMIN: "everything",
            INTEGRATION: "a back office's systems",
            OPERATOR: "a person who helps users",
            AUDITOR: "reads everything of its applications",
            METRICS: "reads numbers",
        } as Record<string, string>,
        rightsTitle: "Beyond that",
        rights: { REMOVE: "May remove phones", BULK: "May change many at once" } as Record<string, string>,
        all: "All",
        noApplications: "None: sees nothing yet",
        enabled: "Enabled",
        disabled: "Disabled",
        madeTitle: (name: string) => `Password of ${name}`,
        once: "This is shown once. Whoever loses it needs another one.",
        own: "This is your own account.",
        seesAll: "An admin sees all applications.",
        assign: "Assign an application",
        choose: "Choose …",
        add: "Assign",
        assigned: (id: string) => `${id} is assigned.`,
        unassigned: (id: string) => `${id} is taken away.`,
        unassign: (id: string) => `Take ${id} away`,
        changeRole: "Role",
        changeText: "Holds from the next request on; whoever is signed in has to sign in again.",
        rotate: "New password",
        rotateTitle: (name: string) => `Another password for ${name}?`,
        rotateText:
            "The present one stops to hold at once, and whoever is signed in with it is signed out. Tokens stay.",
        changed: (name: string) => `The role of ${name} is changed.`,
        disabledNow: (name: string) => `${name} is disabled.`,
        enabledNow: (name: string) => `${name} is enabled.`,
        disable: "Disable",
        enable: "Enable",
        disableTitle: (name: string) => `Disable ${name}?`,
        enableTitle: (name: string) => `Enable ${name}?`,
        disableText: "It is refused from now on, with its tokens too. It can be enabled again.",
        enableText: "Its password and tokens hold again.",
        remove: "Remove",
        removeTitle: (name: string) => `Remove ${name}?`,
        removeText: "This cannot be undone. Its tokens stop to hold; what it did stays in the audit log.",
        removed: (name: string) => `${name} is removed.`,
        tokens: "Tokens",
        tokensText: "Secrets that stand for the account in programs, in place of its password.",
        noTokens: "No tokens",
        createToken: "New token",
        createTokenText: "The token is shown once.",
        tokenName: "Name",
        token: "Token",
        tokenTitle: (name: string) => `Token ${name}`,
        expires: "Ends",
        tokenLives: { month: "In 30 days", year: "In a year", never: "Never" },
        revoke: "Revoke",
        revokeTitle: (name: string) => `Revoke ${name}?`,
        revokeText: "Programs that use it are refused from now on. This cannot be undone.",
    },
    hooks: {
        subtitle: "Where changes of registrations are sent.",
        create: "New webhook",
        createText:
            "From now on every change of state in this application is sent there, signed. The secret is shown once.",
        edit: "Edit",
        editTitle: (name: string) => `Edit ${name}`,
        editText: "Holds from the next delivery on; what waits is tried at once.",
        none: (application: string) => `No webhooks in ${application}`,
        noneHint: "A webhook tells another system what happens to registrations.",
        url: "Address",
        urlHint: "https://host/path, without a query",
        maxAttempts: "Attempts until given up",
        attributes: "What is told",
        authentication: "Authentication",
        authentications: {
            NONE: "None",
            BASIC: "Name and password (Basic)",
            BEARER: "Bearer token",
            CERTIFICATE: "Client certificate",
        } as Record<string, string>,
        credentials: "How doorward shows who it is",
        credentialsHint: "Beside the signature, which every delivery has. Secrets are never shown again.",
        keptHint: "What is left empty stays as it is.",
        username: "User name",
        certificates: "Certificates (PEM)",
        certificatesHint: "The client's own first.",
        privateKey: "Private key (PEM)",
        privateKeyHint: "Of the first certificate. Never shown again.",
        backoff: "First pause",
        backoffSeconds: "First pause (s)",
        backoffHint: "Three times as long after each.",
        payloadType: "Type in what is sent",
        payloadTypes: [
            ["REGISTRATION_STATUS_CHANGE", "REGISTRATION_STATUS_CHANGE"],
            ["ACTIVATION", "ACTIVATION"],
        ] as [string, string][],
        payloadTypeHint: "ACTIVATION is for older receivers.",
        retention: "Log kept for",
        retentionDays: "Log kept for (days)",
        lastEvent: "Everything sent up to event",
        enabled: "Sending",
        paused: "Paused",
        pause: "Pause",
        resume: "Go on",
        pauseTitle: (name: string) => `Pause ${name}?`,
        resumeTitle: (name: string) => `Go on sending to ${name}?`,
        saved: (name: string) => `${name} is changed.`,
        pausedNow: (name: string) => `${name} is paused.`,
        resumed: (name: string) => `${name} is sent to again.`,
        pauseText: "Events wait, and are sent when it goes on.",
        resumeText: "Everything that waited is sent.",
        test: "Send a test",
        testDelivered: "The test was delivered.",
        testFailed: "The test was not delivered.",
        answered: (status: number) => `answered ${status}`,
        rotate: "New secret",
        rotateTitle: (name: string) => `Another secret for ${name}?`,
        rotateText: "Deliveries are signed with both for 24 hours, so that the receiver can change over.",
        secret: "Secret",
        secretTitle: (name: string) => `Secret of ${name}`,
        once: "This is shown once. The receiver checks signatures with it.",
        remove: "Remove",
        removeTitle: (name: string) => `Remove ${name}?`,
        removeText: "This cannot be undone. What was not sent yet never is, and the log is gone.",
        log: "Deliveries",
        noDeliveries: "Nothing was sent yet.",
        attempts: "Attempts",
        lastAttempt: "Last attempt",
        next: "next",
        redeliver: "Send again",
        redelivered: "It is sent once more.",
    },
    jobs: {
        subtitle: "The same change for many registrations.",
        start: "New change",
        change: "Change",
        changes: {
            BLOCK: "Block",
            UNBLOCK: "Unblock",
            REMOVE: "Remove",
            ADD_FLAGS: "Add flags",
            REMOVE_FLAGS: "Take flags away",
            REMOVE_USER: "Remove a user",
            ERASE_USER: "Erase a user",
        } as Record<string, string>,
        reason: "Reason",
        by_: "Which ones",
        bys: [
            ["filter", "All that are like this"],
            ["ids", "These, by their ids"],
        ] as [string, string][],
        ids: "Registration ids",
        idsHint: (n: number) => `Up to 1,000, separated by spaces or lines; ${number.format(n)} so far.`,
        users: "Users",
        usersHint: "Ids, separated by spaces or commas.",
        unused: "Unused for days",
        unusedHint: "Last used before so many days.",
        preview: "Look who it is about",
        matched: (n: number) => `It is about ${count(n, "registration", "registrations")}.`,
        go: (change: string, n: number) => `${change}: ${count(n, "registration", "registrations")}`,
        begin: "Begin",
        consequences: (change: string) => [
            ...(change === "REMOVE" ? ["This cannot be undone. None of these phones ever works again."] : []),
            ...(change === "BLOCK"
                ? ["All of these phones are refused from then on; they can be unblocked in the same way."]
                : []),
            ...(change === "UNBLOCK"
                ? [
                      "All of these phones work again, whatever they were blocked for. Their failed attempts are forgotten.",
                  ]
                : []),
            "When more match than were shown, nothing is done.",
            "It goes on after a restart of the server. Cancelling leaves what is done.",
        ],
        started: "It has begun.",
        list: "Changes",
        none: "Nothing in the last 7 days",
        states: { RUNNING: "Running", DONE: "Done", CANCELLED: "Cancelled" } as Record<string, string>,
        by: (account: string) => `by ${account},`,
        progress: (done: number, all: number) => `${number.format(done)} of ${number.format(all)}`,
        counts: (done: number, skipped: number, failed: number, all: number) =>
            [
                `${number.format(done)} of ${number.format(all)} done`,
                skipped ? `${number.format(skipped)} did not match any more` : "",
                failed ? `${number.format(failed)} failed` : "",
            ]
                .filter(Boolean)
                .join(" · "),
        failed: (n: number) => count(n, "that failed", "that failed"),
        cancel: "Cancel",
        cancelTitle: "Cancel this change?",
        cancelText: "What is done stays; the rest is left alone.",
    },
    invitation: {
        title: "Scan this with the app",
        text: "Or type the code:",
        picture: "QR code with the activation code",
        ends: "Ends in",
        waiting: "Waiting for the phone …",
    },
};

function ordinal(n: number): string {
    const rest = n % 100;
    if (rest > 10 && rest < 14) return `${n}th`;
    return `${n}${["th", "st", "nd", "rd"][n % 10] ?? "th"}`;
}
