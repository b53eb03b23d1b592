/* What answers are put together of. Inside the http room only. */
#ifndef RESTMARK_HTTP_RESPONSE_H
#define RESTMARK_HTTP_RESPONSE_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/error.h"
#include "gate/gate.h"
#include "work/work.h"

struct connection;

/* `is_shared`: the caller keeps its reference, else it is consumed. Returning MHD_NO makes the library close the connection, which is all that
 * is left without memory. */
enum MHD_Result response_queue(struct connection *c, unsigned int status, struct MHD_Response *response, uint64_t body_bytes, bool is_shared);

/* NULL-safe; without memory the response is destroyed, and NULL returned. The second adds Connection: close to a connection's last answer. */
struct MHD_Response *response_with_header(struct MHD_Response *response, const char *name, const char *value);
struct MHD_Response *response_with_close(const struct connection *c, struct MHD_Response *response);

/* A Date field's value, with its NUL. The program never calls setlocale(), so the names are English. */
enum { RESPONSE_DATE_SIZE = 30 };
void response_format_date(char ret[static RESPONSE_DATE_SIZE], time_t now_s);

struct MHD_Response *response_new_problem(unsigned int status, const char *detail, uint64_t *ret_bytes);

/* Queues a problem; `retry_after_s` for Retry-After, 0 for none. */
enum MHD_Result response_problem(struct connection *c, unsigned int status, const char *detail, unsigned int retry_after_s);

/* Queues what work has made, whose body it takes over; and the status of what it has refused. */
enum MHD_Result response_good(struct connection *c, const struct work_response *from, bool is_unmodified);
unsigned int response_status_of(int result);

/* Reads the query into `params`. Returns work_params_set()'s last verdict. */
int response_read_params(const struct connection *c, const char *target, struct work_params *params, struct error *e);

/* For those who watch a worker that does not come back from it. */
void response_announce_work(const struct connection *c, const struct work_params *params, uint64_t now_ns);

#endif
