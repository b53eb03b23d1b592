#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "base/number.h"
#include "base/quote.h"
#include "codec/utf8.h"
#include "data/dataset.h"
#include "work/work.h"

enum work_param {
        PARAM_COUNT,
        PARAM_N,
        PARAM_DIGEST,
        PARAM_SEED,
        PARAM_MS,
        PARAM_ID,
        PARAM_LIMIT,
        PARAM_IDS, /* from here on no number */
        PARAM_TEXT,
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
        [PARAM_ID] = { .name = "id", .max = INT64_MAX },
        [PARAM_LIMIT] = { .name = "limit", .min = 1, .max = WORK_SEARCH_ROWS_MAX },
        [PARAM_IDS] = { .name = "ids" },
        [PARAM_TEXT] = { .name = "q" },
};
_Static_assert(sizeof params / sizeof params[0] == _PARAM_MAX, "a row for each parameter");

/* Which parameters a workload takes, and how to say so. */
static const struct {
        unsigned taken;
        const char *in_words;
        unsigned needed; /* of these */
} workload_params[] = {
        [WORKLOAD_WELCOME] = { 0, "none is known here", 0 },
        [WORKLOAD_PARSE_MSGPACK] = { BIT(PARAM_COUNT) | BIT(PARAM_DIGEST) | BIT(PARAM_SEED), "known here: count, digest, seed", 0 },
        [WORKLOAD_ENCODE_JSON] = { BIT(PARAM_COUNT) | BIT(PARAM_DIGEST) | BIT(PARAM_SEED), "known here: count, digest, seed", 0 },
        [WORKLOAD_TRANSFER_DATA] = { BIT(PARAM_COUNT), "known here: count", 0 },
        [WORKLOAD_MILLION_LOOP] = { BIT(PARAM_N) | BIT(PARAM_SEED), "known here: n, seed", 0 },
        [WORKLOAD_VALIDATE] = { BIT(PARAM_COUNT), "known here: count", 0 },
        [WORKLOAD_WAIT] = { BIT(PARAM_MS), "known here: ms", 0 },
        [WORKLOAD_RECORD] = { 0, "none is known here", 0 },
        [WORKLOAD_SIBLING] = { 0, "none is known here", 0 },
        [WORKLOAD_DB_RECORD] = { BIT(PARAM_ID), "known here: id", BIT(PARAM_ID) },
        [WORKLOAD_DB_RECORDS] = { BIT(PARAM_IDS), "known here: ids", BIT(PARAM_IDS) },
        [WORKLOAD_DB_SEARCH] = { BIT(PARAM_TEXT) | BIT(PARAM_LIMIT), "known here: q, limit", BIT(PARAM_TEXT) },
        [WORKLOAD_DB_UPDATE] = { BIT(PARAM_ID), "known here: id", BIT(PARAM_ID) },
        [WORKLOAD_CACHE_RECORDS] = { BIT(PARAM_COUNT), "known here: count", 0 },
        [WORKLOAD_CACHE_JSON] = { BIT(PARAM_COUNT), "known here: count", 0 },
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
        case PARAM_ID:
                p->asked->ids[0] = (int64_t)value;
                p->asked->n_ids = 1;
                break;
        case PARAM_LIMIT:
                p->asked->limit = (uint32_t)value;
                break;
        default: /* no number */
                break;
        }
}

/* "7,0,7" */
static int take_ids(struct work_params *p, const char *value, size_t length, struct error *e) {
        const char *at = value, *end = value + length;
        char quoted[QUOTE_MAX];

        if (!value || length == 0)
                return error_set(e, -EINVAL, "Parameter \"ids\" has no value; give up to %d numbers with commas between.", WORK_IDS_MAX);
        for (p->asked->n_ids = 0; at <= end; p->asked->n_ids++) {
                const char *comma = memchr(at, ',', (size_t)(end - at)), *stop = comma ? comma : end;
                uint64_t id;

                if (p->asked->n_ids == WORK_IDS_MAX)
                        return error_set(e, -EINVAL, "Parameter \"ids\" has more than %d numbers.", WORK_IDS_MAX);
                if (number_parse(at, (size_t)(stop - at), &id) < 0 || id > INT64_MAX)
                        return error_set(e, -EINVAL, "Parameter \"ids\" has \"%s\" in it; give numbers from 0 to %" PRId64 " with commas between.",
                                         quote_bytes(quoted, at, (size_t)(stop - at)), INT64_MAX);
                p->asked->ids[p->asked->n_ids] = (int64_t)id;
                at = stop + 1;
        }
        return 0;
}

static int take_text(struct work_params *p, const char *value, size_t length, struct error *e) {
        if (!value || length == 0 || length > WORK_SEARCH_TEXT_MAX)
                return error_set(e, -EINVAL, "Parameter \"q\" has %zu bytes; give 1 to %d.", value ? length : 0, WORK_SEARCH_TEXT_MAX);
        if (memchr(value, 0, length) || !utf8_valid(value, length))
                return error_set(e, -EINVAL, "Parameter \"q\" is not UTF-8, or has a NUL character in it.");
        memcpy(p->asked->text, value, length);
        p->asked->text_length = length;
        return 0;
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
        if (param == PARAM_IDS)
                r = take_ids(p, value, value_length, e);
        else if (param == PARAM_TEXT)
                r = take_text(p, value, value_length, e);
        else
                r = param_parse(p, param, value, value_length, &parsed, e);
        if (r < 0)
                return r;
        p->seen |= BIT(param);
        if (param < PARAM_IDS)
                param_store(p, param, parsed);
        if (seed_is_alone(p))
                return error_set(e, WORK_PARAMS_INCOMPLETE, "Parameter \"seed\" is the digest's here; give digest as well.");
        return 0;
}

int work_params_finish(const struct work_params *p, struct error *e) {
        unsigned missing = workload_params[p->which].needed & ~p->seen;

        if (missing == 0)
                return 0;
        return error_set(e, -EINVAL, "Parameter \"%s\" is missing.", params[__builtin_ctz(missing)].name);
}
