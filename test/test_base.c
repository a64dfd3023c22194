/* Diagnostics, output, names of base/. */
#include "base/diag.h"
#include "base/name.h"
#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void oom(void *context, const char *why) {
    (void)context;
    fail_msg("%s", why);
}

typedef struct Fixture { Arena *a; Diags *d; } Fixture;

static int begin(void **state) {
    static Fixture f;
    f.a = arena_new(0, oom, NULL);
    f.d = diags_new(f.a);
    *state = &f;
    return 0;
}

static int end(void **state) {
    arena_free(((Fixture *)*state)->a);
    return 0;
}

static Source *source(Fixture *f, const char *text, size_t n) { return source_of_text(f->a, "f.knf", text, n); }

static void expect_print(Fixture *f, bool colour, const char *want) {
    Out out = out_new(f->a);
    diag_print(f->d, &out, colour);
    assert_string_equal(out.text, want);
}

static void error_has_place_line_and_caret(void **state) {
    Fixture *f = *state;
    const char *text = "one\n    m[n] = max[d] 1.0\n";
    Diag *d = diag_error(f->d, (Span){source(f, text, strlen(text)), 15, 21}, "index '%s' has no range", "d");
    diag_help(d, "write its range");
    expect_print(f, false, "f.knf:2:12: error: index 'd' has no range\n"
                           "    2 |     m[n] = max[d] 1.0\n"
                           "      |            ^~~~~~\n"
                           "help: write its range\n");
}

static void notes_and_edits_follow_their_error(void **state) {
    Fixture *f = *state;
    Source *s = source(f, "a = b\nc = d\n", 12);
    Diag *d = diag_error(f->d, (Span){s, 6, 7}, "second");
    diag_note(d, (Span){s, 0, 1}, "first is here");
    diag_edit(d, (Span){s, 6, 7}, "xyz", "rename");
    diag_edit(d, (Span){s, 7, 7}, "[n]", "insert");
    expect_print(f, false, "f.knf:2:1: error: second\n    2 | c = d\n      | ^\n"
                           "f.knf:1:1: note: first is here\n    1 | a = b\n      | ^\n"
                           "help: rename\n    2 | xyz = d\n      | +++\n"
                           "help: insert\n    2 | c[n] = d\n      |  +++\n");
}

static void errors_come_in_the_order_of_the_text(void **state) {
    Fixture *f = *state;
    Source *s = source(f, "abc", 3), *t = source_of_text(f->a, "g.knf", "x", 1);
    diag_error(f->d, (Span){s, 2, 3}, "third");
    diag_error(f->d, (Span){t, 0, 1}, "other file");
    diag_error(f->d, (Span){s, 0, 1}, "first");
    Out out = out_new(f->a);
    diag_print(f->d, &out, false);
    const char *first = strstr(out.text, "first"), *third = strstr(out.text, "third"), *other = strstr(out.text, "other");
    assert_true(first && third && other && first < third && third < other);
}

static void one_place_has_one_error(void **state) {
    Fixture *f = *state;
    Source *s = source(f, "abc", 3);
    diag_error(f->d, (Span){s, 0, 1}, "first");
    assert_non_null(diag_error(f->d, (Span){s, 0, 1}, "again"));
    assert_int_equal(diag_errors(f->d), 1);
    diag_error(f->d, (Span){s, 0, 2}, "a longer span is another place");
    assert_int_equal(diag_errors(f->d), 2);
}

static void errors_beyond_the_limit_are_counted(void **state) {
    Fixture *f = *state;
    char text[300];
    memset(text, 'a', sizeof text);
    Source *s = source(f, text, sizeof text);
    for (uint32_t i = 0; i < DIAG_MAX + 7; i++) diag_error(f->d, (Span){s, i, i + 1}, "e");
    assert_int_equal(diag_errors(f->d), DIAG_MAX + 7);
    Out out = out_new(f->a);
    diag_print(f->d, &out, false);
    assert_non_null(strstr(out.text, "and 7 more errors\n"));
}

static void warnings_are_no_errors(void **state) {
    Fixture *f = *state;
    diag_warning(f->d, (Span){source(f, "a", 1), 0, 1}, "careful");
    assert_int_equal(diag_errors(f->d), 0);
    expect_print(f, false, "f.knf:1:1: warning: careful\n    1 | a\n      | ^\n");
}

static void strange_bytes_are_shown_not_printed(void **state) {
    Fixture *f = *state;
    const char text[] = "\ta\0b\xff\x1b\xc3\xa9z";
    diag_error(f->d, (Span){source(f, text, sizeof text - 1), 8, 9}, "bad \x1b[31m name");
    expect_print(f, false, "f.knf:1:9: error: bad <1b>[31m name\n"
                           "    1 |     a<00>b<ff><1b>\xc3\xa9z\n"
                           "      |                    ^\n");
}

static void the_end_of_the_text_has_a_caret(void **state) {
    Fixture *f = *state;
    Source *s = source(f, "ab\r\n", 4);
    diag_error(f->d, (Span){s, 2, 2}, "behind b");
    diag_error(f->d, (Span){s, 4, 4}, "at the end");
    diag_error(f->d, (Span){NULL, 0, 0}, "nowhere");
    Out out = out_new(f->a);
    diag_print(f->d, &out, false);
    assert_non_null(strstr(out.text, "f.knf:1:3: error: behind b\n    1 | ab\n      |   ^\n"));
    assert_non_null(strstr(out.text, "f.knf:2:1: error: at the end\n    2 | \n      | ^\n"));
    assert_non_null(strstr(out.text, "error: nowhere\n"));
}

static void long_lines_are_cut_around_the_caret(void **state) {
    Fixture *f = *state;
    char *text = arena_alloc(f->a, 100000);
    memset(text, 'x', 100000);
    text[50000] = '@';
    diag_error(f->d, (Span){source(f, text, 100000), 50000, 90000}, "long");
    Out out = out_new(f->a);
    diag_print(f->d, &out, false);
    assert_true(out.n < 500);
    const char *line = strstr(out.text, " | ..."), *caret = strchr(out.text, '^'), *at = strchr(out.text, '@');
    assert_non_null(line);
    const char *caret_line = strstr(line, "\n") + 1;
    assert_int_equal(caret - caret_line, at - (line - 5));
}

static void colour_surrounds_but_does_not_change(void **state) {
    Fixture *f = *state;
    diag_error(f->d, (Span){source(f, "a", 1), 0, 1}, "red");
    Out out = out_new(f->a), bare = out_new(f->a);
    diag_print(f->d, &out, true);
    assert_non_null(strstr(out.text, "\033["));
    for (const char *s = out.text; *s; s++) {
        if (*s == '\033') s = strchr(s, 'm');
        else out_n(&bare, s, 1);
    }
    expect_print(f, false, bare.text);
}

static void nearest_finds_slips_and_nothing_else(void **state) {
    (void)state;
    static const char *const words[] = {"sum", "prod", "kernel", "combinator", "check"};
    assert_string_equal(diag_nearest("smu", words, 5), "sum");
    assert_string_equal(diag_nearest("kernal", words, 5), "kernel");
    assert_string_equal(diag_nearest("chek", words, 5), "check");
    assert_string_equal(diag_nearest("combnator", words, 5), "combinator");
    assert_null(diag_nearest("x", words, 5));
    assert_null(diag_nearest("", words, 5));
    assert_null(diag_nearest("tensor", words, 5));
    assert_null(diag_nearest("sum", words, 1));
    assert_null(diag_nearest("a_word_that_is_very_much_longer_than_any_keyword_could_be", words, 5));
}

static void output_is_indented_by_lines(void **state) {
    Fixture *f = *state;
    Out out = out_new(f->a);
    out_s(&out, "a {\n");
    out.indent++;
    out_f(&out, "b = %d;\n\nc\n", 7);
    out.indent--;
    out_s(&out, "}\n");
    assert_string_equal(out.text, "a {\n    b = 7;\n\n    c\n}\n");
    for (int i = 0; i < 1000; i++) out_f(&out, "%0300d", 0);
    assert_int_equal(out.n, 24 + 300000);
}

static void doubles_read_back(void **state) {
    Fixture *f = *state;
    static const struct { double value; const char *text; } cases[] = {
        {0.1, "0.1"}, {1, "1.0"}, {1e-5, "1e-05"}, {1.0 / 3, "0.3333333333333333"}, {-0.0, "-0.0"}, {1e300, "1e+300"},
        {123456789, "123456789.0"}, {5e-324, "5e-324"}, {__builtin_inf(), "inf"}, {-__builtin_inf(), "-inf"}, {__builtin_nan(""), "nan"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Out out = out_new(f->a);
        out_double(&out, cases[i].value);
        assert_string_equal(out.text, cases[i].text);
    }
}

static void files_are_written_whole_or_not_at_all(void **state) {
    Fixture *f = *state;
    char folder[] = "/tmp/knyfe-test-XXXXXX";
    assert_non_null(mkdtemp(folder));
    const char *path = arena_printf(f->a, "%s/out.c", folder);
    assert_null(out_write(path, "one\n", 4, f->a));
    assert_null(out_write(path, "two\n", 4, f->a));
    const char *why;
    assert_string_equal(source_read(f->a, path, &why)->text, "two\n");
    const char *missing = arena_printf(f->a, "%s/none/out.c", folder);
    assert_non_null(strstr(out_write(missing, "x", 1, f->a), "No such file"));
    assert_non_null(out_write(folder, "x", 1, f->a));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);    /* so nothing else was left there */
}

static void a_full_disk_is_an_error(void **state) {
    Fixture *f = *state;
    struct stat st;
    if (stat("/dev/full", &st)) skip();
    assert_non_null(strstr(out_write("/dev/full", "x", 1, f->a), "No space left"));
    fflush(stdout);
    int kept = dup(1);
    FILE *full = freopen("/dev/full", "w", stdout);
    const char *why = full ? out_write("-", "x", 1, f->a) : NULL;
    clearerr(stdout);
    fflush(stdout);
    dup2(kept, 1);
    clearerr(stdout);
    close(kept);
    assert_non_null(why);
    assert_non_null(strstr(why, "No space left"));
}

static void equal_names_are_one_pointer(void **state) {
    Fixture *f = *state;
    Names *names = names_new(f->a);
    Name first = name_of(names, "n0");
    for (int i = 0; i < 5000; i++) name_of(names, arena_printf(f->a, "n%d", i));
    assert_ptr_equal(name_of_n(names, "n0x", 2), first);
    assert_ptr_not_equal(name_of(names, "n1"), first);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(error_has_place_line_and_caret), CASE(notes_and_edits_follow_their_error), CASE(errors_come_in_the_order_of_the_text),
        CASE(one_place_has_one_error), CASE(errors_beyond_the_limit_are_counted), CASE(warnings_are_no_errors),
        CASE(strange_bytes_are_shown_not_printed), CASE(the_end_of_the_text_has_a_caret), CASE(long_lines_are_cut_around_the_caret),
        CASE(colour_surrounds_but_does_not_change), CASE(nearest_finds_slips_and_nothing_else), CASE(output_is_indented_by_lines),
        CASE(doubles_read_back), CASE(files_are_written_whole_or_not_at_all), CASE(a_full_disk_is_an_error),
        CASE(equal_names_are_one_pointer),
    };
    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
