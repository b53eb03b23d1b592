/* Requests that wait for something else than their client: up to a point in time, or until they are resumed before it. Meanwhile the library does
 * not look at their connections, the worker serves others, and a client that ends its side ends its request.
 *
 * There is a set in a server only if the configuration asks for it ([workloads] wait): what makes it possible costs the library a little for
 * every request. What costs time without a client's doing, such as a database, is to be waited for in this way. */
#ifndef RESTMARK_HTTP_SUSPENSION_H
#define RESTMARK_HTTP_SUSPENSION_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct connection;
struct suspensions;

/* For at most `n_max` at a time. */
int suspensions_new(size_t n_max, struct suspensions **ret, struct error *e);

/* Resumes all that wait, which then end unanswered: the library must not be stopped before. NULL-safe. */
void suspensions_end_all(struct suspensions *s);
struct suspensions *suspensions_free(struct suspensions *s); /* NULL-safe; returns NULL */

/* An epoll descriptor that is readable when suspensions_end_departed() has work. */
int suspensions_fd(const struct suspensions *s);

/* Within the library's handler of the request, which has to return MHD_YES: it is called again, with request.has_waited set, when `due_ms`
 * (CLOCK_MONOTONIC) is reached or the request is resumed. Until then, and as long again as a request may take, its connection has no
 * deadline. Returns 0 or a negative errno value, with which nothing has happened. */
int suspensions_add(struct suspensions *s, struct connection *c, uint64_t due_ms);

/* What it has waited for is there. Nothing happens to a request that does not wait. */
void suspensions_resume(struct suspensions *s, struct connection *c);

/* Resumes what is due. */
void suspensions_run(struct suspensions *s, uint64_t now_ms);

/* Ends the requests whose clients have left, after a moment (50 ms) in which that is not looked at. */
void suspensions_end_departed(struct suspensions *s);

/* When suspensions_run() has work; UINT64_MAX if nothing waits. */
uint64_t suspensions_due_ms(const struct suspensions *s);

#endif
