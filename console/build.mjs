// Makes the files of the console, and a C++ source that carries them (handlers/console_files.hpp):
//
//     node build.mjs [--from console] [--modules FOLDER] [--cpp FILE.cpp] [--dir FOLDER]
//
// --from     where the sources are; beside this script when it is not said
// --modules  what holds node_modules; the same
// --cpp      the source to write
// --dir      where to put the files themselves, to look at them or to serve them
//
// Names tell contents, so browsers may keep what they have for ever; index.html alone is asked for again.

import { build } from "esbuild";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

// What a browser loads before it shows anything, compressed.
const firstLoadBytesMax = 150 * 1024;

const here = dirname(fileURLToPath(import.meta.url));
const { values: wanted } = parseArgs({
    options: {
        from: { type: "string", default: here },
        modules: { type: "string", default: here },
        cpp: { type: "string" },
        dir: { type: "string" },
    },
});

const types = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
};

const bundle = await build({
    absWorkingDir: wanted.from,
    entryPoints: { app: "src/main.tsx", style: "src/style.css", icon: "src/icon.svg" },
    outdir: "out",
    write: false,
    bundle: true,
    minify: true,
    format: "esm",
    target: ["es2021", "chrome100", "firefox100", "safari15.4"],
    charset: "utf8",
    loader: { ".svg": "copy" },
    jsx: "automatic",
    jsxImportSource: "preact",
    entryNames: "[name]-[hash]",
    nodePaths: [join(wanted.modules, "node_modules")],
    legalComments: "none",
    logLevel: "warning",
});

const files = bundle.outputFiles.map((each) => ({
    name: basename(each.path),
    content: Buffer.from(each.contents),
    isForever: true,
}));
const nameOf = (prefix, suffix) => {
    const found = files.find((each) => each.name.startsWith(`${prefix}-`) && each.name.endsWith(suffix));
    if (!found) throw new Error(`nothing was made of ${prefix}`);
    return found.name;
};
const page = readFileSync(join(wanted.from, "src/index.html"), "utf8")
    .replace("{script}", nameOf("app", ".js"))
    .replace("{style}", nameOf("style", ".css"))
    .replace("{icon}", nameOf("icon", ".svg"));
files.push({ name: "index.html", content: Buffer.from(page), isForever: false });

// What others have written and is in the script may be given away only together with their licences.
const licences = ["preact", "@preact/signals", "@preact/signals-core"].map(
    (each) => `${each}\n\n${readFileSync(join(wanted.modules, "node_modules", each, "LICENSE"), "utf8")}`,
);
const licenceText = Buffer.from(licences.join("\n\n"));
const licenceTag = createHash("sha256").update(licenceText).digest("hex").slice(0, 8).toUpperCase();
files.push({ name: `licences-${licenceTag}.txt`, content: licenceText, isForever: true, isLater: true });
files.sort((a, b) => (a.name < b.name ? -1 : 1));

let firstLoad = 0;
for (const each of files) {
    each.type = types[extname(each.name)];
    if (!each.type) throw new Error(`no content type is known for ${each.name}`);
    each.gzip = gzipSync(each.content, { level: 9 });
    each.brotli = brotliCompressSync(each.content, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } });
    if (!each.isLater) firstLoad += each.gzip.length;
}
if (firstLoad > firstLoadBytesMax)
    throw new Error(`the console is too large: ${firstLoad} bytes compressed, ${firstLoadBytesMax} are allowed`);

// A literal of bytes. An escape ends after three octal digits, so that what follows it cannot become a part of it.
function literal(bytes) {
    let out = "";
    let line = "";
    for (const byte of bytes) {
        const plain = byte >= 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c && byte !== 0x3f;
        line += plain ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, "0")}`;
        if (line.length >= 110) {
            out += `\n    "${line}"`;
            line = "";
        }
    }
    return `{${out}\n    "${line}", ${bytes.length}}`;
}

function source() {
    const rows = files.map(
        (each) =>
            `    {"${each.name}", "${each.type}", ${each.isForever},\n    std::string_view${literal(each.content)},\n` +
            `    std::string_view${literal(each.gzip)},\n    std::string_view${literal(each.brotli)}},\n`,
    );
    return `#include "handlers/console_files.hpp"

// Both compilers take literals of any length; clang says that others need not.
#pragma GCC diagnostic ignored "-Woverlength-strings"

namespace doorward::handlers::embedded {
namespace {

constexpr console_file files_of_the_console[]{
${rows.join("")}};

} // namespace

const std::span<const console_file> console_files{files_of_the_console};

} // namespace doorward::handlers::embedded
`;
}

if (wanted.dir) {
    mkdirSync(wanted.dir, { recursive: true });
    for (const each of files) writeFileSync(join(wanted.dir, each.name), each.content);
}
if (wanted.cpp) writeFileSync(wanted.cpp, source());
console.log(`console: ${files.length} files, ${firstLoad} bytes compressed`);
