// The digests that "restmark verify" asks for instead of a count or a length: docs/SPEC.md. They need not be fast.
"use strict";

const { crc32 } = require("node:zlib");

/** The bits of a signed integer of 64 bits; a record has a number where it is exact, else a BigInt. */
const int64 = (value) => BigInt.asIntN(64, BigInt(value));

const fieldsOf = (record) => {
  const numbers = Buffer.alloc(24);
  numbers.writeBigInt64LE(int64(record.id), 0);
  numbers.writeBigInt64LE(int64(record.count), 8);
  numbers.writeDoubleLE(record.created_at, 16);
  return Buffer.concat([numbers, Buffer.from(`${record.name}\0${record.description}\0${record.type}\0`)]);
};

/** value + seed, which wraps; a number as long as it is exact, as decoders have it. */
const added = (value, seed) => {
  const sum = int64(BigInt(value) + BigInt(seed));
  return Number.isSafeInteger(Number(sum)) ? Number(sum) : sum;
};

const shifted = (record, seed) => ({
  ...record,
  id: added(record.id, seed),
  count: added(record.count, seed),
  created_at: record.created_at + (seed * 39) / 2 ** 22,
});

/** /parse-msgpack: the digest of the records' fields, so many times over, begun with the seed. */
const ofDecoded = (records, { digest, seed = 0 }) => {
  let crc = seed;
  for (let i = 0; i < digest; i++) {
    for (const record of records) crc = crc32(fieldsOf(record), crc);
  }
  return crc;
};

/** /encode-json: the digest of the JSON of shifted records; shifted and hashed so many times, encoded once. */
const ofEncoded = (records, { digest, seed = 0 }, encode) => {
  let copies = [];
  for (let i = 0; i < digest; i++) copies = records.map((record) => shifted(record, seed));
  const body = Buffer.from(encode(copies));
  let crc = seed;
  for (let i = 0; i < digest; i++) crc = crc32(body, crc);
  return crc;
};

module.exports = { ofDecoded, ofEncoded };
