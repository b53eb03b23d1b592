/* Any bytes as the body of POST /validate: one record, or an array of as many as the first byte says. What must hold: no crash and no read beyond the
 * body; the same verdict whether strings are decoded in place or elsewhere, in both codecs; what is accepted is within the schema, and comes
 * back the same when it is sent again. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "codec/json_decode.h"
#include "data/dataset.h"
#include "fuzz.h"
#include "work/schema.h"
#include "work/work.h"

enum { RECORDS_MAX = 5 };

static struct work *works[2];
static struct dataset *datasets[2];

static void set_up(void) {
        for (int codec = 0; codec < 2; codec++)
                if (!works[codec])
                        MUST(dataset_new(NULL, 1, (enum codec)codec, &datasets[codec], NULL) == 0 && work_new(datasets[codec], (enum codec)codec, &works[codec], NULL) == 0);
}

/* `n` above RECORDS_MAX: a single record. The body is a copy of exactly that size. */
static int validate(enum codec codec, const void *json, size_t length, size_t n, struct work_response *ret, struct error *e) {
        char *body = malloc(length ? length : 1);
        struct work_params p;
        int r;

        MUST(body);
        if (length > 0)
                memcpy(body, json, length);
        work_params_init(&p, WORKLOAD_VALIDATE, datasets[codec]);
        p.has_count = n <= RECORDS_MAX;
        p.count = n;
        p.body = body;
        p.body_length = length;
        r = work_run(works[codec], WORKLOAD_VALIDATE, &p, ret, e);
        free(body);
        return r;
}

static void check_decoded(const uint8_t *bytes, size_t length, size_t n, bool accepted) {
        char *strings = malloc(length ? length : 1);
        struct record records[RECORDS_MAX];
        struct error e;
        int r;

        MUST(strings);
        r = n <= RECORDS_MAX ? json_records_decode((const char *)bytes, length, strings, n, records, &e)
                             : json_record_decode((const char *)bytes, length, strings, records, &e);
        for (size_t i = 0; r == 0 && i < (n <= RECORDS_MAX ? n : 1); i++)
                r = schema_check(&records[i], &e);
        MUST((r == 0) == accepted);
        free(strings);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
        struct work_response a, b, again;
        struct error ea, eb;
        size_t n;
        int ra, rb;

        if (length == 0)
                return 0;
        set_up();
        n = bytes[0] % (RECORDS_MAX + 2);
        ra = validate(CODEC_STRUCT, bytes + 1, length - 1, n, &a, &ea);
        rb = validate(CODEC_TREE, bytes + 1, length - 1, n, &b, &eb);
        MUST(ra == rb);
        MUST(ra == 0 || ra == -EILSEQ || ra == -EDOM);
        check_decoded(bytes + 1, length - 1, n, ra == 0);
        if (ra < 0) {
                MUST(strcmp(ea.text, eb.text) == 0);
                return 0;
        }
        MUST(a.body_length == b.body_length && memcmp(a.body, b.body, a.body_length) == 0);
        MUST(validate(CODEC_STRUCT, a.body, a.body_length, n, &again, &ea) == 0);
        MUST(a.body_length == again.body_length && memcmp(a.body, again.body, a.body_length) == 0);
        free((void *)a.body);
        free((void *)b.body);
        free((void *)again.body);
        return 0;
}
