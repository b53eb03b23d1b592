/* Any bytes as a dataset's file, for both codecs. What must hold: no crash, the same verdict and sentence from both, which names the file, and what is
 * accepted makes JSON. */
#include <string.h>

#include "codec/tree.h"
#include "data/dataset.h"
#include "fuzz.h"

int LLVMFuzzerInitialize(int *argc, char ***argv) {
        (void)argc;
        (void)argv;
        return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
        const char *path = fuzz_file(bytes, length);
        struct dataset *structs = NULL, *tree = NULL;
        struct error of_structs = { "" }, of_tree = { "" };
        int free_fd = fuzz_free_descriptor();
        int r = dataset_new(path, 0, CODEC_STRUCT, &structs, &of_structs);

        REQUIRE(dataset_new(path, 0, CODEC_TREE, &tree, &of_tree) == r, "%s, but: %s", of_structs.text, of_tree.text);
        if (r < 0) {
                REQUIRE(structs == NULL && tree == NULL, "a dataset that is refused");
                REQUIRE(strncmp(of_structs.text, path, strlen(path)) == 0, "a sentence that does not name the file: %s", of_structs.text);
                REQUIRE(strcmp(of_structs.text, of_tree.text) == 0, "%s, but: %s", of_structs.text, of_tree.text);
        } else {
                REQUIRE(structs->n_records > 0 && structs->n_records == tree->n_records, "%zu and %zu records", structs->n_records, tree->n_records);
                REQUIRE(structs->json_length == tree->json_length && memcmp(structs->json, tree->json, tree->json_length) == 0, "two kinds of JSON");
                REQUIRE(structs->json[0] == '[' && structs->json[structs->json_length - 1] == ']', "no array");
        }
        dataset_free(structs);
        dataset_free(tree);
        REQUIRE(fuzz_free_descriptor() == free_fd, "descriptors are left open");
        return 0;
}
