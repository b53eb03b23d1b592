#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "mhd/library.h"
#include "mhd/zero_copy.h"

enum {
        BODY = 4096,     /* bytes */
        ANSWER = 8192,   /* that hold it, its head and one byte too many */
        TURNS_MAX = 16,  /* of the library: it takes three */
        MEMORY = 1024,
};

static enum MHD_Result answer(void *context, struct MHD_Connection *mhd, const char *path, const char *method, const char *version,
                              const char *body, size_t *body_size, void **request_context) {
        struct MHD_Response *response = MHD_create_response_from_buffer(BODY, context, MHD_RESPMEM_PERSISTENT);
        enum MHD_Result result = response ? MHD_queue_response(mhd, MHD_HTTP_OK, response) : MHD_NO;

        (void)path;
        (void)method;
        (void)version;
        (void)body;
        (void)body_size;
        (void)request_context;
        if (response)
                MHD_destroy_response(response);
        return result;
}

/* Lets the library answer one request on `server`, which it closes, and reads from `client` what comes. Returns its length. */
static size_t exchange(int client, int server, char *body, char *got, struct error *e) {
        static const char request[] = "GET / HTTP/1.1\r\nHost:\r\n\r\n";
        const struct sockaddr peer = { .sa_family = AF_UNIX };
        const struct library_parts parts = { .who = "zero-copy check: ", .connections_max = 1, .connection_memory_bytes = MEMORY, .on_access = answer, .context = body };
        struct MHD_Daemon *mhd;
        size_t length = 0;

        if (library_start(&parts, &mhd, e) < 0) {
                (void)fd_close(server);
                return 0;
        }
        if (MHD_add_connection(mhd, server, &peer, sizeof peer.sa_family) == MHD_YES && write(client, request, sizeof request - 1) > 0)
                for (int i = 0; i < TURNS_MAX; i++) {
                        ssize_t n;

                        (void)MHD_run(mhd);
                        while ((n = read(client, got + length, ANSWER - length)) > 0)
                                length += (size_t)n;
                }
        MHD_stop_daemon(mhd);
        return length;
}

static int check(char *body, int fd, struct error *e) {
        char got[ANSWER];
        uint64_t before = zero_copy_bytes();
        size_t length;
        int pair[2];

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0)
                return error_set_errno(e, errno, "cannot make a pair of sockets");
        zero_copy_use(&(struct zero_copy_file){ .bytes = body, .length = BODY, .fd = fd });
        length = exchange(pair[0], pair[1], body, got, e);
        zero_copy_use(&(struct zero_copy_file){ .fd = -1 });
        (void)fd_close(pair[0]);
        if (zero_copy_bytes() - before != BODY)
                return error_set(e, -ENOTSUP, "libmicrohttpd %s does not send a file in memory through this program's sendmsg(), or the kernel refuses sendfile()",
                                 MHD_get_version());
        if (length <= BODY || memcmp(got + length - BODY, body, BODY) != 0)
                return error_set(e, -EBADMSG, "a file in memory does not arrive as it was sent by libmicrohttpd %s", MHD_get_version());
        return 0;
}

int zero_copy_check(struct error *e) {
        int fd = memfd_create("restmark-check", MFD_CLOEXEC), r;
        char *body = fd < 0 || ftruncate(fd, BODY) < 0 ? MAP_FAILED : mmap(NULL, BODY, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

        if (body == MAP_FAILED) {
                r = error_set_errno(e, errno, "cannot make a file in memory");
                (void)fd_close(fd);
                return r;
        }
        for (size_t i = 0; i < BODY; i++)
                body[i] = (char)('a' + i % 26);
        r = check(body, fd, e);
        (void)munmap(body, BODY);
        (void)fd_close(fd);
        return r;
}
