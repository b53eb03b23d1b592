// Run by Node.js: links DIR/bun to the program in the package for this processor, as the script of npm's "bun" would that is not run.
"use strict";

const fs = require("node:fs");
const path = require("node:path");

const [directory] = process.argv.slice(2);
const processor = { arm64: "aarch64" }[process.arch] ?? process.arch;
const link = path.join(directory, "bun");
fs.rmSync(link, { force: true });
fs.symlinkSync(path.join("node_modules", "@oven", `bun-linux-${processor}`, "bin", "bun"), link);
