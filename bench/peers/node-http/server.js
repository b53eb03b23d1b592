// restmark's workloads by node:http and node:cluster, with msgpackr, the built-in JSON, and the router and validator that most Node services have.
"use strict";

const http = require("node:http");
const { parseArgs } = require("node:util");

const Ajv = require("ajv");
const createRouter = require("find-my-way");
const { Unpackr } = require("msgpackr");

const { AFTER_RECORD, BEFORE_RECORD, collectionRoutes } = require("../common/node/collections.js");
const dataset = require("../common/node/dataset.js");
const digest = require("../common/node/digest.js");
const { writeBigInts } = require("../common/node/integers.js");
const { runLoop } = require("../common/node/loop.js");
const { BODY, LOOP, NOTHING, WAIT, numbers, numbersOrDigest, recordLimits } = require("../common/node/parameters.js");
const { RECORD, checkLength, describe, inOrder, parseJson, withExactIds } = require("../common/node/record-schema.js");
const { Refusal } = require("../common/node/refusal.js");
const { afterMs } = require("../common/node/waiting.js");
const { runWorkers } = require("../common/node/workers.js");

const MAX_BODY_BYTES = 2 ** 20;
const TEXT = "text/plain; charset=utf-8";
const JSON_TYPE = "application/json";

const ajv = new Ajv();
const checkOne = ajv.compile(RECORD);
const checkMany = ajv.compile({ type: "array", items: RECORD });

const unpackr = new Unpackr({ useRecords: false, int64AsType: "auto" });
const decode = (data) => unpackr.unpack(data);

const answer = (response, status, type, body, headers = {}) => {
  response.writeHead(status, { "Content-Type": type, "Content-Length": Buffer.byteLength(body), ...headers });
  response.end(body);
};

const queryOf = (request) => {
  const at = request.url.indexOf("?");
  return at < 0 ? "" : request.url.slice(at + 1);
};

const refuse = (response, error) => {
  if (error.statusCode === undefined) throw error;
  answer(response, error.statusCode, TEXT, `${error.message}\n`);
};

/** The bytes of a request's body. Throws Refusal if there are too many. */
const bodyOf = async (request) => {
  const tooMany = new Refusal(413, `a body has at most ${MAX_BODY_BYTES} bytes`);
  if (Number(request.headers["content-length"] ?? 0) > MAX_BODY_BYTES) throw tooMany;
  const chunks = [];
  let size = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw tooMany;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
};

/** What a body holds that fits the schema: one record, or `count` of them. Throws Refusal. */
const parseBody = (body, count) => {
  const { text, value } = parseJson(body);
  const check = count === undefined ? checkOne : checkMany;
  if (!check(value)) throw new Refusal(422, describe(check.errors[0]));
  if (count === undefined) return inOrder(withExactIds(text, [value])[0]);
  checkLength(value, count);
  return withExactIds(text, value).map(inOrder);
};

const addFive = (get, { encoded, records }) => {
  const fullJson = Buffer.from(JSON.stringify(records)); // the one body that may be prepared
  const limits = recordLimits(records.length);
  const text = (response, body) => answer(response, 200, TEXT, String(body));

  get("/", (response, query) => {
    numbers(query, NOTHING);
    text(response, "Welcome!\n");
  });
  get("/parse-msgpack", (response, query) => {
    const asked = numbersOrDigest(query, limits);
    const decoded = encoded.slice(0, asked.count).map(decode);
    text(response, asked.digest ? digest.ofDecoded(decoded, asked) : decoded.length);
  });
  get("/encode-json", (response, query) => {
    const asked = numbersOrDigest(query, limits);
    const part = records.slice(0, asked.count);
    text(response, asked.digest ? digest.ofEncoded(part, asked, JSON.stringify) : Buffer.byteLength(JSON.stringify(part)));
  });
  get("/transfer-data", (response, query) => {
    const { count = records.length } = numbers(query, limits.plain);
    answer(response, 200, JSON_TYPE, count === records.length ? fullJson : JSON.stringify(records.slice(0, count)));
  });
  get("/million-loop", (response, query) => {
    const { n = 1_000_000, seed = 0 } = numbers(query, LOOP);
    text(response, runLoop(n, seed));
  });
};

const addThree = (router, get, { records }) => {
  router.on("POST", "/validate", async (request, response) => {
    try {
      const { count } = numbers(queryOf(request), BODY);
      answer(response, 200, JSON_TYPE, JSON.stringify(parseBody(await bodyOf(request), count)));
    } catch (error) {
      if (response.destroyed) return; // the client has left
      request.resume(); // the rest of a body that is too large
      refuse(response, error);
    }
  });
  get("/wait", (response, query) => {
    const { ms = 100 } = numbers(query, WAIT);
    response.on("close", afterMs(ms, () => answer(response, 200, TEXT, String(ms))));
  });
  const addCollections = (names) => {
    for (const [path, make] of collectionRoutes(names)) {
      get(path, (response, query, params) => {
        numbers(query, NOTHING);
        answer(response, 200, TEXT, make(params));
      });
    }
  };
  addCollections(BEFORE_RECORD);
  get("/record/:id", (response, query, { id }) => {
    numbers(query, NOTHING);
    const record = /^[0-9]+$/.test(id) ? records[Number(id)] : undefined;
    if (record === undefined) throw new Refusal(404, "no such record");
    answer(response, 200, JSON_TYPE, JSON.stringify(record));
  });
  addCollections(AFTER_RECORD);
};

const makeRouter = (data) => {
  const router = createRouter({
    defaultRoute: (request, response) => {
      const path = request.url.split("?", 1)[0];
      const allowed = ["GET", "HEAD", "POST"].filter((method) => router.find(method, path) !== null);
      if (allowed.length === 0) answer(response, 404, TEXT, "no such path\n");
      else answer(response, 405, TEXT, "not by this method\n", { Allow: allowed.join(", ") });
    },
  });
  /** handler: function of the response, the raw query and the path's parameters. */
  const get = (path, handler) =>
    router.on(["GET", "HEAD"], path, (request, response, params) => {
      try {
        handler(response, queryOf(request), params);
      } catch (error) {
        refuse(response, error);
      }
    });
  addFive(get, data);
  addThree(router, get, data);
  return router;
};

const string = { type: "string" };
const { values: options } = parseArgs({ options: { host: string, port: string, workers: string, dataset: string } });

runWorkers(Number(options.workers), () => {
  writeBigInts();
  const router = makeRouter(dataset.load(options.dataset, decode));
  const server = http.createServer((request, response) => router.lookup(request, response));
  server.keepAliveTimeout = 75_000; // the default of 5 s would close connections between two measurements
  server.listen({ host: options.host, port: Number(options.port), backlog: 512 });
});
