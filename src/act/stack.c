#include "act/stack.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

const char *stack_name(uint64_t address, char *text) {
        Dl_info info, own;
        const char *module, *slash;
        int n;

        if (dladdr((const void *)(uintptr_t)(address - 1), &info) == 0) { /* - 1: a return address may be the next function's first */
                (void)snprintf(text, STACK_NAME_MAX, "0x%llx", (unsigned long long)address);
                return text;
        }
        module = info.dli_fname ? info.dli_fname : "?";
        slash = strrchr(module, '/');
        /* The program's own name is what the process title has made of it. */
        if (dladdr((const void *)(uintptr_t)stack_name, &own) != 0 && own.dli_fbase == info.dli_fbase)
                module = "restmarkd";
        else if (slash)
                module = slash + 1;
        n = snprintf(text, STACK_NAME_MAX, "%s+0x%llx", module, (unsigned long long)(address - (uint64_t)(uintptr_t)info.dli_fbase));
        if (info.dli_sname && n > 0 && n < STACK_NAME_MAX)
                (void)snprintf(text + n, STACK_NAME_MAX - (size_t)n, " (%s+0x%llx)", info.dli_sname,
                               (unsigned long long)(address - (uint64_t)(uintptr_t)info.dli_saddr));
        return text;
}
