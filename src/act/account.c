#include "act/account.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

static int find_user(const char *user, struct account *a, struct error *e) {
        const struct passwd *entry;
        int n = HERITAGE_GROUPS_MAX;

        errno = 0;
        entry = getpwnam(user);
        if (!entry && (errno == 0 || errno == ENOENT))
                return error_set(e, -ENOENT, "there is no user \"%s\" on this machine", user);
        if (!entry)
                return error_set_errno(e, errno, "cannot look up user \"%s\"", user);
        a->uid = entry->pw_uid;
        a->gid = entry->pw_gid;
        if (getgrouplist(user, entry->pw_gid, a->groups, &n) < 0)
                return error_set(e, -E2BIG, "user \"%s\" is in more than %d groups", user, HERITAGE_GROUPS_MAX);
        a->n_groups = (size_t)n;
        return 0;
}

static int find_group(const char *group, struct account *a, struct error *e) {
        const struct group *entry;

        errno = 0;
        entry = getgrnam(group);
        if (!entry && (errno == 0 || errno == ENOENT))
                return error_set(e, -ENOENT, "there is no group \"%s\" on this machine", group);
        if (!entry)
                return error_set_errno(e, errno, "cannot look up group \"%s\"", group);
        a->gid = entry->gr_gid;
        return 0;
}

int account_find(const char *user, const char *group, struct account *ret, struct error *e) {
        struct account a = { .uid = geteuid(), .gid = getegid() };
        int r = 0;

        if (*user)
                r = find_user(user, &a, e);
        if (r == 0 && *group)
                r = find_group(group, &a, e);
        if (r < 0)
                return r;
        a.change = a.uid != geteuid() || a.gid != getegid();
        if (a.change && geteuid() != 0)
                return error_set(e, -EPERM, "only root can run workers as another user or group: start as root, or leave it out");
        *ret = a;
        return 0;
}
