// restmark's workloads by Bun.serve and its routes, with msgpackr and the built-in JSON.
"use strict";

const { parseArgs } = require("node:util");

const Ajv = require("ajv");
const { Unpackr } = require("msgpackr");

const { AFTER_RECORD, BEFORE_RECORD, collectionRoutes } = require("../common/node/collections.js");
const dataset = require("../common/node/dataset.js");
const digest = require("../common/node/digest.js");
const { writeBigInts } = require("../common/node/integers.js");
const { BODY, LOOP, NOTHING, numbers, numbersOrDigest, recordLimits } = require("../common/node/parameters.js");
const { RECORD, checkLength, describe, inOrder, parseJson, withExactIds } = require("../common/node/record-schema.js");
const { Refusal } = require("../common/node/refusal.js");
const { runWorkers } = require("../common/node/workers.js");
const { runLoop } = require("./loop.js");

const MAX_BODY_BYTES = 2 ** 20;
const MOST_READ_BYTES = 2 ** 22; // a body beyond is refused by Bun itself, with neither a length nor a text
const KEEP_ALIVE_S = 75; // the default of 10 s would close connections between two measurements
const TEXT = { headers: { "Content-Type": "text/plain; charset=utf-8" } };
const JSON_TYPE = { headers: { "Content-Type": "application/json" } };

const ajv = new Ajv();
const checkOne = ajv.compile(RECORD);
const checkMany = ajv.compile({ type: "array", items: RECORD });

const unpackr = new Unpackr({ useRecords: false, int64AsType: "auto" });
const decode = (data) => unpackr.unpack(data);

const text = (body) => new Response(String(body), TEXT);
const json = (body) => new Response(body, JSON_TYPE);

const queryOf = ({ url }) => {
  const at = url.indexOf("?");
  return at < 0 ? "" : url.slice(at + 1);
};

/** The answer to an error that a handler threw: Bun calls it. */
const refuse = (error) => {
  if (error.statusCode === undefined) throw error;
  return new Response(`${error.message}\n`, { ...TEXT, status: error.statusCode });
};

const fiveRoutes = ({ encoded, records }) => {
  const fullJson = Buffer.from(JSON.stringify(records)); // the one body that may be prepared
  const limits = recordLimits(records.length);
  return {
    "/": (request) => {
      numbers(queryOf(request), NOTHING);
      return text("Welcome!\n");
    },
    "/parse-msgpack": (request) => {
      const asked = numbersOrDigest(queryOf(request), limits);
      const decoded = encoded.slice(0, asked.count).map(decode);
      return text(asked.digest ? digest.ofDecoded(decoded, asked) : decoded.length);
    },
    "/encode-json": (request) => {
      const asked = numbersOrDigest(queryOf(request), limits);
      const part = records.slice(0, asked.count);
      return text(asked.digest ? digest.ofEncoded(part, asked, JSON.stringify) : Buffer.byteLength(JSON.stringify(part)));
    },
    "/transfer-data": (request) => {
      const { count = records.length } = numbers(queryOf(request), limits.plain);
      return json(count === records.length ? fullJson : JSON.stringify(records.slice(0, count)));
    },
    "/million-loop": (request) => {
      const { n = 1_000_000, seed = 0 } = numbers(queryOf(request), LOOP);
      return text(runLoop(n, seed));
    },
  };
};

const collections = (names) =>
  Object.fromEntries(
    collectionRoutes(names).map(([path, make]) => [
      path,
      (request) => {
        numbers(queryOf(request), NOTHING);
        return text(make(request.params));
      },
    ]),
  );

const recordRoute = ({ records }) => ({
  "/record/:id": (request) => {
    numbers(queryOf(request), NOTHING);
    const { id } = request.params;
    const record = /^[0-9]+$/.test(id) ? records[Number(id)] : undefined;
    if (record === undefined) throw new Refusal(404, "no such record");
    return json(JSON.stringify(record));
  },
});

/** A body that is a record, or `count` of them, encoded anew. Throws Refusal. */
const validate = async (request) => {
  const { count } = numbers(queryOf(request), BODY);
  const body = Buffer.from(await request.arrayBuffer());
  if (body.length > MAX_BODY_BYTES) throw new Refusal(413, `a body has at most ${MAX_BODY_BYTES} bytes`);
  const { text: source, value } = parseJson(body);
  const check = count === undefined ? checkOne : checkMany;
  if (!check(value)) throw new Refusal(422, describe(check.errors[0]));
  if (count === undefined) return json(JSON.stringify(inOrder(withExactIds(source, [value])[0])));
  checkLength(value, count);
  return json(JSON.stringify(withExactIds(source, value).map(inOrder)));
};

/** Bun's table of routes: by path and method. What else is asked of one of these paths is refused. */
const routesOf = (data) => {
  const reading = { ...fiveRoutes(data), ...collections(BEFORE_RECORD), ...recordRoute(data), ...collections(AFTER_RECORD) };
  const only = (method, handler) => {
    const others = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"].filter((other) => other !== method);
    const notAllowed = () => new Response("not by this method\n", { headers: { ...TEXT.headers, Allow: method }, status: 405 });
    return { ...Object.fromEntries(others.map((other) => [other, notAllowed])), [method]: handler };
  };
  const read = Object.entries(reading).map(([path, handler]) => [path, only("GET", handler)]);
  return { ...Object.fromEntries(read), "/validate": only("POST", validate) };
};

const string = { type: "string" };
const { values: options } = parseArgs({ options: { host: string, port: string, workers: string, dataset: string } });

runWorkers(Number(options.workers), () => {
  writeBigInts();
  Bun.serve({
    hostname: options.host,
    port: Number(options.port),
    reusePort: true,
    idleTimeout: KEEP_ALIVE_S,
    maxRequestBodySize: MOST_READ_BYTES,
    routes: routesOf(dataset.load(options.dataset, decode)),
    fetch: () => new Response("no such path\n", { ...TEXT, status: 404 }),
    error: refuse,
  });
});
