/* --slo: tries rates until the highest one that holds all levels is known. */
#ifndef RESTMARK_LOAD_VIEW_SEARCH_H
#define RESTMARK_LOAD_VIEW_SEARCH_H

#include <stdio.h>

#include "engine/plan.h"
#include "pace/slo.h"

/* Runs the search from plan->rate on, each rate for plan->duration_ns; prints a table, or JSON, to standard output and progress to standard
 * error. Returns 1 if some rate held, 0 if none did, or a negative errno value with a sentence. */
int search_run(struct load_plan *plan, const struct slo_set *slo, bool json, struct error *e);

#endif
