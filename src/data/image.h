/* A dataset file's bytes in memory, wherever they come from. Internal to data/. */
#ifndef RESTMARK_DATA_IMAGE_H
#define RESTMARK_DATA_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct image {
        uint8_t *bytes; /* malloc'ed */
        size_t length;  /* bytes */
};

/* The file as it is. Never blocks: what is not a regular file is refused. Returns 0 or a negative errno (-EBADMSG: empty). */
int image_read(const char *path, struct image *ret, struct error *e);

/* The file of the first `n` built-in records. Returns 0 or -ENOMEM. */
int image_generate(size_t n, struct image *ret, struct error *e);

/* Frees the bytes; safe on a zeroed image. */
void image_deinit(struct image *image);

#endif
