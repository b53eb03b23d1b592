#include "http/library_errors.h"

#include <dlfcn.h>
#include <stddef.h>

#include "http/server_internal.h"

/* The library offers no hook for its own error pages, but it queues them through its public function, by way of the dynamic linker.
 * A program's own definition of an exported function comes first in ELF's lookup, so defining it here is that hook. Where a
 * build of the library binds the call locally, this is simply never called, and clients see the library's own HTML page: the
 * status is right all the same. tests/integration checks that the hook works. */
__attribute__((visibility("default"), used)) enum MHD_Result MHD_queue_response(struct MHD_Connection *connection,
                                                                                 unsigned int status_code,
                                                                                 struct MHD_Response *response);

typedef enum MHD_Result (*queue_function)(struct MHD_Connection *, unsigned int, struct MHD_Response *);

enum MHD_Result library_queue_response(struct MHD_Connection *mhd, unsigned int status, struct MHD_Response *response) {
        static queue_function real;

        if (!real) {
                /* A function pointer cannot be converted from void * in ISO C; POSIX makes dlsym() work like this. */
                *(void **)(&real) = dlsym(RTLD_NEXT, "MHD_queue_response");
                if (!real)
                        return MHD_NO;
        }
        return real(mhd, status, response);
}

static const char *explain(unsigned int status) {
        switch (status) {
        case MHD_HTTP_CONTENT_TOO_LARGE:
                return SERVER_BODY_TOO_LARGE;
        case MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE:
                return SERVER_HEAD_TOO_LARGE;
        case MHD_HTTP_HTTP_VERSION_NOT_SUPPORTED:
                return "This server speaks HTTP/1.1 and HTTP/1.0.";
        case MHD_HTTP_INTERNAL_SERVER_ERROR:
                return "The server could not answer.";
        default:
                return "The request is not well-formed HTTP.";
        }
}

enum MHD_Result MHD_queue_response(struct MHD_Connection *connection, unsigned int status_code, struct MHD_Response *response) {
        struct connection *c = server_connection(connection);

        /* Without memory for its connection, or of the master's admin endpoint, which has no such contexts: as the library has it. */
        if (!c || status_code < 400)
                return library_queue_response(connection, status_code, response);
        /* For users there is one limit of the head, whichever of its lines broke it. */
        if (status_code == MHD_HTTP_URI_TOO_LONG)
                status_code = MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE;
        if (c->request.stage != REQUEST_NONE)
                return answer_and_close(c, status_code, explain(status_code));
        /* Without a request line the library does not report the request's end. */
        server_begin_request(c, "-");
        (void)answer_and_close(c, status_code, explain(status_code));
        server_end_request(c, c->request.answered_directly);
        c->request.stage = REQUEST_NONE;
        return MHD_NO;
}
