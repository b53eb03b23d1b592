#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "base/number.h"
#include "base/quote.h"
#include "data/dataset.h"
#include "work/work.h"

enum work_param {
        PARAM_COUNT,
        PARAM_N,
        PARAM_DIGEST,
        PARAM_SEED,
        PARAM_MS,
        _PARAM_MAX,
};

#define BIT(param) (1u << (param))

static const struct {
        const char *name;
        uint64_t min, max; /* the count's max is the dataset's */
} params[] = {
        [PARAM_COUNT] = { .name = "count" },
        [PARAM_N] = { .name = "n", .max = WORK_LOOP_STEPS_MAX },
        [PARAM_DIGEST] = { .name = "digest", .min = 1, .max = WORK_DIGEST_TIMES_MAX },
        [PARAM_SEED] = { .name = "seed", .max = WORK_SEED_MAX },
        [PARAM_MS] = { .name = "ms", .max = WORK_WAIT_MS_MAX },
};
_Static_assert(sizeof params / sizeof params[0] == _PARAM_MAX, "a row for each parameter");

/* Which parameters a workload takes, and how to say so. */
static const struct {
        unsigned taken;
        const char *in_words;
} workload_params[] = {
        [WORKLOAD_WELCOME] = { 0, "none is known here" },
        [WORKLOAD_PARSE_MSGPACK] = { BIT(PARAM_COUNT) | BIT(PARAM_DIGEST) | BIT(PARAM_SEED), "known here: count, digest, seed" },
        [WORKLOAD_ENCODE_JSON] = { BIT(PARAM_COUNT) | BIT(PARAM_DIGEST) | BIT(PARAM_SEED), "known here: count, digest, seed" },
        [WORKLOAD_TRANSFER_DATA] = { BIT(PARAM_COUNT), "known here: count" },
        [WORKLOAD_MILLION_LOOP] = { BIT(PARAM_N) | BIT(PARAM_SEED), "known here: n, seed" },
        [WORKLOAD_VALIDATE] = { BIT(PARAM_COUNT), "known here: count" },
        [WORKLOAD_WAIT] = { BIT(PARAM_MS), "known here: ms" },
        [WORKLOAD_RECORD] = { 0, "none is known here" },
        [WORKLOAD_SIBLING] = { 0, "none is known here" },
};
_Static_assert(sizeof workload_params / sizeof workload_params[0] == _WORKLOAD_MAX, "parameters of each workload");

void work_params_init(struct work_params *p, enum workload which, const struct dataset *d) {
        *p = (struct work_params){
                .which = which,
                .count = d->n_records,
                .count_max = d->n_records,
                .n = WORK_LOOP_STEPS_DEFAULT,
                .wait_ms = WORK_WAIT_MS_DEFAULT,
        };
}

static enum work_param param_find(enum workload which, const char *key, size_t length) {
        for (unsigned i = 0; i < _PARAM_MAX; i++)
                if ((workload_params[which].taken & BIT(i)) && strlen(params[i].name) == length &&
                    memcmp(params[i].name, key, length) == 0)
                        return i;
        return _PARAM_MAX;
}

static void param_store(struct work_params *p, enum work_param param, uint64_t value) {
        switch (param) {
        case PARAM_COUNT:
                p->count = (size_t)value;
                p->has_count = true;
                break;
        case PARAM_N:
                p->n = value;
                break;
        case PARAM_DIGEST:
                p->digest_times = (uint32_t)value;
                break;
        case PARAM_SEED:
                p->seed = (uint32_t)value;
                break;
        case PARAM_MS:
                p->wait_ms = (uint32_t)value;
                break;
        case _PARAM_MAX:
                break;
        }
}

/* The value of a parameter that is known and was not given before. */
static int param_parse(const struct work_params *p, enum work_param param, const char *value, size_t length, uint64_t *ret,
                       struct error *e) {
        uint64_t parsed = UINT64_MAX; /* what has more than 64 bits is out of every range as well */
        uint64_t min = params[param].min, max = params[param].max;
        const char *name = params[param].name;
        char quoted[QUOTE_MAX];

        if (param == PARAM_COUNT)
                max = p->which == WORKLOAD_VALIDATE ? WORK_VALIDATE_COUNT_MAX : p->count_max;
        if (!value || length == 0)
                return error_set(e, -EINVAL, "Parameter \"%s\" has no value; give a number from %" PRIu64 " to %" PRIu64 ".", name,
                                 min, max);
        if (number_parse(value, length, &parsed) == -EINVAL)
                return error_set(e, -EINVAL, "Parameter \"%s\" is \"%s\"; give decimal digits only, from %" PRIu64 " to %" PRIu64 ".",
                                 name, quote_bytes(quoted, value, length), min, max);
        if (parsed < min || parsed > max)
                return error_set(e, -EINVAL, "Parameter \"%s\" is %s; give a number from %" PRIu64 " to %" PRIu64 ".", name,
                                 quote_bytes(quoted, value, length), min, max);
        *ret = parsed;
        return 0;
}

/* Where a digest can be had, a seed is the digest's. */
static bool seed_is_alone(const struct work_params *p) {
        return (workload_params[p->which].taken & BIT(PARAM_DIGEST)) &&
               (p->seen & (BIT(PARAM_SEED) | BIT(PARAM_DIGEST))) == BIT(PARAM_SEED);
}

int work_params_set(struct work_params *p, const char *key, size_t key_length, const char *value, size_t value_length,
                    struct error *e) {
        enum work_param param = param_find(p->which, key, key_length);
        char quoted[QUOTE_MAX];
        uint64_t parsed;
        int r;

        if (param == _PARAM_MAX)
                return error_set(e, -EINVAL, "Unknown parameter \"%s\"; %s.", quote_bytes(quoted, key, key_length),
                                 workload_params[p->which].in_words);
        if (p->seen & BIT(param))
                return error_set(e, -EINVAL, "Parameter \"%s\" is given more than once.", params[param].name);
        r = param_parse(p, param, value, value_length, &parsed, e);
        if (r < 0)
                return r;
        p->seen |= BIT(param);
        param_store(p, param, parsed);
        if (seed_is_alone(p))
                return error_set(e, WORK_PARAMS_INCOMPLETE, "Parameter \"seed\" is the digest's here; give digest as well.");
        return 0;
}
