/* Answers that are there before they are asked for, sent from where the gate has read the request: the library, which would take more than half of all
 * instructions of such a request, never hears of it. Which it may be is said by intake.h (`alone`); everything else, and everything that is not as usual, is the
 * library's. What is counted, logged and waited for is the same, and so are the answer's fields. Inside the http room only. */
#ifndef RESTMARK_HTTP_AT_ONCE_H
#define RESTMARK_HTTP_AT_ONCE_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "gate/intake.h"
#include "http/route.h"
#include "work/work.h"

enum {
        AT_ONCE_MAX = 512, /* bytes of an answer's text */
        AT_ONCE_ANSWERS = 2,
};

struct at_once_answer {
        const char *path;
        size_t path_length;
        const struct route *route;
        struct work_response from;
        bool is_large;      /* the body is sent from where it lies; else it is the text's end */
        time_t date_s;      /* of the text */
        size_t head_length; /* of the text … */
        size_t length;      /* … which has so many bytes; 0: there is none yet */
        char text[AT_ONCE_MAX];
};

struct at_once {
        struct at_once_answer answers[AT_ONCE_ANSWERS];
        size_t n;
};

struct server;

/* Finds what can be. To be called when the server has its router and work. Large answers take a library whose sending can be stood in for: zero_copy_check(). */
void at_once_init(struct server *server);

/* struct intake_owner's `alone`, the context being the connection. */
bool at_once_answer(void *context, const struct intake_request *request);

#endif
