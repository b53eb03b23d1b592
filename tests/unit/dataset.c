#include "data/dataset.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dataset_file.h"
#include "raw_record.h"

#define JSON_SHA256 "8f7fa66a532c7c0b2c808e8810ca60de5d8d5723722d6ee5c237ed73f5d71f3a"

static uint8_t *read_file(size_t *ret_length) {
        FILE *file = fopen(path, "re");
        uint8_t *bytes;
        struct stat st;

        assert_non_null(file);
        assert_int_equal(fstat(fileno(file), &st), 0);
        *ret_length = (size_t)st.st_size;
        bytes = malloc(*ret_length + 1);
        assert_non_null(bytes);
        assert_int_equal(fread(bytes, 1, *ret_length + 1, file), *ret_length);
        assert_int_equal(fclose(file), 0);
        return bytes;
}

/* A file of `n` good records, but for one that may be another. */
static void write_records(size_t n, size_t odd, struct encoded_record other) {
        uint8_t memory[RAW_RECORD_MAX];
        struct encoded_record good = raw_record(memory, raw_good, RAW_FIELDS);
        FILE *file = fopen(path, "we");

        assert_non_null(file);
        assert_true(n < 0x10000);
        (void)fprintf(file, "\xdc%c%c", (int)(n >> 8), (int)(n & 0xff));
        for (size_t i = 0; i < n; i++) {
                struct encoded_record r = i == odd ? other : good;

                assert_true(r.length < 256);
                (void)fprintf(file, "\xc4%c", (int)r.length);
                assert_int_equal(fwrite(r.bytes, 1, r.length, file), r.length);
        }
        assert_int_equal(fclose(file), 0);
}

/* The error's sentence must be "PATH: " and then `sentence`. */
static void assert_refused(const char *name, size_t n_records, int code, const char *sentence) {
        struct dataset *d = NULL;
        char expected[sizeof((struct error *)NULL)->text];
        struct error e;

        (void)snprintf(expected, sizeof expected, "%s: %s", name, sentence);
        assert_int_equal(dataset_new(name, n_records, CODEC_STRUCT, &d, &e), code);
        assert_string_equal(e.text, expected);
        assert_null(d);
}

static void assert_json_sha256(const char *json, size_t length) {
        char command[256], sum[65] = "";
        FILE *pipe;

        write_file(json, length);
        (void)snprintf(command, sizeof command, "sha256sum < %s", path);
        pipe = popen(command, "re");
        assert_non_null(pipe);
        assert_int_equal(fread(sum, 1, 64, pipe), 64);
        assert_int_equal(pclose(pipe), 0);
        assert_string_equal(sum, JSON_SHA256);
}

static void built_in_is_the_benchmarks(void **state) {
        struct dataset *d = NULL;

        (void)state;
        assert_int_equal(dataset_new(NULL, 0, CODEC_STRUCT, &d, NULL), 0);
        assert_int_equal(d->n_records, 1000);
        assert_int_equal(d->json_length, 133622);
        assert_null(d->tree);
        assert_json_sha256(d->json, d->json_length);
        assert_int_equal(d->records[999].id, 999);
        assert_true(d->records[0].created_at == 1569882498.9117897);
        assert_true(d->records[999].created_at == 1569882498.9117897 + 999 * 39 / 4194304.0);
        assert_null(dataset_free(d));
        assert_null(dataset_free(NULL));
}

static void tree_has_the_same_json(void **state) {
        struct dataset *d = NULL;

        (void)state;
        assert_int_equal(dataset_new(NULL, 0, CODEC_TREE, &d, NULL), 0);
        assert_int_equal(d->json_length, 133622);
        assert_non_null(d->tree);
        assert_json_sha256(d->json, d->json_length);
        dataset_free(d);
}

static void is_read_only(void **state) {
        struct dataset *d = NULL;
        int status;
        pid_t pid;

        (void)state;
        assert_int_equal(dataset_new(NULL, 3, CODEC_STRUCT, &d, NULL), 0);
        const char *const parts[] = { d->json, (const char *)d->records, (const char *)d->encoded,
                                      (const char *)d->encoded[2].bytes };
        for (size_t i = 0; i < ELEMENTS(parts); i++) {
                pid = fork();
                assert_true(pid >= 0);
                if (pid == 0) {
                        (void)signal(SIGSEGV, SIG_DFL); /* not a sanitizer's handler */
                        *(volatile char *)(uintptr_t)parts[i] = 1;
                        _exit(0);
                }
                assert_int_equal(waitpid(pid, &status, 0), pid);
                assert_true(WIFSIGNALED(status));
                assert_int_equal(WTERMSIG(status), SIGSEGV);
        }
        dataset_free(d);
}

static void writes_what_it_reads(void **state) {
        struct dataset *a = NULL, *b = NULL;

        (void)state;
        for (size_t n = 1; n < 70000; n = n * 5 + 1) {
                assert_int_equal(dataset_new(NULL, n, CODEC_STRUCT, &a, NULL), 0);
                assert_int_equal(dataset_write(a, path, NULL), 0);
                assert_int_equal(dataset_new(path, 0, CODEC_STRUCT, &b, NULL), 0);
                assert_equal_datasets(a, b);
                dataset_free(a);
                dataset_free(b);
        }
}

static void uses_the_first_records(void **state) {
        struct dataset *a = NULL, *b = NULL;

        (void)state;
        assert_int_equal(dataset_new(NULL, 0, CODEC_STRUCT, &a, NULL), 0);
        assert_int_equal(dataset_write(a, path, NULL), 0);
        a = dataset_free(a);
        assert_int_equal(dataset_new(path, 17, CODEC_STRUCT, &b, NULL), 0);
        assert_int_equal(dataset_new(NULL, 17, CODEC_STRUCT, &a, NULL), 0);
        assert_equal_datasets(a, b);
        dataset_free(a);
        dataset_free(b);
}

static void carries_a_million_records(void **state) {
        struct dataset *a = NULL, *b = NULL;

        (void)state;
        assert_int_equal(dataset_new(NULL, DATASET_RECORDS_MAX, CODEC_STRUCT, &a, NULL), 0);
        assert_int_equal(a->records[999999].id, 999999);
        assert_int_equal(a->json[a->json_length - 1], ']');
        assert_int_equal(dataset_write(a, path, NULL), 0);
        assert_int_equal(dataset_new(path, 0, CODEC_STRUCT, &b, NULL), 0);
        assert_int_equal(b->n_records, DATASET_RECORDS_MAX);
        assert_int_equal(a->json_length, b->json_length);
        assert_memory_equal(a->json, b->json, a->json_length);
        dataset_free(a);
        dataset_free(b);
}

static size_t memory_bytes(const struct dataset *d) {
        struct stat st;

        assert_int_equal(fstat(d->json_fd, &st), 0);
        return (size_t)st.st_blocks * 512;
}

/* What is behind the JSON takes memory then, too. Where the kernel makes no huge pages all stays as it was. */
static void puts_the_json_s_pages_together(void **state) {
        enum { HUGE_PAGE = 2 << 20 };
        struct dataset *d = NULL;

        (void)state;
        assert_int_equal(dataset_new(NULL, 0, CODEC_STRUCT, &d, NULL), 0);
        assert_true(memory_bytes(d) >= d->json_length); /* how much more depends on the kernel's pages */
        for (int i = 0; i < 2; i++) {
                int r = dataset_join_pages(d);

                if (r < 0)
                        assert_true(r == -EINVAL || r == -ENOMEM || r == -EBUSY || r == -EAGAIN);
                else
                        assert_int_equal(memory_bytes(d), HUGE_PAGE);
                assert_json_sha256(d->json, d->json_length);
        }
        dataset_free(d);
        assert_int_equal(dataset_new(NULL, 100, CODEC_STRUCT, &d, NULL), 0);
        assert_int_equal(dataset_join_pages(d), 0);
        assert_true(memory_bytes(d) < HUGE_PAGE);
        dataset_free(d);
}

static void refuses_too_many_built_in(void **state) {
        struct dataset *d = NULL;
        struct error e;

        (void)state;
        assert_int_equal(dataset_new(NULL, DATASET_RECORDS_MAX + 1, CODEC_STRUCT, &d, &e), -ERANGE);
        assert_string_equal(e.text, "built-in dataset: 1000001 records asked for; a dataset may have 1000000");
        assert_int_equal(dataset_new(NULL, SIZE_MAX, CODEC_STRUCT, &d, &e), -ERANGE);
}

static void refuses_what_is_no_regular_file(void **state) {
        (void)state;
        assert_refused(path, 0, -ENOENT, "cannot open: No such file or directory");
        assert_refused("", 0, -ENOENT, "cannot open: No such file or directory");
        assert_refused(folder, 0, -EISDIR, "is a directory, expected a dataset file");
        assert_refused("/dev/null", 0, -EINVAL,
                       "is a device; a dataset must be a regular file, since it is read again at each start");
        assert_int_equal(mkfifo(path, 0600), 0);
        assert_refused(path, 0, -EINVAL,
                       "is a FIFO; a dataset must be a regular file, since it is read again at each start");
}

static void refuses_an_unreadable_file(void **state) {
        int status;
        pid_t pid;

        (void)state;
        write_file("\x90", 1);
        assert_int_equal(chmod(path, 0), 0);
        assert_int_equal(chmod(folder, 0755), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                struct dataset *d = NULL;
                struct error e;

                /* Root may read everything: be nobody. */
                if (geteuid() == 0 && seteuid(65534) < 0)
                        _exit(2);
                _exit(dataset_new(path, 0, CODEC_STRUCT, &d, &e) == -EACCES &&
                                      strstr(e.text, ": cannot open: Permission denied")
                              ? 0
                              : 1);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
}

static void refuses_bad_shapes(void **state) {
        static const struct {
                const char *bytes;
                size_t length;
                const char *sentence;
        } files[] = {
                { BYTES(""), "is empty; restmarkd --write-dataset FILE writes a good one" },
                { BYTES("\x90"), "has no records" },
                { BYTES("\xdc\0\0"), "has no records" },
                { BYTES("\xdd\0\0\0\0"), "has no records" },
                { BYTES("\x80"), "not a dataset: starts with a map, expected a MessagePack array of records" },
                { BYTES("\x86\xa2id"), "not a dataset: starts with a map, expected a MessagePack array of records" },
                { BYTES("\xc4\x01x"), "not a dataset: starts with binary data, expected a MessagePack array of records" },
                { BYTES("[{\"id\":0}]"), "not a dataset: starts with an integer, expected a MessagePack array of records" },
                { BYTES("\xa3xyz"), "not a dataset: starts with a string, expected a MessagePack array of records" },
                { BYTES("\xc0"), "not a dataset: starts with nil, expected a MessagePack array of records" },
                { BYTES("\xcb\0\0\0\0\0\0\0\0"), "not a dataset: starts with a float, expected a MessagePack array of records" },
                { BYTES("\xc1"), "not a dataset: starts with a byte that MessagePack does not use, expected a MessagePack array of records" },
                { BYTES("\xdc\x03"), "truncated: it ends after 2 bytes, within the array's header" },
                { BYTES("\xdd\0\0\x03"), "truncated: it ends after 4 bytes, within the array's header" },
                { BYTES("\xdd\xff\xff\xff\xff\xc4\0"),
                  "the array claims 4294967295 records, more than fit into the 7 bytes there are" },
                { BYTES("\x92\xc4\0"), "the array claims 2 records, more than fit into the 3 bytes there are" },
                { BYTES("\x91\xc4"), "record 0: truncated: the data ends after 2 bytes, but 1 records should be there" },
                { BYTES("\x91\xa1x"), "record 0: is a string, expected binary data (an encoded record), before byte 2" },
                { BYTES("\x91\x86\xa2id\0"), "record 0: is a map, expected binary data (an encoded record), before byte 1" },
                { BYTES("\x91\x91\xc4\0"), "record 0: is an array, expected binary data (an encoded record), before byte 1" },
                { BYTES("\x91\xc1\0"), "record 0: byte 1 is no MessagePack" },
                { BYTES("\x91\xc4\0\xc4\0"), "2 bytes follow the last of 1 records" },
                { BYTES("\x91\xc4\0"), "record 0: field \"id\": the record is cut short, it ends after 0 bytes" },
                { BYTES("\x91\xc4\x01\x05"), "record 0: the record is an integer, expected a map of its fields" },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(files); i++) {
                write_file(files[i].bytes, files[i].length);
                assert_refused(path, 0, -EBADMSG, files[i].sentence);
        }
}

static void names_the_bad_record(void **state) {
        uint8_t memory[RAW_RECORD_MAX];

        (void)state;
        write_records(20, 17, raw_record_with(memory, 4, BYTES("\xa2no")));
        assert_refused(path, 0, -EBADMSG, "record 17: field \"count\": is a string, expected an integer");
        assert_refused(path, 18, -EBADMSG, "record 17: field \"count\": is a string, expected an integer");
        write_records(20, 19, raw_record(memory, raw_good, 5));
        assert_refused(path, 0, -EBADMSG, "record 19: field \"created_at\": is missing");
}

static void refuses_more_than_there_are(void **state) {
        (void)state;
        write_records(20, 20, (struct encoded_record){ NULL, 0 });
        assert_refused(path, 21, -EBADMSG, "has 20 records, but the configuration asks for 21");
}

static void refuses_each_truncation(void **state) {
        uint8_t *bytes;
        size_t length;

        (void)state;
        write_records(20, 20, (struct encoded_record){ NULL, 0 });
        bytes = read_file(&length);
        for (size_t cut = 0; cut < length; cut++) {
                struct dataset *d = NULL;
                struct error e;

                write_file(bytes, cut);
                assert_int_equal(dataset_new(path, 0, CODEC_STRUCT, &d, &e), -EBADMSG);
                assert_null(d);
                assert_memory_equal(e.text, path, strlen(path));
                assert_true(cut == 0 || strstr(e.text, "truncated") || strstr(e.text, "more than fit into"));
        }
        free(bytes);
}

static void refuses_absurd_sizes(void **state) {
        int fd;

        (void)state;
        fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        assert_int_equal(ftruncate(fd, ((off_t)1 << 30) + 1), 0); /* sparse */
        assert_int_equal(close(fd), 0);
        assert_refused(path, 0, -EFBIG, "has 1073741825 bytes; a dataset may have 1073741824 (1 GiB)");
}

static void refuses_more_than_a_million(void **state) {
        enum { N = DATASET_RECORDS_MAX + 1 };
        uint8_t *bytes = malloc(5 + 2 * (size_t)N);

        (void)state;
        assert_non_null(bytes);
        memcpy(bytes, "\xdd\x00\x0f\x42\x41", 5);
        for (size_t i = 0; i < N; i++)
                memcpy(bytes + 5 + 2 * i, "\xc4\0", 2);
        write_file(bytes, 5 + 2 * (size_t)N);
        free(bytes);
        assert_refused(path, 0, -EBADMSG, "has 1000001 records; a dataset may have 1000000");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                WITH_FILE(built_in_is_the_benchmarks),
                WITH_FILE(tree_has_the_same_json),
                WITH_FILE(is_read_only),
                WITH_FILE(writes_what_it_reads),
                WITH_FILE(uses_the_first_records),
                WITH_FILE(carries_a_million_records),
                WITH_FILE(puts_the_json_s_pages_together),
                WITH_FILE(refuses_too_many_built_in),
                WITH_FILE(refuses_what_is_no_regular_file),
                WITH_FILE(refuses_an_unreadable_file),
                WITH_FILE(refuses_bad_shapes),
                WITH_FILE(names_the_bad_record),
                WITH_FILE(refuses_more_than_there_are),
                WITH_FILE(refuses_each_truncation),
                WITH_FILE(refuses_absurd_sizes),
                WITH_FILE(refuses_more_than_a_million),
        };
        return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
