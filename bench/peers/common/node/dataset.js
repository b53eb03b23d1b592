// The dataset, read and checked once when a server starts.
"use strict";

const fs = require("node:fs");
const { isInt64 } = require("./integers.js");

const isText = (value) => typeof value === "string";
const isInteger = (value) => (typeof value === "bigint" ? isInt64(value) : Number.isSafeInteger(value));
const FIELDS = {
  id: isInteger,
  name: isText,
  description: isText,
  type: isText,
  count: isInteger,
  created_at: Number.isFinite,
};

/** Throws unless the decoded value has exactly the fields of a record, each of its type. */
const checkRecord = (record) => {
  const names = Object.keys(FIELDS);
  if (record === null || typeof record !== "object" || Object.keys(record).join() !== names.join()) {
    throw new Error(`must be a map of exactly ${names.join(", ")}, in this order`);
  }
  for (const name of names) {
    if (!FIELDS[name](record[name])) throw new Error(`${name} must not be ${record[name]}`);
  }
};

/** { encoded, records } of the file. decode: MessagePack's. Throws an Error that names the file and the record. */
const load = (path, decode) => {
  let encoded;
  try {
    encoded = decode(fs.readFileSync(path));
  } catch (error) {
    throw new Error(`${path}: ${error.message}`);
  }
  if (!Array.isArray(encoded)) throw new Error(`${path}: must be a MessagePack array of bin elements`);
  const records = encoded.map((item, i) => {
    try {
      if (!(item instanceof Uint8Array)) throw new Error("must be a bin");
      const record = decode(item);
      checkRecord(record);
      return record;
    } catch (error) {
      throw new Error(`${path}: record ${i}: ${error.message}`);
    }
  });
  return { encoded, records };
};

module.exports = { load };
