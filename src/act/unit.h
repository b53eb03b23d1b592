/* What systemd is about to do with the service that this process is: asked of it over the system bus, as no variable tells it. */
#ifndef RESTMARK_ACT_UNIT_H
#define RESTMARK_ACT_UNIT_H

#include <stdbool.h>

/* Whether its file descriptor store outlives the stop that has just begun: of a restart from systemd 254 on, and always with
 * FileDescriptorStorePreserve=yes. False where nobody can be asked; it waits a second for each of five answers at most. */
bool unit_store_outlives_stop(void);

#endif
