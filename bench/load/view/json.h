/* Results as JSON: units in names, null for what is not known. */
#ifndef RESTMARK_LOAD_VIEW_JSON_H
#define RESTMARK_LOAD_VIEW_JSON_H

#include <json-c/json.h>

#include "view/figures.h"
#include "view/merge.h"

/* One run, schema "restmark-load/1". The caller puts the object away. NULL: no memory. */
json_object *json_run(const struct load_plan *plan, const struct load_result *r, const struct figures *f);

/* What --merge has added up, schema "restmark-load-merge/1". As above. */
json_object *json_merge(const struct merge *m);

#endif
