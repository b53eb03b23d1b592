#include "arguments.h"

#include <getopt.h>
#include <restmark/version.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "mhd/gnutls.h"
#include "mhd/turn.h"
#include "mhd/zero_copy.h"
#include "stores.h"

static const char usage[] =
        "Usage: restmarkd [-c FILE] [-o SECTION.KEY=VALUE]...\n"
        "       restmarkd -t | -T | --write-dataset FILE | --write-config FILE\n"
        "\n"
        "A pre-forked HTTP server with five REST workloads, for benchmarks. Runs in the\n"
        "foreground.\n"
        "\n"
        "  -c, --config FILE           read the configuration (default: built-in values)\n"
        "  -o, --option SECTION.KEY=VALUE\n"
        "                              override one option; may be repeated\n"
        "  -t, --test                  test configuration and dataset, start nothing\n"
        "  -T, --dump-config           print the effective configuration\n"
        "      --write-dataset FILE    write the dataset as MessagePack (-: stdout)\n"
        "      --write-config FILE     write the commented default configuration\n"
        "                              (-: stdout)\n"
        "  -V, --version               print the version, whether zero-copy and a\n"
        "                              single wait per turn work, which databases and\n"
        "                              caches can be asked, and whether GnuTLS is loaded\n"
        "  -h, --help                  print this\n"
        "\n"
        "Signals: TERM, QUIT stop gracefully; INT or a second TERM stop at once; HUP\n"
        "reloads; USR1 opens the access log again; USR2 lets the program that is\n"
        "installed now take over.\n"
        "Exit codes: 0 stopped as asked, 64 usage, 65 dataset, 71 system,\n"
        "78 configuration. See restmarkd(8) and restmarkd.ini(5).\n";

static int show(const char *text, FILE *to, struct arguments *arguments, int exit_code) {
        (void)fputs(text, to);
        arguments->task = TASK_SHOW; /* what was asked for is printed already */
        return exit_code;
}

static int show_version(struct arguments *arguments) {
        struct error e;
        int r = zero_copy_check(&e);

        (void)printf("restmarkd " RESTMARK_VERSION "\nzero-copy: %s%s\n", r < 0 ? "no: " : "yes", r < 0 ? e.text : "");
        r = turn_check(&e);
        (void)printf("single-wait: %s%s\n", r < 0 ? "no: " : "yes", r < 0 ? e.text : "");
        stores_print(stdout);
        gnutls_print(stdout);
        arguments->task = TASK_SHOW;
        return EX_OK;
}

static int choose(struct arguments *arguments, enum task task, const char *output) {
        if (arguments->task != TASK_RUN && arguments->task != task)
                return show("restmarkd: error: -t, -T, --write-dataset and --write-config do not go together\n", stderr, arguments,
                            EX_USAGE);
        arguments->task = task;
        arguments->output = output;
        return EX_OK;
}

int arguments_parse(int argc, char **argv, struct arguments *arguments) {
        enum { LONG_WRITE_DATASET = 256, LONG_WRITE_CONFIG, LONG_SELF_TEST };
        static const struct option options[] = {
                { "config", required_argument, NULL, 'c' },
                { "option", required_argument, NULL, 'o' },
                { "test", no_argument, NULL, 't' },
                { "dump-config", no_argument, NULL, 'T' },
                { "write-dataset", required_argument, NULL, LONG_WRITE_DATASET },
                { "write-config", required_argument, NULL, LONG_WRITE_CONFIG },
                { "self-test", no_argument, NULL, LONG_SELF_TEST }, /* of an upgrade: it is not for people */
                { "version", no_argument, NULL, 'V' },
                { "help", no_argument, NULL, 'h' },
                { NULL, 0, NULL, 0 },
        };
        int option, r = EX_OK;

        while (r == EX_OK && arguments->task != TASK_SHOW && (option = getopt_long(argc, argv, "c:o:tTVh", options, NULL)) != -1)
                switch (option) {
                case 'c':
                        if (arguments->config_path)
                                return show("restmarkd: error: -c is given twice\n", stderr, arguments, EX_USAGE);
                        arguments->config_path = optarg;
                        break;
                case 'o':
                        if (!strchr(optarg, '.') || !strchr(optarg, '='))
                                return show("restmarkd: error: write -o SECTION.KEY=VALUE, such as -o server.processes=4\n", stderr, arguments,
                                            EX_USAGE);
                        arguments->overrides[arguments->n_overrides++] = optarg;
                        break;
                case 't':
                        r = choose(arguments, TASK_TEST, NULL);
                        break;
                case 'T':
                        r = choose(arguments, TASK_DUMP, NULL);
                        break;
                case LONG_SELF_TEST:
                        r = choose(arguments, TASK_SELF_TEST, NULL);
                        break;
                case LONG_WRITE_DATASET:
                        r = choose(arguments, TASK_WRITE_DATASET, optarg);
                        break;
                case LONG_WRITE_CONFIG:
                        r = choose(arguments, TASK_WRITE_CONFIG, optarg);
                        break;
                case 'V':
                        return show_version(arguments);
                case 'h':
                        return show(usage, stdout, arguments, EX_OK);
                default: /* getopt has said what is wrong */
                        return show("Try `restmarkd --help'.\n", stderr, arguments, EX_USAGE);
                }
        if (r == EX_OK && arguments->task != TASK_SHOW && optind < argc)
                return show("restmarkd: error: restmarkd takes options only; try `restmarkd --help'\n", stderr, arguments, EX_USAGE);
        return r;
}
