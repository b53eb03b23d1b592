"use strict";

/** A request that has to be refused with this status; the message says why. */
class Refusal extends Error {
  constructor(statusCode, message) {
    super(message);
    this.statusCode = statusCode;
  }
}

module.exports = { Refusal };
