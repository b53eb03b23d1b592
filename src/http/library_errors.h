/* Error answers that libmicrohttpd makes by itself (a head that outgrows its memory, a malformed request line …) before any
 * handler is asked: they get a problem+json body like all others, and are counted. */
#ifndef RESTMARK_HTTP_LIBRARY_ERRORS_H
#define RESTMARK_HTTP_LIBRARY_ERRORS_H

#include <microhttpd.h>

/* MHD_queue_response of the library. The http room calls this one; MHD_queue_response itself is what the library calls. */
enum MHD_Result library_queue_response(struct MHD_Connection *mhd, unsigned int status, struct MHD_Response *response);

#endif
