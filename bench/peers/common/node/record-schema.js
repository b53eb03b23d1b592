// What POST /validate demands of a record, as JSON Schema; the order of its properties is the order in which records are written.
"use strict";

const { isUtf8 } = require("node:buffer");

const { isInt64, parseExactly } = require("./integers.js");
const { Refusal } = require("./refusal.js");

const RECORD = {
  type: "object",
  properties: {
    id: { type: "integer" },
    name: { type: "string", minLength: 1, maxLength: 100 },
    description: { type: "string", maxLength: 1000 },
    type: { type: "string", enum: ["U", "G", "S"] },
    count: { type: "integer", minimum: 0, maximum: 1_000_000 },
    created_at: { type: "number", minimum: 0, maximum: 4_102_444_800 },
  },
  required: ["id", "name", "description", "type", "count", "created_at"],
  additionalProperties: false,
};

/** The text and the value of a body. Throws Refusal if it is no UTF-8 or no JSON. */
const parseJson = (body) => {
  if (!isUtf8(body)) throw new Refusal(400, "the body is no UTF-8");
  const text = body.toString();
  try {
    return { text, value: JSON.parse(text) };
  } catch (error) {
    throw new Refusal(400, `the body is no JSON: ${error.message}`);
  }
};

/** The text of an error of ajv's, which names the field. */
const describe = ({ instancePath, message, params }) =>
  `${instancePath || "the body"} ${message}${params.additionalProperty === undefined ? "" : `: ${params.additionalProperty}`}`;

/** Throws Refusal unless there are as many records as were announced. */
const checkLength = (records, count) => {
  if (records.length !== count) throw new Refusal(422, `there are ${records.length} records, not ${count}`);
};

/** The records with each id exact; text: what they were parsed from. Throws Refusal for an id beyond 64 bits. */
const withExactIds = (text, records) => {
  if (records.every(({ id }) => Number.isSafeInteger(id))) return records;
  const exact = [parseExactly(text)].flat();
  for (const { id } of exact) {
    if (typeof id === "bigint" ? !isInt64(id) : !Number.isSafeInteger(id)) {
      throw new Refusal(422, "id must be an integer of 64 bits, signed");
    }
  }
  return exact;
};

const inOrder = ({ id, name, description, type, count, created_at }) => ({ id, name, description, type, count, created_at });

module.exports = { RECORD, checkLength, describe, inOrder, parseJson, withExactIds };
