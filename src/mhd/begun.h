/* Answers that someone has begun to send before the library got their request, and that the socket did not take in whole. The library makes the same answer and sends
 * it; of that the sendmsg() in zero_copy.c leaves out what has gone. Single-threaded. */
#ifndef RESTMARK_MHD_BEGUN_H
#define RESTMARK_MHD_BEGUN_H

#include <stdbool.h>
#include <stddef.h>

struct begun {
        size_t sent, head_length; /* bytes; all of the head has gone */
        const char *body;         /* the library's must be at this place; NULL: nothing has been begun */
        size_t body_length;       /* bytes */
};

/* Takes memory for the process. Returns 0 or -ENOMEM. */
int begun_prepare(void);

/* Forgets all: after a fork, in the child, and at the end. */
void begun_forget_all(void);

/* Returns 0, or -EMFILE where nothing can be kept of `fd`. */
int begun_note(int fd, const struct begun *begun);

/* What has been begun on `fd`, which then is forgotten. Returns whether something has. To be called before it is closed, too. */
bool begun_take(int fd, struct begun *ret);

#endif
