#include "work/loop.h"

/* No step overflows. |acc| grows by at most i + 1 000 000 per step, so that after all of them
 *     |acc| <= seed + n² / 2 + 1 000 000 n <= 2^31 + 5·10^15 + 10^14 < 2^53
 * for the greatest n (10^8) and seed (2^31 − 1).
 *
 * Each step needs the one before it, through the lowest bit of the sum: a compiler can neither vectorise the loop nor find a
 * closed form. ONE_BODY keeps it from being specialised for a caller with a constant n. */
#if defined(__GNUC__) && !defined(__clang__)
#define ONE_BODY __attribute__((noipa))
#else
#define ONE_BODY __attribute__((noinline)) /* clang does not clone for constants */
#endif

ONE_BODY int64_t loop_run(uint64_t n, uint32_t seed) {
        int64_t acc = seed, steps = (int64_t)n;

        for (int64_t i = 0; i < steps; i++) {
                acc += i;
                if (acc & 1)
                        acc = 1000000 - acc;
        }
        return acc;
}
