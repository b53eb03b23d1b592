/* Preloaded into a restmarkd under test: libmicrohttpd does not look at its set as long as it has no connection, which is what a library would look like that waits by other
 * means than the program's epoll_wait(). */
#include <dlfcn.h>
#include <microhttpd.h>
#include <stdlib.h>

enum MHD_Result MHD_run(struct MHD_Daemon *daemon) {
        static enum MHD_Result (*real)(struct MHD_Daemon *);

        if (!real)
                *(void **)&real = dlsym(RTLD_NEXT, "MHD_run");
        if (MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)->num_connections == 0)
                return MHD_YES;
        return real(daemon);
}
