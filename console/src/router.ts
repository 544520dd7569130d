// Where in the console one is: the part of the address behind #, so that links, the back button and a new tab work.

import { signal } from "@preact/signals";

export interface Place {
    /** "#/registrations/ID?x=y": ["registrations", "ID"] */
    path: string[];
    query: URLSearchParams;
}

function read(): Place {
    const [path = "", search = ""] = location.hash.replace(/^#\/?/, "").split("?", 2);
    const decode = (text: string) => {
        try {
            return decodeURIComponent(text);
        } catch {
            return text;
        }
    };
    return { path: path.split("/").filter(Boolean).map(decode), query: new URLSearchParams(search) };
}

export const place = signal<Place>(read());
addEventListener("hashchange", () => (place.value = read()));

/** An address in the console: at("registrations", id). */
export function at(...path: string[]): string {
    return `#/${path.map(encodeURIComponent).join("/")}`;
}

export function go(where: string) {
    location.hash = where;
}

/** Changes what is behind the question mark, without a step for the back button. */
export function replaceQuery(of: Record<string, string | string[]>) {
    const out = new URLSearchParams();
    for (const [name, value] of Object.entries(of))
        for (const each of Array.isArray(value) ? value : [value]) if (each) out.append(name, each);
    const search = out.toString();
    const [path] = location.hash.split("?");
    history.replaceState(null, "", `${path || "#/"}${search ? `?${search}` : ""}`);
    place.value = read();
}
