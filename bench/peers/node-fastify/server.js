// restmark's workloads by Fastify, as its documentation shows it: schemas for parameters, bodies and answers.
"use strict";

const { parseArgs } = require("node:util");

const buildSerializer = require("fast-json-stringify");
const fastify = require("fastify");
const { Unpackr } = require("msgpackr");

const { AFTER_RECORD, BEFORE_RECORD, collectionRoutes } = require("../common/node/collections.js");
const dataset = require("../common/node/dataset.js");
const digest = require("../common/node/digest.js");
const { runLoop } = require("../common/node/loop.js");
const { BODY, LOOP, WAIT, number, recordLimits } = require("../common/node/parameters.js");
const { RECORD, checkLength, describe, parseJson, withExactIds } = require("../common/node/record-schema.js");
const { Refusal } = require("../common/node/refusal.js");
const { afterMs } = require("../common/node/waiting.js");
const { runWorkers } = require("../common/node/workers.js");

const OTHER_METHODS = ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
const RECORDS = { type: "array", items: RECORD };
const NOTHING = querystring({});

const unpackr = new Unpackr({ useRecords: false, int64AsType: "auto" });
const decode = (data) => unpackr.unpack(data);
const encode = buildSerializer(RECORDS); // what Fastify makes of a schema of an answer

/**
 * The schema of a query with these parameters. They stay texts: ajv would take "0x10" and " 5" for numbers. A repeated one is an array,
 * which is no text.
 */
function querystring(limits, rest = {}) {
  const digits = { type: "string", pattern: "^[0-9]+$" };
  const properties = Object.fromEntries(Object.keys(limits).map((name) => [name, digits]));
  return { type: "object", properties, additionalProperties: false, ...rest };
}

/** A parameter of a query that fits its schema, as a number. Throws Refusal if it is out of range. */
const value = (query, limits, name, otherwise) =>
  query[name] === undefined ? otherwise : number(name, query[name], limits[name]);

/** Adds a route that answers by a function, and refuses other methods by 405. */
const get = (app, path, schema, handler) => {
  app.get(path, { schema }, handler);
  app.route({ method: OTHER_METHODS, url: path, onRequest: notAllowed, handler: notAllowed });
};

const notAllowed = async (_request, reply) => reply.code(405).header("Allow", "GET, HEAD").send("not by this method\n");

const addFive = (app, { encoded, records }) => {
  const fullJson = Buffer.from(encode(records)); // the one body that may be prepared
  const limits = recordLimits(records.length);
  const digestible = { querystring: querystring(limits.digest, { dependencies: { seed: ["digest"] } }) };
  const asked = ({ query }) => ({
    count: value(query, limits.digest, "count", records.length),
    digest: value(query, limits.digest, "digest", 0),
    seed: value(query, limits.digest, "seed", 0),
  });

  get(app, "/", { querystring: NOTHING }, async () => "Welcome!\n");
  get(app, "/parse-msgpack", digestible, async (request) => {
    const wanted = asked(request);
    const decoded = encoded.slice(0, wanted.count).map(decode);
    return String(wanted.digest ? digest.ofDecoded(decoded, wanted) : decoded.length);
  });
  get(app, "/encode-json", digestible, async (request) => {
    const wanted = asked(request);
    const part = records.slice(0, wanted.count);
    return String(wanted.digest ? digest.ofEncoded(part, wanted, encode) : Buffer.byteLength(encode(part)));
  });
  get(app, "/transfer-data", { querystring: querystring(limits.plain) }, async (request, reply) => {
    const count = value(request.query, limits.plain, "count", records.length);
    reply.type("application/json");
    return count === records.length ? fullJson : encode(records.slice(0, count));
  });
  get(app, "/million-loop", { querystring: querystring(LOOP) }, async ({ query }) =>
    String(runLoop(value(query, LOOP, "n", 1_000_000), value(query, LOOP, "seed", 0))),
  );
};

const addThree = (app, { records }) => {
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, (request, body, done) => {
    try {
      const { text, value: parsed } = parseJson(body);
      request.text = text;
      done(null, parsed);
    } catch (error) {
      done(error);
    }
  });
  app.decorateRequest("text", null);
  const shape = { if: { type: "array" }, then: RECORDS, else: RECORD };
  app.post("/validate", { schema: { querystring: querystring(BODY), body: shape } }, async ({ body, query, text }, reply) => {
    const count = value(query, BODY, "count");
    if (Array.isArray(body) !== (count !== undefined)) throw new Refusal(422, "an array is due with count, an object without");
    if (count !== undefined) checkLength(body, count);
    const exact = withExactIds(text, [body].flat());
    reply.type("application/json");
    return count === undefined ? encodeOne(exact[0]) : encode(exact);
  });
  app.route({ method: ["GET", ...OTHER_METHODS.slice(1)], url: "/validate", onRequest: postOnly, handler: postOnly });

  get(app, "/wait", { querystring: querystring(WAIT) }, async ({ query }, reply) => {
    const ms = value(query, WAIT, "ms", 100);
    await new Promise((resolve) => reply.raw.once("close", afterMs(ms, resolve)));
    return String(ms);
  });
  const addCollections = (names) => {
    for (const [path, make] of collectionRoutes(names)) {
      get(app, path, { querystring: NOTHING }, async ({ params }) => make(params));
    }
  };
  addCollections(BEFORE_RECORD);
  get(app, "/record/:id", { querystring: NOTHING, response: { 200: RECORD } }, async ({ params: { id } }) => {
    const record = /^[0-9]+$/.test(id) ? records[Number(id)] : undefined;
    if (record === undefined) throw new Refusal(404, "no such record");
    return record;
  });
  addCollections(AFTER_RECORD);
};

const encodeOne = buildSerializer(RECORD);

const postOnly = async (_request, reply) => reply.code(405).header("Allow", "POST").send("not by this method\n");

const makeApp = (data) => {
  const app = fastify({
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false } }, // refuse rather than mend
    routerOptions: { maxParamLength: 100 },
    schemaErrorFormatter: ([error], where) => new Refusal(where === "body" ? 422 : 400, describe(error)),
  });
  addFive(app, data);
  addThree(app, data);
  return app;
};

const string = { type: "string" };
const { values: options } = parseArgs({ options: { host: string, port: string, workers: string, dataset: string } });

runWorkers(Number(options.workers), () => {
  const app = makeApp(dataset.load(options.dataset, decode));
  app.listen({ host: options.host, port: Number(options.port) }).catch((error) => {
    console.error(error.message);
    process.exit(1);
  });
});
