// Integers of 64 bits in JSON. JavaScript's numbers are exact up to 2^53; beyond, a record has a BigInt.
"use strict";

/** JSON.stringify() writes a BigInt by its digits. */
const writeBigInts = () => {
  // eslint-disable-next-line no-extend-native -- what the documentation of BigInt advises
  BigInt.prototype.toJSON = function toJSON() {
    return JSON.rawJSON(this.toString());
  };
};

const isInt64 = (value) => BigInt.asIntN(64, value) === value;

/** JSON.parse() with integers beyond 2^53 as BigInts. It costs a call for each value: for texts that need it. */
const parseExactly = (text) =>
  JSON.parse(text, (_, value, { source }) =>
    typeof value === "number" && !Number.isSafeInteger(value) && /^-?[0-9]+$/.test(source) ? BigInt(source) : value,
  );

module.exports = { isInt64, parseExactly, writeBigInts };
