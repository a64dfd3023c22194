/* The words that emitted C may not define: in order, and found, with their variants and nothing else. */
#include "emit/host_names.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static void test_order(void **state) {
    (void)state;
    for (int i = 1; i < n_host_reserved; i++)
        if (strcmp(host_reserved[i - 1], host_reserved[i]) >= 0) fail_msg("'%s' stands before '%s'", host_reserved[i - 1], host_reserved[i]);
}

static void test_words(void **state) {
    (void)state;
    static const char *const behind[] = {"", "f", "l", "f32", "f64x", "_r"};
    for (int i = 0; i < n_host_reserved; i++)
        for (int k = 0; k < 6; k++) {
            char name[64];
            snprintf(name, sizeof name, "%s%s", host_reserved[i], behind[k]);
            if (!host_is_reserved(name)) fail_msg("'%s' is not found", name);
        }
}

static void test_others(void **state) {
    (void)state;
    static const char *const free_names[] = {"x", "ex", "expo", "expf_", "f", "l", "r", "f32", "sinfx", "sin_rr", "zzz", "A", "ab", "forx", "in", "softmax"};
    for (size_t i = 0; i < sizeof free_names / sizeof *free_names; i++)
        if (host_is_reserved(free_names[i])) fail_msg("'%s' is taken for a word of C", free_names[i]);
    static const char *const prefixed[] = {"knf_x", "M_PI2", "INT_X", "_x", "__x", "le16tohs", "UINTX"};
    for (size_t i = 0; i < sizeof prefixed / sizeof *prefixed; i++) assert_true(host_is_reserved(prefixed[i]));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_order), cmocka_unit_test(test_words), cmocka_unit_test(test_others)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
