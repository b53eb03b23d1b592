#include "fleet/cause.h"

#include "shared/status.h"

const char *cause_name(enum restmark_cause cause) {
        return status_cause_name(cause);
}
