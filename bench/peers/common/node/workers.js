// So many processes that share one listening socket, by node:cluster.
"use strict";

const cluster = require("node:cluster");

/** In the first process: starts the workers and ends with them. In a worker: calls serve(). */
const runWorkers = (count, serve) => {
  if (!cluster.isPrimary) {
    try {
      serve();
    } catch (error) {
      console.error(error.message);
      process.exit(1);
    }
    return;
  }
  const workers = Array.from({ length: count }, () => cluster.fork());
  const stop = (code) => {
    cluster.removeAllListeners("exit");
    for (const worker of workers) worker.process.kill("SIGTERM");
    process.exitCode = code;
  };
  cluster.on("exit", (_, code) => stop(code || 1)); // one that could not start, or crashed: its message is in the log
  process.on("SIGTERM", () => stop(0));
  process.on("SIGINT", () => stop(0));
};

module.exports = { runWorkers };
