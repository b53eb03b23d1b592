// The digests that "restmark verify" asks for instead of a count or a length: CRC-32 of what was decoded, or encoded.
// They prove that the work was done, and need not be fast.
"use strict";

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

/** zlib's crc32, which node:zlib has not before 20.15. */
const crc32 = (data, start) => {
  let crc = ~start;
  for (const byte of data) crc = TABLE[(crc ^ byte) & 0xff] ^ (crc >>> 8);
  return ~crc >>> 0;
};

const fieldsOf = (record) => {
  const numbers = Buffer.alloc(24);
  numbers.writeBigInt64LE(BigInt.asIntN(64, BigInt(record.id)), 0);
  numbers.writeBigInt64LE(BigInt.asIntN(64, BigInt(record.count)), 8);
  numbers.writeDoubleLE(record.created_at, 16);
  return Buffer.concat([numbers, Buffer.from(`${record.name}\0${record.description}\0${record.type}\0`)]);
};

const shifted = (record, seed) => ({
  ...record,
  id: record.id + seed,
  count: record.count + seed,
  created_at: record.created_at + (seed * 39) / 2 ** 22,
});

/** /parse-msgpack: the digest of the records' fields, so many times over, begun with the seed. */
const ofDecoded = (records, repetitions, seed) => {
  let crc = seed;
  for (let i = 0; i < repetitions; i++) {
    for (const record of records) crc = crc32(fieldsOf(record), crc);
  }
  return crc;
};

/** /encode-json: the digest of the JSON of shifted records; shifted and hashed so many times, encoded once. */
const ofEncoded = (records, repetitions, seed, encode) => {
  let copies = [];
  for (let i = 0; i < repetitions; i++) copies = records.map((record) => shifted(record, seed));
  const body = Buffer.from(encode(copies));
  let crc = seed;
  for (let i = 0; i < repetitions; i++) crc = crc32(body, crc);
  return crc;
};

module.exports = { ofDecoded, ofEncoded };
