// Finding a phone: as one types, without the mouse.

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import {
    get,
    isGone,
    path,
    Problem,
    query,
    states,
    type Registration,
    type RegistrationPage,
    type State,
} from "../api";
import { t } from "../en";
import { follow } from "../feed";
import { at, go, place, replaceQuery } from "../router";
import { can, epoch } from "../session";
import { Time } from "../time";
import {
    AttemptsMeter,
    Button,
    Check,
    Empty,
    Fault,
    Flags,
    Input,
    LinkButton,
    listOf,
    Page,
    Select,
    Skeleton,
    StateBadge,
    TableBox,
    useApplications,
} from "../ui";

const typingPauseMs = 180;
const rowsOfPage = 25;
const pagesAtOnce = 8; // a page may be short although there is more
const isId = (text: string) => /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i.test(text);

interface Filters {
    state: string;
    app: string;
    flag: string;
    platform: string;
    removed: boolean;
}
interface Found {
    /** What was asked for. */
    key?: string;
    users: string[];
    rows: Registration[];
    cursor?: string;
    /** There is more, but nothing was found in what was looked at so far. */
    isPartial: boolean;
}

function filterQuery(of: Filters) {
    return {
        status: of.state,
        appId: of.app,
        flag: listOf(of.flag),
        platform: of.platform.trim(),
        removed: of.removed || of.state === "REMOVED",
    };
}

/** Pages until there are enough rows. */
async function readRows(
    by: Record<string, string>,
    of: Filters,
    cursor: string | undefined,
    signal: AbortSignal,
): Promise<Found> {
    const out: Found = { users: [], rows: [], cursor, isPartial: false };
    for (let i = 0; i < pagesAtOnce; ++i) {
        const page = await get<RegistrationPage>(
            `/v2/registrations${query({ ...by, ...filterQuery(of), limit: rowsOfPage, cursor: out.cursor })}`,
            { signal },
        );
        out.rows.push(...page.registrations);
        out.cursor = page.nextCursor;
        if (!out.cursor || out.rows.length >= rowsOfPage) return out;
    }
    out.isPartial = true;
    return out;
}

function matches(row: Registration, of: Filters) {
    const flags = listOf(of.flag);
    return (
        (!of.state || row.registrationStatus === of.state) &&
        (!of.app || row.applicationId === of.app) &&
        (!of.platform.trim() || row.platform?.toLowerCase() === of.platform.trim().toLowerCase()) &&
        flags.every((each) => row.flags.includes(each))
    );
}

async function search(text: string, of: Filters, signal: AbortSignal): Promise<Found> {
    const wanted = text.trim();
    if (isId(wanted)) {
        try {
            const one = await get<Registration>(path`/v2/registrations/${wanted.toLowerCase()}`, { signal });
            return { users: [], rows: matches(one, of) ? [one] : [], isPartial: false };
        } catch (fault) {
            if (fault instanceof Problem && fault.code === "ERROR_REGISTRATION_NOT_FOUND")
                return { users: [], rows: [], isPartial: false };
            throw fault;
        }
    }
    if (!wanted) {
        if (!can.listEverybody.value) return { users: [], rows: [], isPartial: false };
        return readRows({}, of, undefined, signal);
    }
    const users = await get<{ users: { userId: string }[] }>(`/v2/users${query({ prefix: wanted, limit: 8 })}`, {
        signal,
    });
    const names = users.users.map((each) => each.userId);
    // Whoever is meant: all that begin so, while they are few; and whatever has such a name.
    const ofUsers = await Promise.all(
        names.slice(0, 5).map((each) => readRows({ userId: each }, of, undefined, signal)),
    );
    const named = can.listEverybody.value
        ? await readRows({ name: wanted }, of, undefined, signal)
        : { users: [], rows: [], isPartial: false };
    const rows = ofUsers.flatMap((each) => each.rows);
    const seen = new Set(rows.map((each) => each.registrationId));
    rows.push(...named.rows.filter((each) => !seen.has(each.registrationId)));
    return { users: names, rows, cursor: named.cursor, isPartial: named.isPartial };
}

export function Find() {
    const from = place.value.query;
    const text = useSignal(from.get("q") ?? "");
    const filters = useSignal<Filters>({
        state: from.get("state") ?? "",
        app: from.get("app") ?? "",
        flag: from.get("flag") ?? "",
        platform: from.get("platform") ?? "",
        removed: from.get("removed") === "yes",
    });
    const found = useSignal<Found | undefined>(undefined);
    const fault = useSignal<unknown>(undefined);
    const busy = useSignal(false);
    const chosen = useSignal(0);
    const isChosenByKey = useSignal(false);
    const openWhenFound = useRef(false); // Enter came before what was typed was found
    const applications = useApplications().value ?? [];
    const running = useRef<AbortController | undefined>(undefined);
    const rowsRef = useRef<HTMLTableSectionElement>(null);

    const key = JSON.stringify([text.value.trim(), filters.value]);
    const open = (row: Registration | undefined) => {
        if (row) go(at("registrations", row.registrationId));
    };
    const run = async () => {
        running.current?.abort();
        const mine = new AbortController();
        running.current = mine;
        busy.value = true;
        try {
            const out = await search(text.value, filters.value, mine.signal);
            if (mine.signal.aborted) return;
            // What was chosen stays chosen, wherever it is now.
            const kept = isChosenByKey.value ? found.value?.rows[chosen.value]?.registrationId : undefined;
            const place = kept === undefined ? -1 : out.rows.findIndex((each) => each.registrationId === kept);
            found.value = { ...out, key };
            fault.value = undefined;
            chosen.value = Math.max(0, place);
            isChosenByKey.value = place >= 0;
            if (openWhenFound.current) open(out.rows[0]);
            openWhenFound.current = false;
        } catch (problem) {
            if (isGone(problem) || mine.signal.aborted) return;
            fault.value = problem;
        }
        busy.value = false;
    };
    useEffect(() => {
        const of = filters.value;
        replaceQuery({
            q: text.value.trim(),
            state: of.state,
            app: of.app,
            flag: of.flag.trim(),
            platform: of.platform.trim(),
            removed: of.removed ? "yes" : "",
        });
        const timer = setTimeout(() => void run(), found.value === undefined ? 0 : typingPauseMs);
        return () => {
            clearTimeout(timer);
            running.current?.abort();
        };
    }, [key, epoch.value]);

    // What is shown follows what happens.
    useEffect(
        () =>
            follow((batch) => {
                const known = found.value;
                if (!known) return;
                const latest = new Map<string, { state: State; reason?: string }>();
                for (const each of batch)
                    if (each.registrationId && each.registrationStatus)
                        latest.set(each.registrationId, { state: each.registrationStatus, reason: each.blockedReason });
                if (!known.rows.some((row) => latest.has(row.registrationId))) return;
                found.value = {
                    ...known,
                    rows: known.rows.map((row) => {
                        const now = latest.get(row.registrationId);
                        if (!now) return row;
                        const isUnblocked = row.registrationStatus === "BLOCKED" && now.state === "ACTIVE";
                        return {
                            ...row,
                            registrationStatus: now.state,
                            blockedReason: now.reason,
                            failedAttempts: isUnblocked ? 0 : row.failedAttempts,
                        };
                    }),
                };
            }),
        [],
    );

    const more = async () => {
        const known = found.value;
        if (!known?.cursor) return;
        busy.value = true;
        const mine = new AbortController();
        running.current = mine;
        try {
            const by: Record<string, string> = text.value.trim() ? { name: text.value.trim() } : {};
            const next = await readRows(by, filters.value, known.cursor, mine.signal);
            if (mine.signal.aborted) return;
            const seen = new Set(known.rows.map((each) => each.registrationId));
            found.value = {
                ...next,
                key: known.key,
                users: known.users,
                rows: [...known.rows, ...next.rows.filter((each) => !seen.has(each.registrationId))],
            };
        } catch (problem) {
            if (!isGone(problem)) fault.value = problem;
        }
        busy.value = false;
    };

    const rows = found.value?.rows ?? [];
    const onKey = (event: KeyboardEvent) => {
        if (event.key === "ArrowDown" || event.key === "ArrowUp") {
            event.preventDefault();
            const step = event.key === "ArrowDown" ? 1 : -1;
            chosen.value = Math.max(0, Math.min(rows.length - 1, chosen.value + step));
            isChosenByKey.value = true;
            rowsRef.current?.children[chosen.value]?.scrollIntoView({ block: "nearest" });
        } else if (event.key === "Enter") {
            if (found.value?.key === key || isChosenByKey.value) open(rows[chosen.value]);
            else openWhenFound.current = true;
        } else if (event.key === "Escape") {
            text.value = "";
            openWhenFound.current = false;
        }
    };
    const set = (change: Partial<Filters>) => (filters.value = { ...filters.value, ...change });
    const one = rows[chosen.value];
    const told =
        isChosenByKey.value && one
            ? t.find.chosen(one, chosen.value + 1, rows.length)
            : found.value && !busy.value
              ? t.find.count(rows.length, Boolean(found.value.cursor))
              : "";
    const isNarrowed = Object.values(filters.value).some(Boolean);
    const needsText = !text.value.trim() && !can.listEverybody.value;

    return (
        <Page
            title={t.find.title}
            actions={
                can.manage.value && (
                    <LinkButton href={at("new")} icon="add" kind="primary">
                        {t.nav.new}
                    </LinkButton>
                )
            }
        >
            <search class="search" data-search>
                <Input
                    label={t.find.label}
                    hideLabel
                    value={text.value}
                    onValue={(value) => {
                        text.value = value;
                        openWhenFound.current = false;
                        isChosenByKey.value = false;
                    }}
                    placeholder={t.find.placeholder(can.listEverybody.value)}
                    onKeyDown={onKey}
                    type="search"
                    autocomplete="off"
                    autofocus
                />
                <div class="filters">
                    <Select
                        label={t.find.state}
                        value={filters.value.state}
                        onValue={(state) => set({ state })}
                        options={[
                            ["", t.find.anyState],
                            ...states.map((each): [string, string] => [each, t.states[each]]),
                        ]}
                    />
                    {applications.length > 1 && (
                        <Select
                            label={t.find.application}
                            value={filters.value.app}
                            onValue={(app) => set({ app })}
                            options={[
                                ["", t.find.anyApplication],
                                ...applications.map((each): [string, string] => [each, each]),
                            ]}
                        />
                    )}
                    <Input
                        label={t.find.flag}
                        value={filters.value.flag}
                        onValue={(flag) => set({ flag })}
                        placeholder={t.find.flagExample}
                    />
                    <Input
                        label={t.find.platform}
                        value={filters.value.platform}
                        onValue={(platform) => set({ platform })}
                        placeholder="ios"
                    />
                    <div class="beside-fields">
                        <Check
                            label={t.find.withRemoved}
                            checked={filters.value.removed}
                            onValue={(removed) => set({ removed })}
                        />
                    </div>
                    {isNarrowed && (
                        <Button
                            kind="ghost"
                            onClick={() => set({ state: "", app: "", flag: "", platform: "", removed: false })}
                        >
                            {t.find.clear}
                        </Button>
                    )}
                </div>
            </search>
            <p class="hidden" role="status" aria-live="polite">
                {told}
            </p>
            {fault.value !== undefined && <Fault of={fault.value} again={() => void run()} />}
            {found.value && found.value.users.length > 0 && (
                <div class="user-hits">
                    <span class="dim">{t.find.users}</span>
                    {found.value.users.map((each) => (
                        <a key={each} class="chip" href={at("users", each)}>
                            {each}
                        </a>
                    ))}
                </div>
            )}
            {!found.value ? (
                <Skeleton rows={8} />
            ) : rows.length === 0 ? (
                <Empty title={needsText ? t.find.begin : found.value.isPartial ? t.find.notYet : t.find.nothing}>
                    <p class="dim">{needsText ? t.find.beginHint : t.find.nothingHint}</p>
                </Empty>
            ) : (
                <div class={busy.value ? "busy" : ""}>
                    <TableBox label={t.find.results} cards>
                        <thead>
                            <tr>
                                <th>{t.fields.user}</th>
                                <th>{t.fields.state}</th>
                                <th>{t.fields.phone}</th>
                                <th>{t.fields.application}</th>
                                <th>{t.fields.failed}</th>
                                <th>{t.fields.lastUsed}</th>
                            </tr>
                        </thead>
                        <tbody ref={rowsRef}>
                            {rows.map((row, i) => (
                                <tr
                                    key={row.registrationId}
                                    class={i === chosen.value ? "chosen" : ""}
                                    onClick={() => open(row)}
                                >
                                    <td>
                                        <a
                                            href={at("registrations", row.registrationId)}
                                            onClick={(event) => event.stopPropagation()}
                                        >
                                            {row.userId}
                                        </a>
                                        <span class="sub mono">{row.registrationId.slice(0, 8)}</span>
                                    </td>
                                    <td>
                                        <StateBadge of={row.registrationStatus} />
                                        {row.blockedReason && <span class="sub">{t.reason(row.blockedReason)}</span>}
                                    </td>
                                    <td>
                                        {row.name ?? <span class="dim">{t.fields.unnamed}</span>}
                                        <span class="sub">
                                            {[row.platform, row.deviceInfo].filter(Boolean).join(" · ")}{" "}
                                            <Flags of={row.flags} />
                                        </span>
                                    </td>
                                    <td>{row.applicationId}</td>
                                    <td>
                                        <AttemptsMeter failed={row.failedAttempts} most={row.maxFailedAttempts} />
                                    </td>
                                    <td>
                                        <Time at={row.timestampLastUsed} />
                                    </td>
                                </tr>
                            ))}
                        </tbody>
                    </TableBox>
                </div>
            )}
            {found.value?.cursor && (
                <div class="more">
                    <Button onClick={() => void more()} busy={busy.value}>
                        {found.value.isPartial ? t.find.lookFurther : t.actions.more}
                    </Button>
                </div>
            )}
        </Page>
    );
}
