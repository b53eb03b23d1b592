/* What workers of another program, which ran in this process before, have in place of their generation. */
#ifndef RESTMARK_ACT_STAND_IN_H
#define RESTMARK_ACT_STAND_IN_H

#include "act/generation.h"

/* One that is like `of`, of which it takes a reference, but for its number, with one reference. NULL when there is no memory. */
struct generation *stand_in_new(struct generation *of, unsigned int number);

#endif
