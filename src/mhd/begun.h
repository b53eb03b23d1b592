/* Answers that someone has begun to send before the library got their request, and that the socket did not take in whole. The library makes the same answer and sends
 * it, in the same turn or when the socket can be written to; of that the sendmsg() in zero_copy.c leaves out what has gone. Single-threaded. */
#ifndef RESTMARK_MHD_BEGUN_H
#define RESTMARK_MHD_BEGUN_H

#include <stdbool.h>
#include <stddef.h>

struct begun {
        int fd;
        size_t sent, head_length; /* bytes; all of the head has gone */
        const char *body;         /* the library's must be at this place, … */
        size_t body_length;       /* … and of so many bytes */
};

/* Forgets all: in a child that has sockets of its own. */
void begun_forget_all(void);

/* Whether one more can be kept: to be seen before it is begun. They are few, as the library takes most of them at once. */
bool begun_has_room(void);

/* There must be room, and nothing that was begun on this descriptor before. */
void begun_add(const struct begun *begun);

/* What has been begun on `fd`, which then is forgotten. Returns whether something has. To be called before a descriptor is closed, too. */
bool begun_take(int fd, struct begun *ret);

#endif
