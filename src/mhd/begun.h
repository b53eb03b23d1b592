/* Answers that someone has begun to send before the library got their request, and that the socket did not take in whole. The library makes the same answer and sends
 * it, in the same turn or when the socket can be written to: then the sendmsg() in zero_copy.c sends what is left of the one that was begun. Each thread has its own,
 * so that one that looks up a name, say, has none. */
#ifndef RESTMARK_MHD_BEGUN_H
#define RESTMARK_MHD_BEGUN_H

#include <stdbool.h>
#include <stddef.h>

enum { BEGUN_HEAD_MAX = 384 /* bytes */ };

struct begun {
        int fd;
        char head[BEGUN_HEAD_MAX]; /* what is left of it */
        size_t head_left;          /* bytes */
        const char *body;          /* the library's must be at this place, … */
        size_t body_length;        /* … of so many bytes … */
        size_t body_sent;          /* … of which these have gone; none, if anything of the head is left */
};

/* Forgets all: in a child that has sockets of its own. */
void begun_forget_all(void);

/* Whether one more can be kept: to be seen before it is begun. They are few, as the library takes most of them at once. */
bool begun_has_room(void);

/* There must be room, and nothing that was begun on this descriptor before. */
void begun_add(const struct begun *begun);

/* Whether there is anything, on whichever descriptor. */
bool begun_exists(void);

/* What has been begun on `fd`, which then is forgotten. Returns whether something has. */
bool begun_take(int fd, struct begun *ret);

/* Before a descriptor is closed. */
void begun_forget(int fd);

#endif
