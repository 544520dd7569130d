// A whole server in a directory of its own, phones, and a browser: what journeys and pictures are played with.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, request } from "node:http";
import { request as requestOverTls } from "node:https";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { createInterface } from "node:readline";
import { gzipSync } from "node:zlib";

import { chromium } from "playwright-core";

const browsers = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** Chromium of the system; none is fetched. DOORWARD_CHROMIUM names another one. */
export function launch() {
    const executablePath = process.env.DOORWARD_CHROMIUM ?? browsers.find(existsSync);
    if (!executablePath) throw new Error("no chromium is installed");
    return chromium.launch({
        executablePath,
        args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
    });
}

/** Runs a program to its end and gives what it printed. */
async function output(binary, args, accepted = [0]) {
    const program = spawn(binary, args, { stdio: ["ignore", "pipe", "pipe"] });
    let out = "";
    let said = "";
    program.stdout.on("data", (piece) => (out += piece));
    program.stderr.on("data", (piece) => (said += piece));
    const [code] = await once(program, "close");
    if (!accepted.includes(code)) throw new Error(`${args.join(" ")} ended with ${code}: ${said || out}`);
    return out;
}

/**
 * What stands between a browser and the server and answers some of it itself.
 *
 * answers(asked, answer) returns true when it did.
 */
export async function between(office, answers) {
    const proxy = createServer((asked, answer) => {
        if (answers(asked, answer)) return;
        const to = new URL(office);
        const passed = request(
            { host: to.hostname, port: to.port, path: asked.url, method: asked.method, headers: asked.headers },
            (told) => {
                answer.writeHead(told.statusCode, told.headers);
                told.pipe(answer);
                told.on("error", () => answer.destroy());
            },
        );
        passed.on("error", () => answer.destroy());
        asked.pipe(passed);
        answer.on("close", () => passed.destroy());
    });
    await new Promise((ready) => proxy.listen(0, "127.0.0.1", ready));
    const close = () => {
        proxy.closeAllConnections();
        proxy.close();
    };
    return { at: `http://127.0.0.1:${proxy.address().port}`, close };
}

const contentTypes = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };

/** Serves files of the console from a folder, to try them without building the server. */
function filesOf(folder) {
    return (asked, answer) => {
        const found = /^\/console\/([\w.-]*)(\?|$)/.exec(asked.url);
        if (!found || found[1] === "session") return false;
        const name = found[1] || "index.html";
        answer.writeHead(200, { "Content-Type": contentTypes[extname(name)], "Content-Encoding": "gzip" });
        answer.end(gzipSync(readFileSync(join(folder, name))));
        return true;
    };
}

/** A certificate for 127.0.0.1 that nobody vouches for, and its key; both as files and as text. */
export async function selfSigned(folder) {
    const certificate = join(folder, "certificate.pem");
    const key = join(folder, "key.pem");
    const names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"];
    const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
    await output("openssl", ["req", "-x509", ...kind, ...names, "-keyout", key, "-out", certificate]);
    const read = (file) => readFileSync(file, "utf8");
    return { certificate, key, certificateText: read(certificate), keyText: read(key) };
}

/** As fetch(), of a server whose certificate only we trust. */
function fetchTrusting(ca, address, { method, headers, body }) {
    return new Promise((resolve, reject) => {
        const asked = requestOverTls(address, { method, headers, ca }, async (told) => {
            let text = "";
            for await (const piece of told.setEncoding("utf8")) text += piece;
            resolve({ ok: told.statusCode < 300, status: told.statusCode, text: async () => text });
        });
        asked.on("error", reject);
        asked.end(body);
    });
}

export class World {
    /** overTls: browsers and back offices speak TLS to the server; the page is the binary's own then. */
    constructor(binary, { overTls = false } = {}) {
        this.binary = binary;
        this.overTls = overTls;
        this.home = mkdtempSync(join(tmpdir(), "doorward-console-"));
        this.data = join(this.home, "data");
        this.listening = { device: "127.0.0.1:0", office: "127.0.0.1:0" };
        this.phones = 0;
    }

    async begin() {
        const { username, password } = JSON.parse(await output(this.binary, ["init", "--data", this.data]));
        this.admin = { username, password };
        if (this.overTls) this.tls = await selfSigned(this.home);
        await this.start();
        const folder = process.env.DOORWARD_CONSOLE_FILES;
        if (folder && !this.overTls) this.proxy = await between(`http://${this.listening.office}`, filesOf(folder));
        return this;
    }

    get office() {
        return this.proxy?.at ?? `${this.overTls ? "https" : "http"}://${this.listening.office}`;
    }

    async start() {
        const { device, office } = this.listening;
        const args = ["serve", "--data", this.data, "--device", device, "--office", office];
        if (this.tls) args.push("--office-tls-certificate", this.tls.certificate, "--office-tls-key", this.tls.key);
        this.server = spawn(this.binary, args, {
            stdio: ["ignore", "pipe", process.env.DOORWARD_SERVER_LOG ? "inherit" : "ignore"],
        });
        for await (const line of createInterface({ input: this.server.stdout })) {
            const found = / device http:\/\/(\S+).* office https?:\/\/(\S+)/.exec(line);
            if (!found) continue;
            this.listening = { device: found[1], office: found[2] }; // the same after a restart
            this.server.stdout.resume();
            return;
        }
        throw new Error("the server did not start");
    }

    async stop(signal = "SIGTERM") {
        const ended = once(this.server, "exit");
        this.server.kill(signal);
        await ended;
    }

    async end() {
        this.proxy?.close();
        if (this.server?.exitCode === null && this.server.signalCode === null) await this.stop();
        rmSync(this.home, { recursive: true, force: true });
    }

    /** A request of the office side, as the admin or as somebody else. */
    async ask(method, path, body, who = this.admin) {
        const fetching = this.tls ? fetchTrusting.bind(null, this.tls.certificateText) : fetch;
        const answer = await fetching(this.office + path, {
            method,
            headers: {
                Authorization: `Basic ${Buffer.from(`${who.username}:${who.password}`).toString("base64")}`,
                "Content-Type": "application/json",
            },
            body: body === undefined ? undefined : JSON.stringify(body),
        });
        const text = await answer.text();
        if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
        return text ? JSON.parse(text) : undefined;
    }

    async application(id, settings = {}) {
        const made = await this.ask("POST", "/admin/applications", {
            id,
            ...settings,
        });
        this.sdk = this.sdk ?? made.mobileSdkConfig;
        return made;
    }

    async account(username, role, applications = [], rights = []) {
        const made = await this.ask("POST", "/admin/users", {
            username,
            role,
            rights,
        });
        for (const each of applications) await this.ask("POST", `/admin/users/${username}/applications/${each}`);
        return { username, password: made.password };
    }

    /** A phone that is not registered yet. */
    phone(sdk = this.sdk, style = "ios") {
        const state = join(this.home, `phone-${++this.phones}.json`);
        const base = [
            "device",
            "--server",
            `http://${this.listening.device}`,
            "--sdk-config",
            sdk,
            "--state",
            state,
            "--style",
            style,
            "--pin-iterations",
            "10",
        ];
        const run = async (...args) => JSON.parse(await output(this.binary, [...base, ...args], [0, 2]));
        return {
            activate: (code, more = []) => run("activate", code, "--pin", "1234", ...more),
            validate: (pin = "1234") => run("validate", "--pin", pin),
            run,
        };
    }

    /** A registration with a phone that works. */
    async registered(userId, { appId = "bank", name = "Phone", style = "ios", flags = [], sdk, more = {} } = {}) {
        const made = await this.ask("POST", "/v2/registrations", {
            userId,
            appId,
            flags,
            ...more,
        });
        const phone = this.phone(sdk, style);
        await phone.activate(made.activationQrCodeData, ["--name", name]);
        await this.ask("POST", `/v2/registrations/${made.registrationId}/commit`, {});
        return { id: made.registrationId, phone };
    }

    /** Phones that ask as often as `rate` says, until it is ended; what comes back is called for that. */
    load({ rate = 40, phones = 60, workload = "mixed" } = {}) {
        const { device, office } = this.listening;
        const fleet = join(this.home, "fleet");
        const sides = ["--device", `http://${device}`, "--office", `http://${office}`];
        const program = spawn(
            this.binary,
            [
                "bench",
                ...sides,
                "--admin",
                this.admin.username,
                "--password",
                this.admin.password,
                "--fleet",
                fleet,
            ].concat(
                ["--phones", phones, "--workload", workload, "--rate", rate, "--seconds", 3600, "--connections", 8].map(
                    String,
                ),
            ),
            { stdio: "ignore" },
        );
        const ended = once(program, "exit");
        return async () => {
            program.kill();
            await ended;
        };
    }

    async state(id) {
        return (await this.ask("GET", `/v2/registrations/${id}`)).registrationStatus;
    }
}
