"use strict";

/**
 * The loop of /million-loop. acc lies in an array of doubles: of a variable JavaScriptCore makes an integer of 52 bits or a double, by what it
 * happened to see first, and a step costs one process twice or ten times what it costs another.
 */
const runLoop = (n, seed) => {
  const acc = new Float64Array([seed]);
  for (let i = 0; i < n; i++) {
    acc[0] = acc[0] + i;
    if (acc[0] & 1) acc[0] = 1_000_000 - acc[0];
  }
  return acc[0];
};

module.exports = { runLoop };
