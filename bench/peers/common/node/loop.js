"use strict";

/** The loop of /million-loop. acc stays below 2^53, where a number is exact. */
const runLoop = (n, seed) => {
  let acc = seed;
  for (let i = 0; i < n; i++) {
    acc = acc + i;
    if (acc & 1) acc = 1_000_000 - acc;
  }
  return acc;
};

module.exports = { runLoop };
