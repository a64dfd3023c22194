/* The lexer (re2c). Line ends are no tokens: the reader of tokens decides which of them end a statement. */
#include "grammar/token.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static Span span_of(const Lexer *l, const char *from, const char *to) {
    return (Span){l->source, (uint32_t)(from - l->source->text), (uint32_t)(to - l->source->text)};
}

#define SAY(l, from, to, ...) ((l)->quiet ? (void)0 : (void)diag_error((l)->diags, span_of(l, from, to), __VA_ARGS__))
/* A fault that may have cost a token. */
#define FAULT(l, from, to, ...) ((l)->fault = (to), SAY(l, from, to, __VA_ARGS__))

/* Decimal or hexadecimal, with underscores. */
static int64_t integer_of(Lexer *l, const char *from, const char *to) {
    bool hex = to - from > 2 && (from[1] == 'x' || from[1] == 'X');
    uint64_t value = 0, base = hex ? 16 : 10, most = l->after_minus && !hex ? (uint64_t)1 << 63 : INT64_MAX;
    for (const char *s = hex ? from + 2 : from; s < to; s++) {
        if (*s == '_') continue;
        uint64_t digit = *s <= '9' ? (uint64_t)(*s - '0') : (uint64_t)((*s | 32) - 'a' + 10);
        if (value > (most - digit) / base) {
            FAULT(l, from, to, "this integer is over 9223372036854775807, the largest there is");
            return 0;
        }
        value = value * base + digit;
    }
    return (int64_t)value;
}

static double float_of(Lexer *l, const char *from, const char *to) {
    char *text = arena_strndup(l->arena, from, (size_t)(to - from)), *end = text;
    for (const char *s = text; *s; s++)
        if (*s != '_') *end++ = *s;
    *end = 0;
    double value = strtod(text, NULL);
    if (value - value != 0) FAULT(l, from, to, "this number is over 1.8e308, the largest there is; write 'inf' for infinity");
    return value;
}

static bool is_letter(char c) { return ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '_'; }

static bool is_wordy(char c) { return is_letter(c) || (c >= '0' && c <= '9'); }

/* A word, and with `dots` the words and numbers that follow its dots. */
static Tok word(Lexer *l, const char *from) {
    bool dotted = false;
    while (l->dots && *l->at == '.' && is_wordy(l->at[1])) {
        dotted = true;
        l->at++;
        while (is_wordy(*l->at)) l->at++;
    }
    size_t n = (size_t)(l->at - from);
    return (Tok){.code = dotted ? T_ID : token_of_word(from, n), .name = name_of_n(l->names, from, n)};
}

/* The end of the run of bytes that are neither ASCII nor a proper UTF-8 sequence; control characters count as such. */
static const char *junk_end(const char *s, const char *end) {
    while (s < end && ((unsigned char)*s >= 0x80 || (unsigned char)*s < 9 || *s == 0x7f)) s++;
    return s;
}

static void report_junk(Lexer *l, const char *from, const char *to) {
    unsigned char c = (unsigned char)*from;
    if (!c) FAULT(l, from, to, "a NUL byte: this is no text");
    else if (c >= 0x80) FAULT(l, from, to, "outside comments and strings only ASCII may stand");
    else if (c < 0x20 || c == 0x7f) FAULT(l, from, to, "a control character (0x%02x)", c);
    else FAULT(l, from, to, "no token begins with '%c'", c);
}

/* Comments and strings may hold any UTF-8: reports what is none. */
static void check_text(Lexer *l, const char *from, const char *to) {
    for (const char *s = from; s < to;) {
        unsigned char c = (unsigned char)*s;
        int n = c < 0x80 ? 1 : c >= 0xc2 && c < 0xe0 ? 2 : (c & 0xf0) == 0xe0 ? 3 : c >= 0xf0 && c < 0xf5 ? 4 : 0;
        bool good = n && c && to - s >= n;
        for (int i = 1; good && i < n; i++) good = ((unsigned char)s[i] & 0xc0) == 0x80;
        if (good && n > 2) {
            unsigned char d = (unsigned char)s[1];
            good = !(c == 0xe0 && d < 0xa0) && !(c == 0xed && d >= 0xa0) && !(c == 0xf0 && d < 0x90) && !(c == 0xf4 && d >= 0x90);
        }
        if (!good && !c) SAY(l, s, s + 1, "a NUL byte: this is no text");
        else if (!good) SAY(l, s, s + 1, "bytes that are no UTF-8 (0x%02x)", c);
        if (!good) return;
        s += n;
    }
}

static void comment(Lexer *l, const char *from) {
    check_text(l, from, l->at);
    Span at = span_of(l, from, l->at);
    if (at.hi > at.lo && l->at[-1] == '\r') at.hi--;
    if (l->comments) vec_push(l->arena, l->comments, at);
}

Tok lex_next(Lexer *l) {
    const char *end = l->source->text + l->source->size, *from, *mark;
    bool first = l->at == l->source->text;
#define TOKEN(c) do { t.code = (c); goto done; } while (0)
    for (;;) {
        from = l->at;
        Tok t = {0};
        if (from >= end) return (Tok){.lo = (uint32_t)l->source->size, .hi = (uint32_t)l->source->size, .first = first};
/*!re2c
        re2c:define:YYCTYPE = "unsigned char";
        re2c:define:YYCURSOR = l->at;
        re2c:define:YYMARKER = mark;
        re2c:yyfill:enable = 0;
        re2c:flags:case-ranges = 1;

        letter = [A-Za-z_];
        digits = [0-9] ("_"? [0-9])*;
        hex    = "0" [xX] [0-9A-Fa-f] ("_"? [0-9A-Fa-f])*;
        expo   = [eE] [+-]? [0-9]+;

        "\n"                  { first = true; continue; }
        [ \t\r\f\v]+          { continue; }
        "#" [^\n\x00]*        { while (l->at < end && *l->at != '\n') l->at++; comment(l, from); continue; }

        letter [A-Za-z0-9_]*  { t = word(l, from); goto done; }
        digits | hex          { t.i = integer_of(l, from, l->at); TOKEN(T_INT); }
        digits ("." digits expo? | expo) { t.f = float_of(l, from, l->at); TOKEN(T_FLOAT); }
        [0-9] [0-9A-Za-z_]* ("." [0-9] [0-9A-Za-z_]*)* ([eE] [+-] [0-9A-Za-z_]*)? {
            FAULT(l, from, l->at, "a number may hold digits, single underscores between them, one point and an exponent; "
                  "it may not touch a letter");
            TOKEN(T_INT);
        }
        digits "." / [^.0-9]  { FAULT(l, from, l->at, "a digit must stand behind the point too"); TOKEN(T_FLOAT); }
        "." digits expo?      { FAULT(l, from, l->at, "a digit must stand before the point too"); TOKEN(T_FLOAT); }
        ["] [^"\n\x00]* ["]   {
            check_text(l, from, l->at);
            t.name = name_of_n(l->names, from + 1, (size_t)(l->at - from - 2));
            TOKEN(T_STRING);
        }
        ["] [^"\n\x00]*       {
            FAULT(l, from, l->at, "this string has no end on its line");
            t.name = name_of_n(l->names, from + 1, (size_t)(l->at - from - 1));
            TOKEN(T_STRING);
        }

        ";"   { TOKEN(T_SEP); }      "("   { TOKEN(T_LPAREN); }    ")"   { TOKEN(T_RPAREN); }   "["  { TOKEN(T_LBRACKET); }
        "]"   { TOKEN(T_RBRACKET); } "{"   { TOKEN(T_LBRACE); }    "}"   { TOKEN(T_RBRACE); }   ","  { TOKEN(T_COMMA); }
        ":"   { TOKEN(T_COLON); }    "="   { TOKEN(T_ASSIGN); }    "->"  { TOKEN(T_ARROW); }    "."  { TOKEN(T_DOT); }
        ".."  { TOKEN(T_DOTDOT); }   "=="  { TOKEN(T_EQ); }        "!="  { TOKEN(T_NE); }       "<"  { TOKEN(T_LT); }
        "<="  { TOKEN(T_LE); }       ">"   { TOKEN(T_GT); }        ">="  { TOKEN(T_GE); }       "|"  { TOKEN(T_BAR); }
        "^"   { TOKEN(T_CARET); }    "&"   { TOKEN(T_AMP); }       "<<"  { TOKEN(T_SHL); }      ">>" { TOKEN(T_SHR); }
        "+"   { TOKEN(T_PLUS); }     "-"   { TOKEN(T_MINUS); }     "*"   { TOKEN(T_STAR); }     "/"  { TOKEN(T_SLASH); }
        "//"  { TOKEN(T_FLOORDIV); } "%"   { TOKEN(T_PERCENT); }   "~"   { TOKEN(T_TILDE); }

        *     { const char *to = junk_end(from, end); if (to == from) to++; l->at = to; report_junk(l, from, to); continue; }
*/
    done:
        t.lo = (uint32_t)(from - l->source->text);
        t.hi = (uint32_t)(l->at - l->source->text);
        t.first = first;
        return t;
    }
}
