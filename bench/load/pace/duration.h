/* Times as people write them. */
#ifndef RESTMARK_LOAD_PACE_DURATION_H
#define RESTMARK_LOAD_PACE_DURATION_H

#include <stdint.h>

/* Reads a number, with decimals or without, and a unit: us, ms, s or min; without one it is in units of `bare_ns`. Returns 0, -EINVAL (it is
 * none) or -ERANGE (more than a year). */
int duration_parse(const char *text, uint64_t bare_ns, uint64_t *ret_ns);

#endif
