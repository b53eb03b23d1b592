// The query parameters of the routes, as docs/SPEC.md demands them: known names, each at most once, decimal digits, in range.
"use strict";

const { Refusal } = require("./refusal.js");

const SEEDS = [0, 2 ** 31 - 1];
const NOTHING = {};
const LOOP = { n: [0, 100_000_000], seed: SEEDS };
const WAIT = { ms: [0, 60_000] };
const BODY = { count: [0, 1000] };

/** Limits of /transfer-data, and of the two routes that know digests, for a dataset of so many records. */
const recordLimits = (records) => {
  const count = [0, records];
  return { plain: { count }, digest: { count, digest: [1, 8], seed: SEEDS } };
};

/** The number in a text of decimal digits. Throws with the name, if it is none or out of [least, most]. */
const number = (name, text, [least, most]) => {
  // No value has more digits than ten, leading zeros aside.
  const value = /^0*[0-9]{1,10}$/.test(text) ? Number(text) : -1;
  if (value < least || value > most) throw new Refusal(400, `${name} must be a number from ${least} to ${most}`);
  return value;
};

/** The values of a raw query by name. limits: what may be asked, name -> [least, most]. */
const numbers = (query, limits) => {
  const values = {};
  if (query === "") return values;
  for (const [name, text] of new URLSearchParams(query)) {
    if (!Object.hasOwn(limits, name)) throw new Refusal(400, `${name} is not a parameter of this path`);
    if (Object.hasOwn(values, name)) throw new Refusal(400, `${name} is given more than once`);
    values[name] = number(name, text, limits[name]);
  }
  return values;
};

/** As numbers(), for a route that knows digests: a seed alone is unknown to it. */
const numbersOrDigest = (query, limits) => {
  const values = numbers(query, limits.digest);
  if (Object.hasOwn(values, "seed") && !Object.hasOwn(values, "digest")) {
    throw new Refusal(400, "seed is a parameter of this path with digest alone");
  }
  return values;
};

module.exports = { BODY, LOOP, NOTHING, WAIT, number, numbers, numbersOrDigest, recordLimits };
