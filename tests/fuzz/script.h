/* An input as what several clients do, one after another: text that is sent as it is, and between it escapes, each a tilde and a letter. So the
 * fuzzer has the bytes of the protocol next to each other, and may cut them anywhere, wait, and hang up.
 *
 *   ~.    what has gathered is sent, and the server has its turns
 *   ~/N   from here on it is sent in pieces of N bytes, with turns after each (0: whole again); for the worker the
 *         first 24 of each text
 *   ~*CN  the byte C, 8 × N times           ~#CN  the byte C, 512 × N times
 *   ~+N   N × 250 ms pass
 *   ~<    the client ends its side          ~x    it closes
 *   ~|    another client comes, whose bytes follow (up to SCRIPT_CLIENTS)
 *   ~@N   what follows is the N-th client's again
 *   ~w    the client stops reading, or goes on
 *   ~d    the server is drained (worker); what clients wait for is finished (control)
 *   ~~    a tilde
 *
 * N is one character: 0 … 9 and a … z are 0 … 35, another one is its own value. What is no escape is text. */
#ifndef RESTMARK_TESTS_FUZZ_SCRIPT_H
#define RESTMARK_TESTS_FUZZ_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SCRIPT_CLIENTS = 4 };

enum step_kind {
        STEP_TEXT,
        STEP_REPEAT,
        STEP_CUT,
        STEP_PIECES,
        STEP_WAIT,
        STEP_HALF_CLOSE,
        STEP_CLOSE,
        STEP_OPEN,
        STEP_CHOOSE,
        STEP_READING,
        STEP_DRAIN
};

struct step {
        enum step_kind kind;
        const char *text; /* of STEP_TEXT, and the byte of STEP_REPEAT */
        size_t length;    /* of the text; how often; of the pieces; which client */
        uint64_t wait_ms;
};

struct script {
        const char *at, *end;
};

/* Takes the next step. Returns false at the end. */
bool script_next(struct script *s, struct step *ret);

#endif
