/* The million-step loop. Internal to work/ (and to its tests and benchmarks). */
#ifndef RESTMARK_WORK_LOOP_H
#define RESTMARK_WORK_LOOP_H

#include <stdint.h>

/* Runs `n` steps (≤ WORK_LOOP_STEPS_MAX), one after another, from `seed` (≤ WORK_SEED_MAX). */
int64_t loop_run(uint64_t n, uint32_t seed);

#endif
