/* Results for people. */
#ifndef RESTMARK_LOAD_VIEW_HUMAN_H
#define RESTMARK_LOAD_VIEW_HUMAN_H

#include <stddef.h>
#include <stdio.h>

#include "view/figures.h"

enum { HUMAN_BYTES = 32 };

/* "712 us", "2.31 ms", "1.20 s". Returns `memory`. */
const char *human_time(uint64_t us, char memory[HUMAN_BYTES]);

/* One line: what will be done. */
void human_plan(FILE *to, const struct load_plan *plan);

/* One line: extremes, quantiles and mean; nothing without a value. `name` stands before it. */
void human_latency(FILE *to, const char *name, const struct hdr *h);

/* The whole report. */
void human_run(FILE *to, const struct load_plan *plan, const struct load_result *r, const struct figures *f);

#endif
