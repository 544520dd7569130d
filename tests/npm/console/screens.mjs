// A bank with some phones, and every screen of the console as somebody sees it: for the accessibility check and the
// pictures.

import { createServer } from "node:http";

/** Fills a new server. What comes back is what the screens below are about. */
export async function furnish(world) {
    await world.application("bank", {
        transfer: { spawn: true, move: true },
        deviceManagement: true,
    });
    const brokerage = await world.application("brokerage", {
        breaker: { least: 2, factor: 10, window: 300_000, pause: 900_000 },
        provider: { url: "https://login.brokerage.example/phones", secret: "between-the-two" },
    });
    const desk = await world.account("frida", "OPERATOR", ["bank"], ["REMOVE"]);
    await world.account("core-banking", "INTEGRATION", ["bank", "brokerage"]);
    await world.account("revision", "AUDITOR", ["bank"]);
    await world.ask("POST", "/admin/users/core-banking/tokens", {
        name: "production",
    });

    const receiver = createServer((request, answer) => {
        request.resume();
        answer.writeHead(request.url === "/down" ? 503 : 204).end();
    });
    await new Promise((ready) => receiver.listen(0, "127.0.0.1", ready));
    receiver.unref();
    const url = `http://127.0.0.1:${receiver.address().port}`;
    const hooks = "/admin/applications/bank/callbacks";
    const hook = await world.ask("POST", hooks, {
        name: "Fraud desk",
        type: "REGISTRATION_STATUS_CHANGE",
        callbackUrl: `${url}/events`,
        attributes: ["userId", "activationStatus"],
        authentication: { type: "BASIC", username: "doorward", password: "between-the-two" },
    });
    await world.ask("POST", hooks, {
        name: "Old system",
        type: "REGISTRATION_STATUS_CHANGE",
        callbackUrl: `${url}/down`,
        maxAttempts: 1,
    });

    const phone = await world.registered("alice.novak", {
        name: "Alice's iPhone",
        flags: ["VIP"],
        more: { metadata: { branch: "Old Town" } },
    });
    const other = await world.registered("alice.novak", {
        name: "Work phone",
        style: "android",
    });
    await world.registered("alicia.keller", { name: "Pixel", style: "android" });
    const stolen = await world.registered("bob.hartmann", {
        name: "Bob's phone",
    });
    const wrong = await world.registered("carol.svensson", {
        name: "Carol's phone",
        style: "android",
        flags: ["TRAVEL"],
    });
    await world.registered("dmitri.petrov", { name: "Spare phone" });
    await phone.phone.validate();
    await other.phone.validate();
    for (let i = 0; i < 5; ++i) await phone.phone.validate("9999");
    for (let i = 0; i < 2; ++i) await wrong.phone.validate("9999");
    await world.ask("PUT", `/v2/registrations/${stolen.id}`, {
        change: "BLOCK",
        blockedReason: "STOLEN",
        blockedUntil: Date.now() + 3 * 86_400_000,
    });
    await world.ask("PUT", "/v2/users/alice.novak/claims?appId=bank", {
        name: "Alice Nováková",
        email: "alice@example.com",
        email_verified: true,
        birthdate: "1987-04-12",
    });
    // So many at once that the breaker opens.
    for (const user of ["erik.lind", "fatima.haddad"]) {
        const locked = await world.registered(user, {
            appId: "brokerage",
            name: "Trading phone",
            sdk: brokerage.mobileSdkConfig,
        });
        for (let i = 0; i < 5; ++i) await locked.phone.validate("9999");
    }
    const spawned = await world.ask("POST", `/v2/registrations/${other.id}/transfer`, { type: "SPAWN" });
    const child = world.phone();
    await child.activate(spawned.activationQrCodeData, ["--name", "Tablet"]);
    const waiting = await world.ask("POST", "/v2/registrations", {
        userId: "emil.larsson",
        appId: "bank",
        timestampRegistrationExpire: Date.now() + 86_400_000,
    });
    await world.ask("POST", "/v2/registrations/bulk", {
        change: "ADD_FLAGS",
        flags: ["REVIEWED"],
        filter: { appIds: ["bank"], status: ["ACTIVE"] },
        maxAffected: 100,
    });
    return {
        desk,
        receiver,
        hook: hook.id,
        phone,
        other,
        stolen,
        wrong,
        child: spawned.registrationId,
        waiting: waiting.registrationId,
    };
}

const timeline = (page) => page.locator(".timeline li").first().waitFor();

/** name, where it is, what has to be there before one looks, and what is done first. */
export const screens = [
    {
        name: "find",
        at: () => "#/find",
        ready: (page) => page.locator("tbody tr").first().waitFor(),
    },
    {
        name: "find-typing",
        at: () => "#/find",
        ready: async (page) => {
            await page.getByRole("searchbox").fill("ali");
            await page.locator(".user-hits").waitFor();
        },
    },
    {
        name: "user",
        at: () => "#/users/alice.novak",
        ready: (page) => page.locator(".phone").first().waitFor(),
    },
    {
        name: "claims",
        at: () => "#/users/alice.novak",
        ready: async (page) => {
            const card = page.getByRole("region", { name: "What the user's phones are told" });
            await card.getByRole("button", { name: "Edit" }).click();
            await page.getByRole("dialog").waitFor();
        },
    },
    {
        name: "registration-blocked",
        at: (of) => `#/registrations/${of.phone.id}`,
        ready: async (page) => {
            await timeline(page);
            await page.locator("summary").click();
        },
    },
    {
        name: "registration-active",
        at: (of) => `#/registrations/${of.wrong.id}`,
        ready: timeline,
    },
    {
        name: "registration-to-commit",
        at: (of) => `#/registrations/${of.child}`,
        ready: timeline,
    },
    {
        name: "block",
        at: (of) => `#/registrations/${of.wrong.id}`,
        ready: async (page) => {
            await page.getByRole("button", { name: "Block", exact: true }).click();
            await page.getByRole("dialog").waitFor();
        },
    },
    {
        name: "remove",
        at: (of) => `#/registrations/${of.wrong.id}`,
        ready: async (page) => {
            await page.getByRole("button", { name: "Remove", exact: true }).click();
            await page.getByRole("dialog").waitFor();
        },
    },
    {
        name: "new",
        at: () => "#/new",
        ready: (page) => page.getByRole("button", { name: "Make the code" }).waitFor(),
    },
    {
        name: "invitation",
        at: (of) => `#/new/${of.waiting}`,
        ready: (page) => page.locator("img.qr").waitFor(),
    },
    {
        name: "overview",
        at: () => "#/overview",
        ready: (page) => page.locator(".tile").first().waitFor(),
    },
    {
        name: "applications",
        at: () => "#/applications",
        ready: (page) => page.locator("tbody tr").first().waitFor(),
    },
    {
        name: "application",
        at: () => "#/applications/bank",
        ready: async (page) => {
            const policy = page.getByRole("region", { name: "Lockout policy" });
            await policy.getByLabel("Wrong attempts").fill("3");
            await policy.getByLabel("Then").selectOption("temporary");
            await policy.getByRole("button", { name: "Try on recorded attempts" }).click();
            await policy.getByText(/would have blocked/).waitFor();
        },
    },
    {
        name: "application-breaker",
        at: () => "#/applications/brokerage",
        ready: async (page) => {
            const breaker = page.getByRole("region", { name: "Breaker of mass lockouts" });
            await breaker.getByRole("group", { name: "When it opened" }).waitFor();
            await breaker.scrollIntoViewIfNeeded();
        },
    },
    {
        name: "provider",
        at: () => "#/applications/brokerage",
        ready: async (page) => {
            const card = page.getByRole("region", { name: "Own service" });
            await card.getByRole("button", { name: "Edit" }).click();
            await page.getByRole("dialog").getByLabel("Secret", { exact: true }).selectOption("replace");
        },
    },
    {
        name: "settings",
        at: () => "#/applications/bank",
        ready: async (page) => {
            await page.getByRole("region", { name: "Settings" }).getByRole("button", { name: "Edit" }).click();
            await page.getByRole("dialog").waitFor();
        },
    },
    {
        name: "accounts",
        at: () => "#/accounts",
        ready: (page) => page.locator("tbody tr").first().waitFor(),
    },
    {
        name: "account",
        at: () => "#/accounts/core-banking",
        ready: (page) => page.locator("tbody tr").first().waitFor(),
    },
    {
        name: "webhooks",
        at: () => "#/webhooks/bank",
        ready: (page) => page.locator("tbody tr").first().waitFor(),
    },
    {
        name: "webhook",
        at: (of) => `#/webhooks/bank/${of.hook}`,
        ready: (page) => page.getByText("Delivered").first().waitFor(),
    },
    {
        name: "webhook-edit",
        at: (of) => `#/webhooks/bank/${of.hook}`,
        ready: async (page) => {
            await page.getByText("Delivered").first().waitFor();
            await page.getByRole("button", { name: "Edit" }).click();
            await page.getByRole("dialog").waitFor();
        },
    },
    {
        name: "jobs",
        at: () => "#/jobs",
        ready: (page) => page.locator(".job").first().waitFor(),
    },
    {
        name: "audit",
        at: () => "#/audit",
        ready: (page) => page.locator("tbody tr").first().waitFor(),
    },
    {
        name: "keyboard",
        at: () => "#/find",
        ready: async (page) => {
            await page.getByRole("button", { name: "Keyboard" }).click();
            await page.getByRole("dialog").waitFor();
        },
    },
    {
        name: "nothing",
        at: () => "#/nowhere",
        ready: (page) => page.getByRole("heading", { name: "Nothing here" }).waitFor(),
    },
];
