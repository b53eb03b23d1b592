#include "unit.h"

#include <string.h>

#include "act/selector.h"

/* What the kernel does with the program, for the instructions that it may hold. */
static unsigned int evaluate(const struct selector *selector, unsigned int random, unsigned int cpu) {
        unsigned int a = 0;

        for (unsigned int pc = 0; pc < selector->n; pc++) {
                const struct sock_filter *i = &selector->program[pc];

                switch (i->code) {
                case BPF_LD | BPF_W | BPF_ABS:
                        assert_true(i->k == (unsigned int)(SKF_AD_OFF + SKF_AD_RANDOM) || i->k == (unsigned int)(SKF_AD_OFF + SKF_AD_CPU));
                        a = i->k == (unsigned int)(SKF_AD_OFF + SKF_AD_RANDOM) ? random : cpu;
                        break;
                case BPF_ALU | BPF_MOD | BPF_K:
                        a %= i->k;
                        break;
                case BPF_ALU | BPF_ADD | BPF_K:
                        a += i->k;
                        break;
                case BPF_JMP | BPF_JGE | BPF_K:
                        pc += a >= i->k ? i->jt : i->jf;
                        break;
                case BPF_JMP | BPF_JEQ | BPF_K:
                        pc += a == i->k ? i->jt : i->jf;
                        break;
                case BPF_JMP | BPF_JA:
                        pc += i->k;
                        break;
                case BPF_RET | BPF_K:
                        return i->k;
                case BPF_RET | BPF_A:
                        return a;
                default:
                        fail_msg("instruction %u has code %u", pc, i->code);
                }
        }
        fail_msg("the program does not return");
        return 0;
}

/* On `cpu`, random numbers in turn reach each of `expected` once, and nothing else. */
static void reaches(const struct selector *selector, unsigned int cpu, const unsigned int *expected, size_t n) {
        assert_true(selector->n <= SELECTOR_INSTRUCTIONS_MAX);
        for (unsigned int random = 0; random < n; random++)
                assert_int_equal(evaluate(selector, random, cpu), expected[random]);
        assert_int_equal(evaluate(selector, (unsigned int)n, cpu), expected[0]);
}

static void one_slot_gets_all(void **state) {
        struct selector selector;
        unsigned int live[] = { 7 };

        (void)state;
        selector_build_random(&selector, live, 1);
        assert_int_equal(selector.n, 1);
        reaches(&selector, 0, live, 1);
}

static void neighbours_are_one_run(void **state) {
        struct selector selector;
        unsigned int live[SELECTOR_SLOTS_MAX];

        (void)state;
        for (unsigned int i = 0; i < SELECTOR_SLOTS_MAX; i++)
                live[i] = i;
        selector_build_random(&selector, live, SELECTOR_SLOTS_MAX);
        assert_int_equal(selector.n, 4);
        reaches(&selector, 0, live, SELECTOR_SLOTS_MAX);
}

static void holes_are_left_out(void **state) {
        static const unsigned int lives[][5] = { { 1, 2, 3, 4, 5 }, { 0, 2, 4, 6, 255 }, { 0, 1, 3, 4, 9 }, { 3, 100, 101, 254, 255 } };
        struct selector selector;

        (void)state;
        for (size_t i = 0; i < ELEMENTS(lives); i++) {
                selector_build_random(&selector, lives[i], 5);
                reaches(&selector, 0, lives[i], 5);
        }
}

/* Every set of slots out of ten. */
static void every_set_is_reached_evenly(void **state) {
        struct selector selector;

        (void)state;
        for (unsigned int set = 1; set < 1u << 10; set++) {
                unsigned int live[10];
                size_t n = 0;

                for (unsigned int i = 0; i < 10; i++)
                        if (set & 1u << i)
                                live[n++] = i;
                selector_build_random(&selector, live, n);
                reaches(&selector, 0, live, n);
        }
}

static void a_cpu_has_its_own_slots(void **state) {
        static const unsigned int cpus[] = { 0, 2, 5 }, live[] = { 0, 1, 3, 4, 6, 7 }; /* none on CPU 5: slots 2, 5, 8 are not live */
        static const unsigned int on_0[] = { 0, 3, 6 }, on_2[] = { 1, 4, 7 };
        struct selector selector;

        (void)state;
        selector_build_cpu(&selector, live, ELEMENTS(live), cpus, ELEMENTS(cpus));
        reaches(&selector, 0, on_0, ELEMENTS(on_0));
        reaches(&selector, 2, on_2, ELEMENTS(on_2));
        reaches(&selector, 5, live, ELEMENTS(live));
        reaches(&selector, 1, live, ELEMENTS(live));
}

static void the_longest_programs_fit(void **state) {
        unsigned int live[SELECTOR_SLOTS_MAX], cpus[SELECTOR_SLOTS_MAX], odd[SELECTOR_SLOTS_MAX / 2];
        struct selector selector;

        (void)state;
        for (unsigned int i = 0; i < SELECTOR_SLOTS_MAX; i++)
                live[i] = cpus[i] = i;
        for (unsigned int i = 0; i < ELEMENTS(odd); i++)
                odd[i] = 2 * i + 1;
        for (size_t n_cpus = 1; n_cpus <= SELECTOR_SLOTS_MAX; n_cpus++) {
                selector_build_cpu(&selector, live, SELECTOR_SLOTS_MAX, cpus, n_cpus);
                assert_true(selector.n <= SELECTOR_INSTRUCTIONS_MAX);
                assert_int_equal(evaluate(&selector, 0, cpus[n_cpus - 1]), n_cpus - 1);
                selector_build_cpu(&selector, odd, ELEMENTS(odd), cpus, n_cpus);
                assert_true(selector.n <= SELECTOR_INSTRUCTIONS_MAX);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(one_slot_gets_all),           cmocka_unit_test(neighbours_are_one_run),
                cmocka_unit_test(holes_are_left_out),          cmocka_unit_test(every_set_is_reached_evenly),
                cmocka_unit_test(a_cpu_has_its_own_slots),     cmocka_unit_test(the_longest_programs_fit),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
