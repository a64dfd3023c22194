#include "emit/cprint.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

CExpr c_atom(const char *text) { return (CExpr){text, CP_PRIMARY}; }

CExpr c_atomf(CPrint *p, const char *format, ...) {
    va_list args;
    va_start(args, format);
    char *text = arena_vprintf(p->arena, format, args);
    va_end(args);
    return (CExpr){text, CP_PRIMARY};
}

CExpr c_int(CPrint *p, int64_t value) {
    if (value == INT64_MIN) return c_atom("INT64_MIN");
    CExpr e = c_atomf(p, value > INT32_MAX || value < -INT32_MAX ? "INT64_C(%" PRId64 ")" : "%" PRId64, value);
    if (value < 0) e.prec = CP_UNARY;
    return e;
}

CExpr c_float(CPrint *p, double value, bool is_double) {
    Out o = out_new(p->arena);
    if (is_double) {
        out_double(&o, value);
    } else {
        char text[40];
        for (int digits = 1; digits <= 9; digits++) {
            snprintf(text, sizeof text, "%.*g", digits, value);
            if (strtof(text, NULL) == (float)value) break;
        }
        out_f(&o, "%s%sf", text, strpbrk(text, ".e") ? "" : ".0");
    }
    return (CExpr){o.text, signbit(value) ? CP_UNARY : CP_PRIMARY};
}

static const struct { const char *op; CPrec prec; } binary_table[] = {
    {",", CP_COMMA}, {"=", CP_ASSIGN}, {"+=", CP_ASSIGN}, {"-=", CP_ASSIGN}, {"*=", CP_ASSIGN}, {"&=", CP_ASSIGN}, {"|=", CP_ASSIGN},
    {"||", CP_OROR}, {"&&", CP_ANDAND}, {"|", CP_OR}, {"^", CP_XOR}, {"&", CP_AND}, {"==", CP_EQ}, {"!=", CP_EQ}, {"<", CP_REL},
    {"<=", CP_REL}, {">", CP_REL}, {">=", CP_REL}, {"<<", CP_SHIFT}, {">>", CP_SHIFT}, {"+", CP_ADD}, {"-", CP_ADD}, {"*", CP_MUL},
    {"/", CP_MUL}, {"%", CP_MUL},
};

static CPrec binary_prec(const char *op) {
    for (size_t i = 0; i < sizeof binary_table / sizeof *binary_table; i++)
        if (!strcmp(binary_table[i].op, op)) return binary_table[i].prec;
    return CP_COMMA;
}

/* Whether compilers warn of `inner` as an operand of `outer` though the grammar takes it. */
static bool warned(CPrec outer, CPrec inner) {
    switch (outer) {
    case CP_OROR: return inner == CP_ANDAND;
    case CP_OR: case CP_XOR: case CP_AND: return inner < CP_UNARY && inner != outer;
    case CP_EQ: case CP_REL: return inner == CP_EQ || inner == CP_REL;
    case CP_SHIFT: return inner < CP_UNARY;
    default: return false;
    }
}

static const char *operand(CPrint *p, CExpr x, CPrec outer, bool needs) {
    return needs || warned(outer, x.prec) ? arena_printf(p->arena, "(%s)", x.text) : x.text;
}

CExpr c_binary(CPrint *p, const char *op, CExpr x, CExpr y) {
    CPrec prec = binary_prec(op);
    bool assigns = prec == CP_ASSIGN, associative = !strcmp(op, "&&") || !strcmp(op, "||");
    const char *l = operand(p, x, prec, assigns ? x.prec <= prec : x.prec < prec);
    const char *r = operand(p, y, prec, assigns || associative ? y.prec < prec : y.prec <= prec);
    return (CExpr){arena_printf(p->arena, prec == CP_COMMA ? "%s%s %s" : "%s %s %s", l, op, r), prec};
}

CExpr c_unary(CPrint *p, const char *op, CExpr x) {
    bool doubled = x.prec == CP_UNARY && x.text[0] == op[0];   /* - -x must not become --x */
    const char *t = operand(p, x, CP_UNARY, x.prec < CP_UNARY || doubled);
    return (CExpr){arena_printf(p->arena, "%s%s", op, t), CP_UNARY};
}

CExpr c_cast(CPrint *p, const char *type, CExpr x) {
    const char *t = operand(p, x, CP_UNARY, x.prec < CP_UNARY);
    return (CExpr){arena_printf(p->arena, "(%s)%s", type, t), CP_UNARY};
}

CExpr c_cond(CPrint *p, CExpr c, CExpr x, CExpr y) {
    const char *a = operand(p, c, CP_COND, c.prec <= CP_COND), *b = operand(p, x, CP_COND, x.prec < CP_COND);
    const char *d = operand(p, y, CP_COND, y.prec < CP_COND);
    return (CExpr){arena_printf(p->arena, "%s ? %s : %s", a, b, d), CP_COND};
}

CExpr c_call(CPrint *p, const char *function, int n, const CExpr *args) {
    Out o = out_new(p->arena);
    out_f(&o, "%s(", function);
    for (int i = 0; i < n; i++) out_f(&o, "%s%s", i ? ", " : "", operand(p, args[i], CP_COMMA, args[i].prec <= CP_COMMA));
    out_s(&o, ")");
    return (CExpr){o.text, CP_POSTFIX};
}

CExpr c_subscript(CPrint *p, CExpr array, CExpr at) {
    return (CExpr){arena_printf(p->arena, "%s[%s]", operand(p, array, CP_POSTFIX, array.prec < CP_POSTFIX), at.text), CP_POSTFIX};
}

static bool is_text(CExpr x, const char *text) { return !strcmp(x.text, text); }

CExpr c_sum(CPrint *p, CExpr x, CExpr y) {
    if (is_text(x, "0")) return y;
    return is_text(y, "0") ? x : c_binary(p, "+", x, y);
}

CExpr c_product(CPrint *p, CExpr x, CExpr y) {
    if (is_text(x, "1") || is_text(y, "0")) return y;
    return is_text(y, "1") || is_text(x, "0") ? x : c_binary(p, "*", x, y);
}

void c_declare(CPrint *p, const char *type, const char *name, CExpr init) {
    const char *space = type[strlen(type) - 1] == '*' ? "" : " ";
    if (init.text) out_f(p->out, "%s%s%s = %s;\n", type, space, name, init.text);
    else out_f(p->out, "%s%s%s;\n", type, space, name);
}

void c_assign(CPrint *p, CExpr target, const char *op, CExpr value) {
    out_f(p->out, "%s;\n", c_binary(p, op, target, value).text);
}

void c_expr(CPrint *p, CExpr e) { out_f(p->out, "%s;\n", e.text); }

void c_return(CPrint *p, CExpr e) { out_f(p->out, "return %s;\n", e.text); }

static void opened(CPrint *p) {
    out_s(p->out, "{\n");
    p->out->indent++;
}

void c_block(CPrint *p) { opened(p); }

void c_if(CPrint *p, CExpr c) {
    out_f(p->out, "if (%s) ", c.text);
    opened(p);
}

void c_else(CPrint *p) {
    p->out->indent--;
    out_s(p->out, "} else ");
    opened(p);
}

void c_for(CPrint *p, const char *type, const char *var, CExpr lo, CExpr hi, int64_t step) {
    CExpr v = c_atom(var);
    CExpr next = step == 1 ? c_atomf(p, "%s++", var) : c_binary(p, "+=", v, c_int(p, step));
    out_f(p->out, "for (%s %s = %s; %s; %s) ", type, var, lo.text, c_binary(p, "<", v, hi).text, next.text);
    opened(p);
}

void c_while(CPrint *p, CExpr cond, CExpr next) {
    out_f(p->out, "for (; %s; %s) ", cond.text, next.text);
    opened(p);
}

void c_end(CPrint *p) {
    p->out->indent--;
    out_s(p->out, "}\n");
}

/* The text with every end of a comment, start of one, trigraph and backslash at a line's end made harmless. */
static void comment_line(Out *o, const char *s, size_t n) {
    for (size_t i = 0; i < n; i++) {
        bool pair = i + 1 < n && ((s[i] == '*' && s[i + 1] == '/') || (s[i] == '/' && s[i + 1] == '*'));
        bool bad = (unsigned char)s[i] < 32 || (s[i] == '\\' && i + 1 == n) || (s[i] == '?' && i + 1 < n && s[i + 1] == '?');
        out_n(o, bad ? "." : s + i, 1);
        if (pair) out_s(o, " ");
    }
}

void c_comment(CPrint *p, const char *text) {
    out_s(p->out, "/* ");
    for (const char *s = text; *s;) {
        size_t n = strcspn(s, "\n");
        comment_line(p->out, s, n);
        s += n;
        if (*s == '\n') s++;
        if (*s) out_s(p->out, *s == '\n' ? "\n *" : "\n * ");
    }
    out_s(p->out, " */\n");
}

void c_blank(CPrint *p) { out_s(p->out, "\n"); }

void c_function(CPrint *p, const char *type, const char *name, const char *params) {
    out_f(p->out, "%s %s(%s)\n", type, name, params);
    opened(p);
}

void c_string(Out *o, const char *s) {
    out_s(o, "\"");
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c < 32 || c > 126) out_f(o, "\\%03o", c);
        else out_f(o, "%s%c", c == '"' || c == '\\' || c == '?' ? "\\" : "", c);
    }
    out_s(o, "\"");
}
