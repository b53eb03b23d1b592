#include "base/shortage.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"

bool shortage_is(int errnum) {
        switch (errnum) {
        case EAGAIN:
        case EINTR:
        case ECONNABORTED:
        /* Errors of the new connection, which Linux reports here: accept(2). */
        case ENETDOWN:
        case EPROTO:
        case ENOPROTOOPT:
        case EHOSTDOWN:
        case ENONET:
        case EHOSTUNREACH:
        case EOPNOTSUPP:
        case ENETUNREACH:
                return false;
        default:
                return true;
        }
}

bool shortage_begins(struct shortage *shortage, uint64_t now_ms) {
        bool begins = shortage->last_ms == 0 || now_ms - shortage->last_ms >= SHORTAGE_EPISODE_MS;

        shortage->last_ms = now_ms;
        return begins;
}

const char *shortage_remedy(int errnum) {
        switch (errnum) {
        case EMFILE:
                return "raise its limit of open files (LimitNOFILE= in the systemd unit, ulimit -n) or lower [limits] max-connections";
        case ENFILE:
                return "the whole machine has no file left: raise fs.file-max, or see with lsof(8) who has so many";
        case ENOMEM:
        case ENOBUFS:
                return "the kernel has no memory for it: see what takes it, or raise the limit of the control group";
        default:
                return "is a system call filter, or a security module, in the way?";
        }
}

void shortage_note(struct shortage *shortage, int errnum, uint64_t now_ms, const char *where) {
        if (shortage_begins(shortage, now_ms))
                log_message(LOG_WARNING, "%s: cannot accept a connection: %s; trying again every %d ms: %s", where, strerror(errnum),
                            SHORTAGE_PAUSE_MS, shortage_remedy(errnum));
}
