#include "store/password.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/small_file.h"

int password_read(const char *file, const char *name, char password[static STORE_PASSWORD_MAX], struct error *e) {
        const char *folder = getenv("CREDENTIALS_DIRECTORY");
        char path[4096];
        int r;

        password[0] = '\0';
        if (*file)
                (void)snprintf(path, sizeof path, "%s", file);
        else if (!folder || snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path || access(path, F_OK) < 0)
                return 0;
        r = small_file_read(path, password, STORE_PASSWORD_MAX);
        if (r == -EFBIG)
                return error_set(e, r, "%s has more than the %d bytes that a password may have", path, STORE_PASSWORD_MAX - 1);
        if (r < 0)
                return error_set_errno(e, -r, "cannot read the password's file %s", path);
        password[strcspn(password, "\r\n")] = '\0';
        return *password ? 0 : error_set(e, -EINVAL, "%s has no password in its first line", path);
}
