/* The fixed replies, made at the start. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Header and body in one buffer, so that one send() carries both; or the body in a file. */
struct reply {
        char *data;
        size_t size;      /* of both */
        size_t file_size; /* of the body that is not in `data` */
        int file;
        bool close;
};

/* In one buffer. status, type: of the head; body: `size` bytes; close: whether the head says that the connection ends. */
struct reply make_reply(const char *status, const char *type, const char *body, size_t size, bool close);

/* "200 OK" with the JSON that is in the file `path`, as a file in memory; copy: in the buffer. Both end the program if they fail. */
struct reply make_json_reply(const char *path, bool copy);
