// Takes a picture of every screen of the console: node pictures.mjs BINARY FOLDER. Run by console/screenshots.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { furnish, screens } from "./screens.mjs";
import { launch, World } from "./world.mjs";

const [binary, folder] = process.argv.slice(2);
const chartsFillMs = 100_000;
mkdirSync(folder, { recursive: true });
const world = await new World(binary).begin();
const browser = await launch();
let bytes = 0;
try {
    const of = await furnish(world);

    async function take(page, context, name) {
        await page.evaluate(() => document.fonts.ready);
        const client = await context.newCDPSession(page);
        const { data } = await client.send("Page.captureScreenshot", {
            format: "webp",
            quality: 82,
        });
        const picture = Buffer.from(data, "base64");
        bytes += picture.length;
        writeFileSync(join(folder, `${name}.webp`), picture);
    }

    // The charts show the last three minutes.
    async function fillCharts(page) {
        await page.locator(".chart path.line").first().waitFor();
        await page.waitForTimeout(chartsFillMs);
    }

    async function takeAll(suffix, wanted, options) {
        const context = await browser.newContext({
            viewport: { width: 1180, height: 780 },
            reducedMotion: "reduce",
            ...options,
        });
        const page = await context.newPage();
        await page.goto(`${world.office}/console/`);
        await page.getByLabel("Account").waitFor();
        if (wanted.includes("sign-in")) await take(page, context, `sign-in${suffix}`);
        await page.getByLabel("Account").fill(world.admin.username);
        await page.getByLabel("Password").fill(world.admin.password);
        await page.keyboard.press("Enter");
        await page.getByRole("heading", { level: 1, name: "Find a phone" }).waitFor();
        for (const screen of screens) {
            if (!wanted.includes(screen.name)) continue;
            await page.goto(`${world.office}/console/?${screen.name}${screen.at(of)}`);
            await screen.ready(page, of);
            if (screen.name === "overview") await fillCharts(page);
            await page.getByText("Live", { exact: true }).waitFor({ state: options.viewport ? "attached" : "visible" });
            await take(page, context, `${screen.name}${suffix}`);
        }
        await context.close();
    }

    const light = { colorScheme: "light" };
    const dark = { colorScheme: "dark" };
    const narrow = { ...light, viewport: { width: 360, height: 740 } };
    const still = screens.map((each) => each.name).filter((each) => each !== "nothing" && each !== "overview");
    await takeAll("", ["sign-in", ...still], light);
    await takeAll("-dark", ["find", "registration-blocked", "application"], dark);
    await takeAll("-narrow", ["find", "user", "registration-blocked"], narrow);
    // Last: the phones that make the load are in no other picture.
    const end = world.load();
    await Promise.all([
        takeAll("", ["overview"], light),
        takeAll("-dark", ["overview"], dark),
        takeAll("-narrow", ["overview"], narrow),
    ]);
    await end();
    of.receiver.close();
} finally {
    await browser.close();
    await world.end();
}
console.log(`${bytes} bytes in ${folder}`);
