/* JSON's words, one after the other: what a decoder of records finds its way with. Allocates nothing. Internal to codec/. */
#ifndef RESTMARK_CODEC_JSON_READER_H
#define RESTMARK_CODEC_JSON_READER_H

#include <stdbool.h>

#include "codec/record_builder.h"

/* The one failure: `expected` is what was missed at `at`. */
enum { JSON_MISSED = -2 };

struct json_reader {
        const char *begin, *at, *end;
        char *strings; /* as long as the text: an escaped string goes where it would be in it */
        const char *expected;
        struct record_report report; /* the decoder's, after RECORD_REFUSED */
};

static inline int json_miss(struct json_reader *r, const char *expected) {
        r->expected = expected;
        return JSON_MISSED;
}

static inline void json_skip_space(struct json_reader *r) {
        while (r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\r' || *r->at == '\t'))
                r->at++;
}

static inline bool json_take(struct json_reader *r, char byte) {
        json_skip_space(r);
        if (r->at == r->end || *r->at != byte)
                return false;
        r->at++;
        return true;
}

/* Behind the first quote, up to behind the last. The string is a view into the text, or into `strings` if it has escapes. Returns 0 or
 * JSON_MISSED. */
int json_take_string(struct json_reader *r, struct record_value *ret);

/* Any value; with `as_real` any number is a double. Of an array or an object only the begin is taken: no field is one, so the record is
 * refused for it. Returns 0 or JSON_MISSED. */
int json_take_value(struct json_reader *r, bool as_real, struct record_value *ret);

#endif
