/* Text to tree and text to message: test/grammar/NAME.knf with NAME.ast, or NAME.err when it is faulty; for the sound ones of these and
 * of the other folders given, the formatter. UPDATE=1 in the environment writes the goldens anew.
 *
 *     test_grammar FOLDER-WITH-GOLDENS [FILE.knf ...]
 */
#include "dsl/ast_print.h"
#include "grammar/format.h"
#include "grammar/parse.h"
#include <dirent.h>
#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>
#include <string.h>
#include <time.h>

static void oom(void *context, const char *why) {
    (void)context;
    fail_msg("%s", why);
}

typedef struct Parsed { Arena *a; Names *names; Diags *diags; AFile *file; const char *ast, *messages; } Parsed;

static Parsed parse(Arena *a, const Source *s, bool kernel_text) {
    Parsed p = {.a = a, .names = names_new(a), .diags = diags_new(a)};
    p.file = grammar_parse(a, p.names, p.diags, s, kernel_text);
    Out ast = out_new(a), messages = out_new(a);
    ast_print(p.file, &ast);
    diag_print(p.diags, &messages, false);
    p.ast = ast.text;
    p.messages = messages.text;
    return p;
}

static Parsed parse_text(Arena *a, const char *text) { return parse(a, source_of_text(a, "t.knf", text, strlen(text)), false); }

/* The file, under its name without folders. */
static Source *read_source(Arena *a, const char *path) {
    const char *why = "", *slash = strrchr(path, '/');
    Source *s = source_read(a, path, &why);
    if (!s) fail_msg("%s %s", path, why);
    return source_of_text(a, slash ? slash + 1 : path, s->text, s->size);
}

/* ---- goldens ---- */

static void compare_golden(Arena *a, const char *path, const char *extension, const char *got) {
    const char *golden = arena_printf(a, "%.*s%s", (int)strlen(path) - 4, path, extension), *why;
    if (getenv("UPDATE")) assert_null(out_write(golden, got, strlen(got), a));
    Source *want = source_read(a, golden, &why);
    if (!want) fail_msg("%s %s", golden, why);
    assert_string_equal(got, want->text);
}

static void file_matches_golden(void **state) {
    const char *path = *state;
    Arena *a = arena_new(0, oom, NULL);
    Parsed p = parse(a, read_source(a, path), strstr(path, "kernel_text") != NULL);
    if (diag_errors(p.diags)) compare_golden(a, path, ".err", p.messages);
    else compare_golden(a, path, ".ast", p.ast);
    arena_free(a);
}

static int hashes(const char *text) {
    int n = 0;
    for (; *text; text++) n += *text == '#';
    return n;
}

/* Formatting keeps tree and comments, and a second time changes nothing. */
static void check_format(Arena *a, const Source *s) {
    Parsed p = parse(a, s, false);
    if (diag_errors(p.diags)) return;
    Out once = out_new(a), twice = out_new(a);
    assert_true(grammar_format(a, p.names, p.diags, s, &once));
    Source *t = source_of_text(a, "formatted.knf", once.text, once.n);
    Parsed q = parse(a, t, false);
    assert_string_equal(q.messages, "");
    assert_string_equal(q.ast, p.ast);
    assert_true(grammar_format(a, p.names, q.diags, t, &twice));
    assert_string_equal(twice.text, once.text);
    assert_int_equal(hashes(once.text), hashes(s->text));
}

static void format_keeps_the_tree(void **state) {
    Arena *a = arena_new(0, oom, NULL);
    check_format(a, read_source(a, *state));
    arena_free(a);
}

/* ---- single cases ---- */

static void format_is_canonical(void **state) {
    (void)state;
    Arena *a = arena_new(0, oom, NULL);
    Parsed p = parse_text(a, "");
    static const char *const pairs[][2] = {
        {"", ""},
        {"\n\n# a\n\n\n\n# b  \n", "# a\n\n# b\n"},
        {"fn f(x)=x*-x+~x # c", "fn f(x) = x * -x + ~x  # c\n"},
        {"kernel a(x:f32[N])->(y:f32[N]){\n\n y[n]=x[n]\r\n\tlong[n]=x [ n ]\n\n}", 
         "kernel a(x: f32[N]) -> (y: f32[N]) {\n    y[n]    = x[n]\n    long[n] = x[n]\n}\n"},
        {"schedule s for a{place(n,o)->pe;tune i in{1,2}\n}", "schedule s for a { place (n, o) -> pe; tune i in {1, 2}\n}\n"},
        {"machine m{\nclock 1.5 GHz \"a\" # x\nrate i8 2 mac / cycle \"b\"#y\n}",
         "machine m {\n    clock 1.5 GHz        \"a\"  # x\n    rate i8 2 mac/cycle  \"b\"  #y\n}\n"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        Out out = out_new(a);
        Source *s = source_of_text(a, "t.knf", pairs[i][0], strlen(pairs[i][0]));
        assert_true(grammar_format(a, p.names, p.diags, s, &out));
        assert_string_equal(out.text, pairs[i][1]);
        check_format(a, s);
    }
    Out out = out_new(a);
    Source *bad = source_of_text(a, "t.knf", "kernel", 6);
    assert_false(grammar_format(a, p.names, p.diags, bad, &out));
    assert_int_equal(out.n, 0);
    arena_free(a);
}

/* Precedence, by the fully bracketed twin of each expression. */
static void precedence_is_as_documented(void **state) {
    (void)state;
    static const char *const pairs[][2] = {
        {"sum[k] a[k] * b[k] + c", "(sum[k] (a[k] * b[k])) + c"},
        {"c + sum[k] a[k] / b[k] % d - e", "(c + (sum[k] ((a[k] / b[k]) % d))) - e"},
        {"a * sum[k] b[k] * c", "a * (sum[k] (b[k] * c))"},
        {"-sum[k] a[k] * b", "-(sum[k] (a[k] * b))"},
        {"reduce c[d] (a[d], b[d]) * e", "(reduce c[d] (a[d], b[d])) * e"},
        {"all[d] x[d] > 0.0", "(all[d] x[d]) > 0.0"},
        {"a or b and not c == d", "a or (b and (not (c == d)))"},
        {"a == b | c ^ d & e << f + g * -h", "a == (b | (c ^ (d & (e << (f + (g * (-h)))))))"},
        {"a - b - c", "(a - b) - c"},
        {"a // b % c", "(a // b) % c"},
        {"if a then b else c + d", "if a then b else (c + d)"},
        {"a + if b then c else d or e", "a + (if b then c else (d or e))"},
        {"scan sum[e <= d] x[e] * y[e] - z", "(scan sum[e <= d] (x[e] * y[e])) - z"},
        {"a[i] pad 0 * b", "(a[i] pad 0) * b"},
        {"a[i] pad -1 + b[j] clamp * c", "(a[i] pad -1) + ((b[j] clamp) * c)"},
        {"a[i] pad b[j] pad 0", "a[i] pad (b[j] pad 0)"},
        {"a -\n b", "a - b"},
        {"sum[d]\n x[d]\n + b", "(sum[d] x[d]) + b"},
        {"~a * b", "(~a) * b"},
        {"not a and b", "(not a) and b"},
    };
    Arena *a = arena_new(0, oom, NULL);
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        Parsed p = parse_text(a, arena_printf(a, "kernel k() -> (y: f32) {\n y = %s\n }", pairs[i][0]));
        Parsed q = parse_text(a, arena_printf(a, "kernel k() -> (y: f32) {\n y = %s\n }", pairs[i][1]));
        assert_string_equal(p.messages, "");
        assert_string_equal(p.ast, q.ast);
    }
    arena_free(a);
}

static void integers_have_their_limits(void **state) {
    (void)state;
    Arena *a = arena_new(0, oom, NULL);
    static const struct { const char *text; int64_t value; bool good; } cases[] = {
        {"9223372036854775807", INT64_MAX, true}, {"9223372036854775808", 0, false}, {"-9223372036854775808", INT64_MIN, true},
        {"-9223372036854775809", 0, false}, {"0x7fff_ffff_ffff_ffff", INT64_MAX, true}, {"0x8000000000000000", 0, false},
        {"1_000", 1000, true}, {"0x2a", 42, true}, {"1__0", 0, false}, {"1_", 0, false}, {"0x", 0, false}, {"12a", 0, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Parsed p = parse_text(a, arena_printf(a, "fn f(x) = %s", cases[i].text));
        assert_int_equal(diag_errors(p.diags), cases[i].good ? 0 : 1);
        const AExpr *e = p.file->fns.at[0]->body;
        if (cases[i].good) assert_true((e->kind == A_UNARY ? e->args.at[0] : e)->i == cases[i].value);
    }
    arena_free(a);
}

static void spans_are_exact(void **state) {
    (void)state;
    Arena *a = arena_new(0, oom, NULL);
    Parsed p = parse_text(a, "kernel k(x: f32[N]) -> (y: f32[N]) where N > 0 {\n  y[n] = (a + f(b)) * sum[d] (c[d] pad -1) where n in 0..N\n}");
    const AKernel *k = p.file->kernels.at[0];
    const AStmt *s = &k->body.at[0];
    const char *text = s->span.src->text;
    const AExpr *e = s->value, *left = e->args.at[0], *right = e->args.at[1];
    const struct { Span at; const char *want; } cases[] = {
        {k->head, "kernel k(x: f32[N]) -> (y: f32[N]) where N > 0"}, {k->inputs.at[0].span, "x: f32[N]"},
        {s->span, "y[n] = (a + f(b)) * sum[d] (c[d] pad -1) where n in 0..N"}, {s->targets.at[0].span, "y[n]"},
        {e->span, "(a + f(b)) * sum[d] (c[d] pad -1)"}, {left->span, "a + f(b)"}, {left->whole, "(a + f(b))"},
        {left->args.at[1]->span, "f(b)"}, {right->span, "sum[d] (c[d] pad -1)"}, {right->args.at[0]->span, "c[d] pad -1"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(arena_strndup(a, text + cases[i].at.lo, cases[i].at.hi - cases[i].at.lo), cases[i].want);
    arena_free(a);
}

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* `piece` n times between head and tail: one error that says `want`, soon. */
static void expect_limit(const char *head, const char *piece, int n, const char *tail, const char *want) {
    Arena *a = arena_new(0, oom, NULL);
    Out out = out_new(a);
    out_f(&out, "kernel k(x: f32[N]) -> (y: f32[N]) {\n    y[n] = %s", head);
    for (int i = 0; i < n; i++) out_s(&out, piece);
    out_f(&out, "%s\n    z[n] = x[n]\n}\n", tail);
    double from = seconds();
    Parsed p = parse(a, source_of_text(a, "t.knf", out.text, out.n), false);
    assert_true(seconds() - from < 10);
    assert_int_equal(diag_errors(p.diags), want ? 1 : 0);
    if (want) assert_non_null(strstr(p.messages, want));
    assert_int_equal(p.file->kernels.n, 1);
    arena_free(a);
}

static void depth_is_bounded(void **state) {
    (void)state;
    expect_limit("", "(", 200000, "", "brackets are nested more than 256 deep");
    expect_limit("", "x[", 200000, "", "brackets are nested more than 256 deep");
    expect_limit("", "-", 200000, "x[n]", "more than 16384 unfinished parts");
    expect_limit("", "if a then b else ", 100000, "c", "more than 16384 unfinished parts");
    expect_limit("1", "+1", 100000, "", "more than 2000 levels");
    expect_limit("", "not ", 3000, "x[n]", "more than 2000 levels");
    expect_limit("1", "+1", 1900, "", NULL);
    expect_limit("f(1", ",1", 100000, ")", NULL);
}

static void expressions_are_bounded(void **state) {
    (void)state;
    Arena *a = arena_new(0, oom, NULL);
    Out out = out_new(a);
    out_s(&out, "test t { x = [1");
    for (int i = 0; i < 1 << 20; i++) out_s(&out, ",1");
    out_s(&out, "] }");
    Parsed p = parse(a, source_of_text(a, "t.knf", out.text, out.n), false);
    assert_int_equal(diag_errors(p.diags), 1);
    assert_non_null(strstr(p.messages, "more than 1048576 expressions in one file"));
    arena_free(a);
}

static void many_errors_are_found_in_one_run(void **state) {
    (void)state;
    Arena *a = arena_new(0, oom, NULL);
    Out out = out_new(a);
    out_s(&out, "kernel k(x: f32[N]) -> (y: f32[N]) {\n");
    for (int i = 0; i < 50; i++) out_f(&out, "    y%d[n] = x[n] +\n    z%d[n] = x[n]\n    w[n] = (x[n]\n", i, i);
    out_s(&out, "}\n");
    Parsed p = parse(a, source_of_text(a, "t.knf", out.text, out.n), false);
    assert_int_equal(diag_errors(p.diags), 100);
    arena_free(a);
}

/* ---- the list of cases: one for each file ---- */

typedef VEC(struct CMUnitTest) Cases;

static void add_file(Arena *a, Cases *cases, const char *path, bool golden) {
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    struct CMUnitTest format = {.name = arena_printf(a, "format %s", name), .test_func = format_keeps_the_tree, .initial_state = (void *)path};
    struct CMUnitTest compare = {.name = arena_printf(a, "golden %s", name), .test_func = file_matches_golden, .initial_state = (void *)path};
    vec_push(a, cases, format);
    if (golden) vec_push(a, cases, compare);
}

static void add_folder(Arena *a, Cases *cases, const char *folder) {
    struct dirent **entries;
    int n = scandir(folder, &entries, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        size_t length = strlen(entries[i]->d_name);
        if (length > 4 && !strcmp(entries[i]->d_name + length - 4, ".knf"))
            add_file(a, cases, arena_printf(a, "%s/%s", folder, entries[i]->d_name), true);
        free(entries[i]);
    }
    if (n >= 0) free(entries);
}

int main(int argc, char **argv) {
    Arena *a = arena_new(0, oom, NULL);
    Cases cases = {0};
    static const struct CMUnitTest fixed[] = {
        cmocka_unit_test(format_is_canonical), cmocka_unit_test(precedence_is_as_documented),
        cmocka_unit_test(integers_have_their_limits), cmocka_unit_test(spans_are_exact), cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(expressions_are_bounded), cmocka_unit_test(many_errors_are_found_in_one_run),
    };
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) vec_push(a, &cases, fixed[i]);
    if (argc > 1) add_folder(a, &cases, argv[1]);
    for (int i = 2; i < argc; i++) add_file(a, &cases, argv[i], false);
    int failed = _cmocka_run_group_tests("grammar", cases.at, (size_t)cases.n, NULL, NULL);
    arena_free(a);
    return failed;
}
