/* Asks for each target once or twice before the load begins: whether the server answers as it should, and what it answers. */
#ifndef RESTMARK_LOAD_ENGINE_PROBE_H
#define RESTMARK_LOAD_ENGINE_PROBE_H

#include "engine/plan.h"

/* Fills plan->expected of every target. With `expected` (NULL: learn it) every target has to answer that. A target without random numbers is
 * asked twice and has to answer the same twice; one with them is asked once, and its bytes are not known. The bodies are freed by
 * probe_forget(), which takes a plan that was never probed. Not to `ask` takes `expected`. Returns 0; -EPROTO if the server answers wrongly, or another negative errno
 * value if it cannot be asked; with a sentence. */
int probe_targets(struct load_plan *plan, const struct expectation *expected, bool ask, struct error *e);
void probe_forget(struct load_plan *plan);

#endif
