/* One message of MessagePack-RPC, decoded by msgpack-c: what a client calls. https://github.com/msgpack-rpc/msgpack-rpc, spec.md. */
#ifndef RESTMARK_RPC_MESSAGE_H
#define RESTMARK_RPC_MESSAGE_H

#include <msgpack.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum message_type { MESSAGE_REQUEST = 0, MESSAGE_RESPONSE = 1, MESSAGE_NOTIFICATION = 2 };

struct message {
        enum message_type type;
        uint32_t id;        /* of a request */
        const char *method; /* not NUL-terminated; NULL: it is no string */
        size_t method_length;
        const msgpack_object *params; /* an array; NULL: it is none */
};

/* Decodes `length` bytes that scan_run() has found to be one value. What *ret points to lies in them and in `zone`, which is the caller's, and
 * is cleared before. Returns 0; -EPROTO for what is neither a request nor a notification, so that it cannot be answered; or -ENOMEM. */
int message_read(const char *bytes, size_t length, msgpack_zone *zone, struct message *ret);

/* The id of a request of which these are the first bytes. Returns whether they say it. */
bool message_read_id(const uint8_t *bytes, size_t length, uint32_t *ret_id);

#endif
