/* Whether this machine has the means for more workers. */
#ifndef RESTMARK_ACT_MEASURE_H
#define RESTMARK_ACT_MEASURE_H

#include "act/act.h"

/* Whether there are descriptors for `answer->number` workers, and memory for those of them that are not there yet: compares what is available, on
 * the machine and in the control group, with what the workers that there are have for themselves. What cannot be read is no reason against it.
 * Reports `answer`, with a sentence if there is none. */
void measure_report(const struct act *act, const struct happening *answer);

#endif
