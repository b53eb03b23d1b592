// A contestant for restmark with node:http and node:cluster alone. Replace it by your own stack, a part at a time.
//
// The dataset file is a MessagePack array of bin elements, each one a map.
"use strict";

const cluster = require("node:cluster");
const fs = require("node:fs");
const http = require("node:http");
const { parseArgs } = require("node:util");
const digest = require("./digest.js");

const text = { type: "string" };
const { values: options } = parseArgs({ options: { host: text, port: text, workers: text, dataset: text } });

/** MessagePack from a buffer. A real server would use a package; this one must not need any. */
class Decoder {
  constructor(data) {
    this.data = data;
    this.at = 0;
  }

  /** A big-endian number of so many bytes, by the buffer's method of that name. */
  number(size, method) {
    const value = this.data[method](this.at, size);
    this.at += size;
    return value;
  }

  wide(method) {
    return Number(this.number(8, method));
  }

  bytes(size) {
    if (this.at + size > this.data.length) throw new RangeError("MessagePack ends too early");
    this.at += size;
    return this.data.subarray(this.at - size, this.at);
  }

  string(size) {
    return this.bytes(size).toString("utf8");
  }

  array(size) {
    return Array.from({ length: size }, () => this.value());
  }

  map(size) {
    const result = {};
    for (let i = 0; i < size; i++) {
      const key = this.value();
      result[key] = this.value();
    }
    return result;
  }

  value() {
    const first = this.number(1, "readUIntBE");
    if (first < 0x80) return first;
    if (first < 0x90) return this.map(first & 0x0f);
    if (first < 0xa0) return this.array(first & 0x0f);
    if (first < 0xc0) return this.string(first & 0x1f);
    if (first >= 0xe0) return first - 0x100;
    const size = (base) => this.number(2 ** (first - base), "readUIntBE");
    switch (first) {
      case 0xc0: return null;
      case 0xc2: return false;
      case 0xc3: return true;
      case 0xc4: case 0xc5: case 0xc6: return this.bytes(size(0xc4));
      case 0xca: return this.number(4, "readFloatBE");
      case 0xcb: return this.number(8, "readDoubleBE");
      case 0xcc: case 0xcd: case 0xce: return size(0xcc);
      case 0xcf: return this.wide("readBigUInt64BE");
      case 0xd0: case 0xd1: case 0xd2: return this.number(2 ** (first - 0xd0), "readIntBE");
      case 0xd3: return this.wide("readBigInt64BE");
      case 0xd9: case 0xda: case 0xdb: return this.string(size(0xd9));
      case 0xdc: case 0xdd: return this.array(size(0xdb));
      case 0xde: case 0xdf: return this.map(size(0xdd));
      default: throw new RangeError(`MessagePack type 0x${first.toString(16)} does not occur in a dataset`);
    }
  }
}

const decode = (data) => new Decoder(data).value();

const runLoop = (n, seed) => {
  let acc = seed; // stays below 2^53, where a double is exact
  for (let i = 0; i < n; i++) {
    acc = acc + i;
    if (acc & 1) acc = 1_000_000 - acc;
  }
  return acc;
};

const SEEDS = [0, 2 ** 31 - 1];

class BadParameter extends Error {}

/** name -> number; each of the names at most once, nothing else. limits: name -> [least, most]. */
const parameters = (query, limits) => {
  const found = {};
  for (const pair of query ? query.split("&") : []) {
    const at = pair.indexOf("=");
    const name = at < 0 ? pair : pair.slice(0, at);
    const value = at < 0 ? "" : pair.slice(at + 1);
    if (!Object.hasOwn(limits, name) || Object.hasOwn(found, name)) throw new BadParameter(pair);
    if (!/^[0-9]{1,10}$/.test(value) || Number(value) < limits[name][0]) throw new BadParameter(pair);
    if (Number(value) > limits[name][1]) throw new BadParameter(pair);
    found[name] = Number(value);
  }
  return found;
};

/** path -> function of the query that gives [Content-Type, body]. Only the full JSON is prepared. */
const makeRoutes = (path) => {
  const encoded = decode(fs.readFileSync(path));
  const records = encoded.map(decode);
  const fullJson = Buffer.from(JSON.stringify(records));
  const count = (query) => parameters(query, { count: [0, records.length] }).count ?? records.length;
  const digestLimits = { count: [0, records.length], digest: [1, 8], seed: SEEDS };
  /** The count, and the digest's repetitions (0: none is asked for) and seed. */
  const asked = (query) => {
    if (!query.includes("digest")) return [count(query), 0, 0];
    const found = parameters(query, digestLimits);
    return [found.count ?? records.length, found.digest, found.seed ?? 0];
  };
  const plain = (body) => ["text/plain; charset=utf-8", Buffer.from(String(body))];
  const json = (k) => (k === records.length ? fullJson : Buffer.from(JSON.stringify(records.slice(0, k))));
  return {
    "/": (query) => {
      parameters(query, {});
      return plain("Welcome!\n");
    },
    "/parse-msgpack": (query) => {
      const [k, repetitions, seed] = asked(query);
      const decoded = encoded.slice(0, k).map(decode);
      return plain(repetitions ? digest.ofDecoded(decoded, repetitions, seed) : decoded.length);
    },
    "/encode-json": (query) => {
      const [k, repetitions, seed] = asked(query);
      const part = records.slice(0, k);
      if (repetitions) return plain(digest.ofEncoded(part, repetitions, seed, JSON.stringify));
      return plain(Buffer.byteLength(JSON.stringify(part)));
    },
    "/transfer-data": (query) => ["application/json", json(count(query))],
    "/million-loop": (query) => {
      const { n = 1_000_000, seed = 0 } = parameters(query, { n: [0, 100_000_000], seed: SEEDS });
      return plain(runLoop(n, seed));
    },
  };
};

const answer = (response, status, type, body, headers = {}) => {
  response.writeHead(status, { "Content-Type": type, "Content-Length": body.length, ...headers });
  response.end(body);
};

const serve = () => {
  const routes = makeRoutes(options.dataset);
  const server = http.createServer((request, response) => {
    const [path, query = ""] = request.url.split(/\?(.*)/s);
    if (!Object.hasOwn(routes, path)) return answer(response, 404, "text/plain", "no such path\n");
    if (request.method !== "GET" && request.method !== "HEAD") {
      return answer(response, 405, "text/plain", "only GET and HEAD are served\n", { Allow: "GET, HEAD" });
    }
    try {
      return answer(response, 200, ...routes[path](query));
    } catch (error) {
      if (!(error instanceof BadParameter)) throw error;
      return answer(response, 400, "text/plain", "bad parameter\n");
    }
  });
  server.keepAliveTimeout = 75_000; // the default of 5 s would close connections between two measurements
  server.listen({ host: options.host, port: Number(options.port), backlog: 512 });
};

if (cluster.isPrimary) {
  const workers = Array.from({ length: Number(options.workers) }, () => cluster.fork());
  const stop = (code) => {
    cluster.removeAllListeners("exit");
    for (const worker of workers) worker.process.kill("SIGTERM");
    process.exitCode = code;
  };
  cluster.on("exit", (_, code) => stop(code || 1)); // one that could not start, or crashed: its message is in the log
  process.on("SIGTERM", () => stop(0));
  process.on("SIGINT", () => stop(0));
} else {
  serve();
}
