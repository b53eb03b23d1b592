// The 99 routes beside /record/{id}, which is registered between the two groups.
"use strict";

const { Refusal } = require("./refusal.js");

const BEFORE_RECORD = (
  "accounts addresses agents articles assets authors batches books branches carts categories channels comments contacts " +
  "contracts coupons customers devices events files groups images invoices labels members messages orders payments products"
).split(" ");
const AFTER_RECORD = ["reviews", "tickets", "users", "vendors"];

/** Throws Refusal for a segment of the path without a character, which routers take for a parameter as well. */
const refuseEmpty = (segment) => {
  if (segment === "") throw new Refusal(404, "no such path");
};

/** [path, function of the path's parameters that gives the answer] of the routes of these collections, with parameters as find-my-way and Bun write them. */
const collectionRoutes = (names) =>
  names.flatMap((name) => {
    const answer = ({ id, item = null }, tail) => {
      refuseEmpty(id);
      refuseEmpty(item);
      return `${name} ${id}${tail}`;
    };
    return [
      [`/${name}/:id`, (params) => answer(params, "")],
      [`/${name}/:id/items`, (params) => answer(params, " items")],
      [`/${name}/:id/items/:item`, (params) => answer(params, ` items ${params.item}`)],
    ];
  });

module.exports = { AFTER_RECORD, BEFORE_RECORD, collectionRoutes };
