/* In libFuzzer's place, for compilers that have none: shows the fuzzer each file of the folders (or files) that are named. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

static void replay_file(const char *path) {
        FILE *from = fopen(path, "r");
        struct stat st;
        uint8_t *bytes;
        size_t length;

        REQUIRE(from && fstat(fileno(from), &st) == 0, "%s: %s", path, strerror(errno));
        length = (size_t)st.st_size;
        bytes = malloc(length ? length : 1); /* exactly as large, so that a sanitizer sees what reads past it */
        REQUIRE(bytes && fread(bytes, 1, length, from) == length, "%s: cannot be read", path);
        (void)fclose(from);
        (void)printf("%s\n", path);
        (void)fflush(stdout); /* the last one named is the one that fails */
        (void)LLVMFuzzerTestOneInput(bytes, length);
        free(bytes);
}

static unsigned int replay(const char *path) {
        DIR *folder = opendir(path);
        unsigned int n = 0;
        struct dirent *entry;

        if (!folder) {
                replay_file(path);
                return 1;
        }
        while ((entry = readdir(folder))) {
                char name[4096];

                if (entry->d_name[0] == '.')
                        continue;
                (void)snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
                replay_file(name);
                n++;
        }
        (void)closedir(folder);
        return n;
}

int main(int argc, char **argv) {
        unsigned int n = 0;

        (void)LLVMFuzzerInitialize(&argc, &argv);
        for (int i = 1; i < argc; i++)
                n += replay(argv[i]);
        REQUIRE(n > 0, "no input to show: name files or folders");
        return 0;
}
