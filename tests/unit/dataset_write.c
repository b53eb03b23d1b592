#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dataset_file.h"

static void writing_fails_in_words(void **state) {
        struct dataset *d = NULL;
        char expected[256], missing[160];
        struct error e;

        (void)state;
        assert_int_equal(dataset_new(NULL, 3, CODEC_STRUCT, &d, NULL), 0);
        (void)snprintf(expected, sizeof expected, "%s: is a directory, name a file in it", folder);
        assert_int_equal(dataset_write(d, folder, &e), -EISDIR);
        assert_string_equal(e.text, expected);
        assert_int_equal(dataset_write(d, "/dev/null", &e), -EINVAL);
        assert_string_equal(e.text, "/dev/null: is not a regular file and will not be replaced; \"-\" writes to standard output");
        (void)snprintf(missing, sizeof missing, "%s/no/such", folder);
        assert_int_equal(dataset_write(d, missing, &e), -ENOENT);
        assert_non_null(strstr(e.text, "No such file or directory"));
        dataset_free(d);
}

/* A disk that is full, by a limit on the size of files: the old file must survive, and no other appear. */
static void writing_leaves_no_half_file(void **state) {
        char command[256];
        int status;
        pid_t pid;

        (void)state;
        write_file("old", 3);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                const struct rlimit limit = { .rlim_cur = 70000, .rlim_max = 70000 };
                struct dataset *d = NULL;
                struct error e;

                (void)signal(SIGXFSZ, SIG_IGN);
                if (dataset_new(NULL, 0, CODEC_STRUCT, &d, NULL) < 0 || setrlimit(RLIMIT_FSIZE, &limit) < 0)
                        _exit(2);
                _exit(dataset_write(d, path, &e) == -EFBIG && strstr(e.text, "cannot write: File too large") ? 0 : 1);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
        (void)snprintf(command, sizeof command, "test \"$(ls %s)\" = data && test \"$(cat %s)\" = old", folder, path);
        assert_int_equal(system(command), 0);
}

static void writing_follows_a_link(void **state) {
        char target[160];
        struct dataset *d = NULL;
        struct stat st;

        (void)state;
        (void)snprintf(target, sizeof target, "%s/target", folder);
        write_file("old", 3);
        assert_int_equal(rename(path, target), 0);
        assert_int_equal(symlink(target, path), 0);
        assert_int_equal(dataset_new(NULL, 3, CODEC_STRUCT, &d, NULL), 0);
        assert_int_equal(dataset_write(d, path, NULL), 0);
        assert_int_equal(lstat(path, &st), 0);
        assert_true(S_ISLNK(st.st_mode));
        d = dataset_free(d);
        assert_int_equal(dataset_new(target, 0, CODEC_STRUCT, &d, NULL), 0);
        assert_int_equal(d->n_records, 3);
        dataset_free(d);
        assert_int_equal(unlink(target), 0);
}

static void writes_to_standard_output(void **state) {
        struct dataset *a = NULL, *b = NULL;
        int saved, fd;

        (void)state;
        assert_int_equal(dataset_new(NULL, 0, CODEC_STRUCT, &a, NULL), 0);
        (void)fflush(stdout);
        saved = dup(STDOUT_FILENO);
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        assert_true(saved >= 0 && fd >= 0);
        assert_int_equal(dup2(fd, STDOUT_FILENO), STDOUT_FILENO);
        int r = dataset_write(a, "-", NULL);
        assert_int_equal(dup2(saved, STDOUT_FILENO), STDOUT_FILENO);
        (void)close(saved);
        (void)close(fd);
        assert_int_equal(r, 0);
        assert_int_equal(dataset_new(path, 0, CODEC_STRUCT, &b, NULL), 0);
        assert_equal_datasets(a, b);
        dataset_free(a);
        dataset_free(b);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                WITH_FILE(writing_fails_in_words),
                WITH_FILE(writing_leaves_no_half_file),
                WITH_FILE(writing_follows_a_link),
                WITH_FILE(writes_to_standard_output),
        };

        return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
