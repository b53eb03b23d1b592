/* Results as JSON, schema "restmark-load/1": units in names, null for what is not known. */
#ifndef RESTMARK_LOAD_VIEW_JSON_H
#define RESTMARK_LOAD_VIEW_JSON_H

#include <json-c/json.h>

#include "view/figures.h"

/* One run. The caller puts the object away. NULL: no memory. */
json_object *json_run(const struct load_plan *plan, const struct load_result *r, const struct figures *f);

#endif
