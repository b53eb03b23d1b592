#define _GNU_SOURCE
#include "reply.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

#define HUGE_PAGE_BYTES ((size_t)2 << 20)

struct reply make_reply(const char *status, const char *type, const char *body, size_t size, bool close) {
        char header[256];
        int header_size = snprintf(header, sizeof header,
                                   "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s\r\n", status, type, size,
                                   close ? "Connection: close\r\n" : "");
        struct reply reply = {.size = (size_t)header_size + size, .close = close};
        reply.data = malloc(reply.size);
        if (!reply.data)
                err(EXIT_FAILURE, "reply of %zu bytes", size);
        memcpy(reply.data, header, (size_t)header_size);
        memcpy(reply.data + header_size, body, size);
        return reply;
}

/* The body as a file in memory, on an aligned address, where the kernel can make it a huge page; small ones are as right. */
static int make_body_file(const char *body, size_t size) {
        size_t whole = (size + HUGE_PAGE_BYTES - 1) / HUGE_PAGE_BYTES * HUGE_PAGE_BYTES;
        int fd = memfd_create("epoll-limit", MFD_CLOEXEC);
        char *room = mmap(NULL, whole + HUGE_PAGE_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (fd < 0 || ftruncate(fd, (off_t)whole) < 0 || room == MAP_FAILED)
                err(EXIT_FAILURE, "body of %zu bytes", size);
        char *at = room + (HUGE_PAGE_BYTES - (size_t)room % HUGE_PAGE_BYTES) % HUGE_PAGE_BYTES;
        if (mmap(at, whole, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED)
                err(EXIT_FAILURE, "body of %zu bytes", size);
        memcpy(at, body, size);
        if (madvise(at, whole, MADV_COLLAPSE) < 0)
                warn("the body is in small pages, which cost more");
        munmap(room, whole + HUGE_PAGE_BYTES);
        return fd;
}

/* `header`: a reply without a body, whose Content-Length is the body's. */
static struct reply make_file_reply(struct reply header, const char *body, size_t size) {
        struct reply reply = header;
        reply.file = make_body_file(body, size);
        reply.file_size = size;
        return reply;
}

struct reply make_json_reply(const char *path, bool copy) {
        FILE *file = fopen(path, "rb");
        struct stat info;
        if (!file || fstat(fileno(file), &info) < 0)
                err(EXIT_FAILURE, "--body-file %s", path);
        size_t size = (size_t)info.st_size;
        char *body = malloc(size + 1);
        if (!body)
                err(EXIT_FAILURE, "--body-file %s: %zu bytes", path, size);
        rewind(file); /* /dev/fd/N may share an offset left at the end */
        if (fread(body, 1, size, file) != size)
                errx(EXIT_FAILURE, "--body-file %s: cannot read its %zu bytes; name a regular file", path, size);
        fclose(file);
        struct reply reply = make_reply("200 OK", "application/json", body, size, false);
        if (!copy)
                reply = make_file_reply(reply, body, size);
        free(body);
        return reply;
}
