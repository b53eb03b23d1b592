/* Preloaded into a restmarkd under test: a CPU that the process may not use when it asks is refused, as a cpuset does it, whose setting takes
 * rights that tests do not have. (taskset alone does not: a process may take back what it gave up.) */
#include <errno.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

int sched_setaffinity(pid_t pid, size_t size, const cpu_set_t *wanted) {
        cpu_set_t allowed;

        CPU_ZERO(&allowed);
        if (syscall(SYS_sched_getaffinity, pid, sizeof allowed, &allowed) < 0)
                return -1;
        CPU_AND(&allowed, &allowed, wanted);
        if (size != sizeof allowed || CPU_COUNT(&allowed) == 0) {
                errno = EINVAL;
                return -1;
        }
        return (int)syscall(SYS_sched_setaffinity, pid, sizeof allowed, &allowed);
}
