// The dataset, read once when a server starts. checked_start.py has checked it: in JavaScript an integer and a whole double are alike.
"use strict";

const fs = require("node:fs");

/** { encoded, records } of the file. decode: MessagePack's. */
const load = (path, decode) => {
  const encoded = decode(fs.readFileSync(path));
  return { encoded, records: encoded.map(decode) };
};

module.exports = { load };
