/* Looks at what goes to and comes from libmicrohttpd, with rules of its own and no code of restmarkd's. What breaks one ends the process. */
#ifndef RESTMARK_TESTS_FUZZ_EYE_H
#define RESTMARK_TESTS_FUZZ_EYE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EYE_KEPT_MAX = 4096 /* bytes of a head */ };

/* What one client has been answered. */
struct eye_answers {
        char kept[EYE_KEPT_MAX];
        size_t n_kept;
        bool in_body, says_close; /* the last answer announced the connection's end */
        uint64_t body_left, body_length;
        unsigned int status;      /* of the last answer */
        unsigned int n, n_interim;
        uint64_t sum;             /* of all answers' status and body; of a 400, which may or may not be for a HEAD, the status */
};

/* Takes what a client has read. `may_lack_body`: it has sent a HEAD request. Answers are well-formed HTTP/1.1 with a Date and a length, and
 * none follows one that says "Connection: close". */
void eye_take(struct eye_answers *a, const char *bytes, size_t length, bool may_lack_body);

/* At the end of the stream. Returns whether the last answer was whole. */
bool eye_is_whole(const struct eye_answers *a, bool may_lack_body);

/* What one connection's library has been given. */
struct eye_heads {
        size_t line_length; /* of the line that is not whole yet */
        unsigned int n_lines, n; /* of the current head; heads that are whole */
        bool was_cr;
        char line[32];
};

/* Takes bytes on their way to the library: heads of few known lines and nothing else. */
void eye_take_heads(struct eye_heads *h, const char *bytes, size_t length);

/* How often `text` is in the bytes, in any case of its letters. */
unsigned int eye_count(const char *bytes, size_t length, const char *text);

#endif
