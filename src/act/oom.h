/* Whether the kernel has killed somebody in the daemon's own control group for want of memory. */
#ifndef RESTMARK_ACT_OOM_H
#define RESTMARK_ACT_OOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct oom {
        char path[512]; /* of the file that counts; "": there is none to be seen */
        uint64_t kills; /* when it was last looked at */
};

/* Finds the file and takes the count. `root` is where control groups are mounted ("/sys/fs/cgroup"), `membership` the text of
 * /proc/self/cgroup. */
void oom_init_at(struct oom *oom, const char *root, const char *membership);

/* The same of this process. */
void oom_init(struct oom *oom);

enum oom_verdict {
        OOM_UNKNOWN, /* there is no count */
        OOM_NONE,    /* the count has not grown since the last look */
        OOM_KILL,    /* it has */
};

/* Takes another look. */
enum oom_verdict oom_look(struct oom *oom);

#endif
