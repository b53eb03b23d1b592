/* The rules of single lines of an answer. Lines come without their CRLF. */
#ifndef RESTMARK_LOAD_WIRE_HEAD_H
#define RESTMARK_LOAD_WIRE_HEAD_H

#include "wire/response.h"

/* Sets status, version and what the version means for the connection. */
enum response_fault head_status_line(const char *line, size_t n, struct response_head *head);

/* A field of the head; only those that frame the answer have an effect. */
enum response_fault head_field(const char *line, size_t n, struct response_head *head);

/* A field of the trailers, which may say nothing of the framing. */
enum response_fault head_trailer(const char *line, size_t n);

/* The size of a chunk, in hexadecimal, with extensions or without. */
enum response_fault head_chunk_size(const char *line, size_t n, uint64_t *ret);

#endif
