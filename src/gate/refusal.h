/* An answer of refusal as it goes over the wire, with which a connection ends. */
#ifndef RESTMARK_GATE_REFUSAL_H
#define RESTMARK_GATE_REFUSAL_H

#include <stdbool.h>
#include <stddef.h>

/* Sends it to a socket, without waiting: there must be nothing else on its way, and so little fits into any socket's buffer. Returns whether
 * all of it was sent; *ret_body_bytes is the body's length, 0 for HEAD. */
bool refusal_send(int fd, unsigned int status, const char *detail, bool is_head, size_t *ret_body_bytes);

#endif
