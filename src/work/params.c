#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/number.h"
#include "base/quote.h"
#include "data/dataset.h"
#include "work/work.h"

enum work_param {
        PARAM_COUNT,
        PARAM_N,
        PARAM_SEED,
        _PARAM_MAX,
};

static const char *const param_names[] = {
        [PARAM_COUNT] = "count",
        [PARAM_N] = "n",
        [PARAM_SEED] = "seed",
};
_Static_assert(sizeof param_names / sizeof param_names[0] == _PARAM_MAX, "a name for each parameter");

/* Which parameters a workload takes, as bits, and how to say so. */
static const struct {
        unsigned taken;
        const char *in_words;
} workload_params[] = {
        [WORKLOAD_WELCOME] = { 0, "none is known here" },
        [WORKLOAD_PARSE_MSGPACK] = { 1u << PARAM_COUNT, "known here: count" },
        [WORKLOAD_ENCODE_JSON] = { 1u << PARAM_COUNT, "known here: count" },
        [WORKLOAD_TRANSFER_DATA] = { 1u << PARAM_COUNT, "known here: count" },
        [WORKLOAD_MILLION_LOOP] = { 1u << PARAM_N | 1u << PARAM_SEED, "known here: n, seed" },
};
_Static_assert(sizeof workload_params / sizeof workload_params[0] == _WORKLOAD_MAX, "parameters of each workload");

void work_params_init(struct work_params *p, enum workload which, const struct dataset *d) {
        *p = (struct work_params){
                .which = which,
                .count = d->n_records,
                .count_max = d->n_records,
                .n = WORK_LOOP_STEPS_DEFAULT,
        };
}

static enum work_param param_find(enum workload which, const char *key, size_t length) {
        for (unsigned i = 0; i < _PARAM_MAX; i++)
                if ((workload_params[which].taken & (1u << i)) && strlen(param_names[i]) == length &&
                    memcmp(param_names[i], key, length) == 0)
                        return i;
        return _PARAM_MAX;
}

int work_params_set(struct work_params *p, const char *key, size_t key_length, const char *value, size_t value_length,
                    struct error *e) {
        enum work_param param = param_find(p->which, key, key_length);
        char quoted[QUOTE_MAX];
        uint64_t parsed = UINT64_MAX, max; /* what has more than 64 bits is out of every range as well */

        if (param == _PARAM_MAX)
                return error_set(e, -EINVAL, "Unknown parameter \"%s\"; %s.", quote_bytes(quoted, key, key_length),
                                 workload_params[p->which].in_words);
        if (p->seen & (1u << param))
                return error_set(e, -EINVAL, "Parameter \"%s\" is given more than once.", param_names[param]);
        max = param == PARAM_COUNT ? p->count_max : param == PARAM_N ? WORK_LOOP_STEPS_MAX : WORK_LOOP_SEED_MAX;
        if (!value || value_length == 0)
                return error_set(e, -EINVAL, "Parameter \"%s\" has no value; give a number from 0 to %" PRIu64 ".",
                                 param_names[param], max);
        if (number_parse(value, value_length, &parsed) == -EINVAL)
                return error_set(e, -EINVAL, "Parameter \"%s\" is \"%s\"; give decimal digits only, from 0 to %" PRIu64 ".",
                                 param_names[param], quote_bytes(quoted, value, value_length), max);
        if (parsed > max)
                return error_set(e, -EINVAL, "Parameter \"%s\" is %s; give a number from 0 to %" PRIu64 ".", param_names[param],
                                 quote_bytes(quoted, value, value_length), max);
        p->seen |= 1u << param;
        if (param == PARAM_COUNT)
                p->count = (size_t)parsed;
        else if (param == PARAM_N)
                p->n = parsed;
        else
                p->seed = (uint32_t)parsed;
        return 0;
}
