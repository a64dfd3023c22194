/* What a program's text may not say, judged after the preprocessor: C's own ways to bytes that no call has charged. */
#include "sim/text.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

typedef struct Scan {
    const char *s, *include;       /* the rest of the text; the folder that holds knyfe/pe.h */
    Arena *a;
    const char *file[64];          /* those that are open */
    int line;
    int own, depth;                /* files open, of which the outer `own` are the program's */
    bool nothing, star, cast;      /* a type that is void; the `*` of a declarator; the `)` behind one */
    bool in_typedef, open;         /* open: the token before was `(` */
    const char *why;
} Scan;

static const char *refuse(Scan *k, const char *what) {
    if (!k->why) k->why = arena_printf(k->a, "%s:%d: error: %s", k->file[k->depth] ? k->file[k->depth] : "program", k->line, what);
    return k->why;
}

static bool word_in(const char *const *list, const char *s, size_t n) {
    for (; *list; list++)
        if (strlen(*list) == n && !memcmp(*list, s, n)) return true;
    return false;
}

/* `# LINE "FILE" FLAGS`: 1 opens a file, 2 goes back. */
static void marker(Scan *k) {
    const char *end = k->s + strcspn(k->s, "\n"), *name = memchr(k->s, '"', (size_t)(end - k->s));
    if (!name || !isdigit((unsigned char)k->s[2])) {
        if (k->depth == k->own && strncmp(k->s, "#pragma", 7)) refuse(k, "a directive that a program has no use for");
        k->s = end;
        return;
    }
    const char *close = memchr(name + 1, '"', (size_t)(end - name - 1));
    if (!close) { k->s = end; return; }
    bool opens = strstr(close, " 1") && strstr(close, " 1") < end, back = strstr(close, " 2") && strstr(close, " 2") < end, ours = k->own == k->depth;
    char *file = arena_strndup(k->a, name + 1, (size_t)(close - name - 1));
    size_t n = strlen(k->include);
    bool api = !strncmp(file, k->include, n) && !strncmp(file + n, "/knyfe/pe", 9), built_in = file[0] == '<', system = strstr(close, " 3") && strstr(close, " 3") < end;
    if (opens && ours && k->file[1] && !api && !built_in && system && !strstr(file, "/stdc-predef.h") && !strstr(file, "/stdint.h") && !strstr(file, "/stdbool.h") && !strstr(file, "/stddef.h"))
        refuse(k, arena_printf(k->a, "%s is included: a PE has no C library", file));
    if (opens) {
        if (k->depth == 63) { refuse(k, "more than 62 files, one in the other"); k->s = end; return; }
        k->own += ours && !api && !built_in && !system;
        k->file[++k->depth] = file;
    } else if (back) {
        if (k->depth > 1) k->depth--;
        if (k->own > k->depth) k->own = k->depth;
    } else if (k->file[k->depth] && ours && !built_in && strcmp(file, k->file[k->depth])) refuse(k, "#line in a program");
    else if (!built_in) k->file[k->depth] = file;
    k->line = (int)strtol(k->s + 2, NULL, 10) - 1;
    k->s = end;
}

static const char *const qualifiers[] = {"const", "volatile", "restrict", NULL};
static const char *const banned[] = {"union", "asm", "typeof", "memcpy", "memmove", "memset", "memcmp", "alloca", "NULL", NULL};
static const char *const attributes[] = {"__builtin_sqrt", "__builtin_sqrtf", "__builtin_expect", "__builtin_unreachable", "__builtin_inff", "__builtin_nanf", "__builtin_inf", "__builtin_nan", "__attribute__", "__inline", "__inline__", "__func__", "__extension__", NULL};

static void refuse_cast(Scan *k) { refuse(k, "a cast to a pointer: a pointer of a PE program keeps its type"); }

static void word(Scan *k) {
    const char *s = k->s;
    size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_$");
    k->s += n;
    char *text = arena_strndup(k->a, s, n);
    if (word_in(banned, s, n)) refuse(k, arena_printf(k->a, "'%s': a PE program has no union, no inline assembler and no copy of memory; the calls of pe.h are charged", text));
    else if (!strncmp(text, "pe_hidden_", 10)) refuse(k, arena_printf(k->a, "'%s' is the simulator's", text));
    else if (!strncmp(text, "__", 2) && !word_in(attributes, s, n)) refuse(k, arena_printf(k->a, "'%s': a PE program has none of the compiler's own functions", text));
    else if (!strcmp(text, "constructor") || !strcmp(text, "destructor") || !strcmp(text, "section") || !strcmp(text, "cleanup") || !strcmp(text, "vector_size"))
        refuse(k, arena_printf(k->a, "'%s' is no attribute of a PE program", text));
    if (k->cast && strncmp(text, "__", 2)) refuse_cast(k);
    if (word_in(qualifiers, s, n)) return;
    k->nothing = !strcmp(text, "void");
    if (!strcmp(text, "typedef")) k->in_typedef = true;
    k->star = k->cast = k->open = false;
}

static void other(Scan *k) {
    if (k->cast) refuse_cast(k);
    k->nothing = k->star = k->cast = k->open = false;
}

static void quoted(Scan *k) {
    char q = *k->s++;
    for (; *k->s && *k->s != q && *k->s != '\n'; k->s++)
        if (*k->s == '\\' && k->s[1]) k->s++;
    if (*k->s) k->s++;
    other(k);
}

static void punctuation(Scan *k) {
    char c = *k->s++;
    bool star = k->star, open = k->open, nothing = k->nothing;
    if (k->cast && !strchr(";,)=", c)) refuse_cast(k);
    k->nothing = k->star = k->cast = k->open = false;
    if (c == '*' && nothing) refuse(k, "'void *': a pointer of a PE program keeps its type");
    else if (c == '*' && k->in_typedef) refuse(k, "a pointer in a typedef: a PE program writes its pointers out");
    k->star = c == '*';
    k->open = c == '(' || (open && c == '*');
    if (c == ')' && star && open) refuse(k, "'(*)': a PE program has no pointers to functions or arrays but named ones");
    k->cast = c == ')' && star;
    if (c == ';') k->in_typedef = false;
}

const char *text_fault(const char *text, const char *include, Arena *a) {
    Scan k = {.s = text, .include = include, .a = a, .line = 1, .own = 1, .depth = 1};
    bool fresh = true;
    while (*k.s && !k.why) {
        bool skip = k.depth != k.own;
        if (fresh && *k.s == '#') { marker(&k); continue; }
        if (*k.s == '\n') { k.line++; k.s++; fresh = true; continue; }
        fresh = false;
        if (isspace((unsigned char)*k.s)) k.s++;
        else if (skip) k.s += strcspn(k.s, "\n");
        else if (*k.s == '"' || *k.s == '\'') quoted(&k);
        else if (isalpha((unsigned char)*k.s) || *k.s == '_') {
            word(&k);
        } else if (isdigit((unsigned char)*k.s)) {
            k.s += strspn(k.s, "0123456789abcdefABCDEFxXpPuUlL.");
            other(&k);
        } else punctuation(&k);
    }
    return k.why;
}
