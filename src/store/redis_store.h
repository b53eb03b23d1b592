/* The driver for Redis: one connection of a worker. The server answers in the order of the questions, so they follow each other on it without
 * waiting; what several requests ask in one turn of the loop is written at once. Inside the store room only. */
#ifndef RESTMARK_STORE_REDIS_STORE_H
#define RESTMARK_STORE_REDIS_STORE_H

#include "store/store.h"

extern const struct store_driver redis_driver;

#endif
