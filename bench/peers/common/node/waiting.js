"use strict";

/**
 * Calls done() when so many milliseconds are over, never before: a timer counts whole milliseconds from when the event loop last
 * looked at the clock. Returns a function that gives it up.
 */
const afterMs = (ms, done) => {
  const end = performance.now() + ms;
  let timer;
  const look = () => {
    const left = end - performance.now();
    if (left > 0) timer = setTimeout(look, Math.ceil(left));
    else done();
  };
  look();
  return () => clearTimeout(timer);
};

module.exports = { afterMs };
