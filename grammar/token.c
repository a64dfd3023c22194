#include "grammar/token.h"
#include <stdlib.h>
#include <string.h>

enum {
    VALUE = TF_END | TF_BEGIN | TF_OPERAND,
    RESERVED = TF_WORD,
    SOFT = TF_WORD | TF_SOFT | VALUE,
    DEFINES = TF_WORD | TF_DEF | TF_BEGIN,
    COMB = TF_WORD | TF_COMB | TF_OPERAND | TF_END | TF_BEGIN
};

static const TokenRow rows[TOKEN_CODES] = {
    [T_ID] = {"a name", VALUE},
    [T_INT] = {"an integer", VALUE},
    [T_FLOAT] = {"a number", VALUE},
    [T_STRING] = {"a string", TF_END},
    [T_TRUE] = {"true", RESERVED | VALUE},
    [T_FALSE] = {"false", RESERVED | VALUE},
    [T_INF] = {"inf", RESERVED | VALUE},
    [T_NAN] = {"nan", RESERVED | VALUE},
    [T_PI] = {"pi", RESERVED | VALUE},
    [T_KERNEL] = {"kernel", DEFINES},
    [T_FN] = {"fn", DEFINES},
    [T_COMBINATOR] = {"combinator", DEFINES},
    [T_SCHEDULE] = {"schedule", DEFINES},
    [T_MACHINE] = {"machine", DEFINES},
    [T_TEST] = {"test", DEFINES},
    [T_USE] = {"use", DEFINES},
    [T_WHERE] = {"where", RESERVED},
    [T_IN] = {"in", RESERVED},
    [T_CHECK] = {"check", RESERVED | TF_BEGIN | TF_END},
    [T_ASSUME] = {"assume", RESERVED | TF_BEGIN | TF_END},
    [T_IF] = {"if", RESERVED | TF_BEGIN | TF_OPERAND},
    [T_THEN] = {"then", RESERVED},
    [T_ELSE] = {"else", RESERVED},
    [T_AND] = {"and", RESERVED | TF_OPERATOR},
    [T_OR] = {"or", RESERVED | TF_OPERATOR},
    [T_NOT] = {"not", RESERVED | TF_BEGIN | TF_OPERAND},
    [T_SCAN] = {"scan", RESERVED | TF_BEGIN | TF_OPERAND},
    [T_REDUCE] = {"reduce", RESERVED | TF_BEGIN | TF_OPERAND},
    [T_SAT] = {"sat", RESERVED | TF_BEGIN | TF_OPERAND},
    [T_SUM] = {"sum", COMB}, [T_PROD] = {"prod", COMB}, [T_MAX] = {"max", COMB}, [T_MIN] = {"min", COMB},
    [T_MEAN] = {"mean", COMB}, [T_ANY] = {"any", COMB}, [T_ALL] = {"all", COMB}, [T_ARGMAX] = {"argmax", COMB},
    [T_ARGMIN] = {"argmin", COMB},
    [T_PAD] = {"pad", SOFT}, [T_CLAMP] = {"clamp", SOFT}, [T_TYPE] = {"type", SOFT}, [T_INTEGER] = {"int", SOFT},
    [T_BOOL] = {"bool", SOFT}, [T_ORDERED] = {"ordered", SOFT}, [T_STATE] = {"state", SOFT}, [T_STEP] = {"step", SOFT},
    [T_MERGE] = {"merge", SOFT}, [T_FINAL] = {"final", SOFT}, [T_FOR] = {"for", SOFT}, [T_ON] = {"on", SOFT},
    [T_WHEN] = {"when", SOFT}, [T_EXPECT] = {"expect", SOFT},
    [T_SEP] = {"the end of the statement", 0},
    [T_LPAREN] = {"(", TF_BEGIN | TF_OPERAND},
    [T_RPAREN] = {")", TF_END},
    [T_LBRACKET] = {"[", 0},
    [T_RBRACKET] = {"]", TF_END},
    [T_LBRACE] = {"{", 0},
    [T_RBRACE] = {"}", TF_END},
    [T_COMMA] = {",", 0}, [T_COLON] = {":", 0}, [T_ASSIGN] = {"=", 0}, [T_ARROW] = {"->", 0}, [T_DOT] = {".", 0},
    [T_DOTDOT] = {"..", 0},
    [T_CLT] = {"<", 0},
    [T_PBAR] = {"|", 0},
    [T_EQ] = {"==", TF_OPERATOR}, [T_NE] = {"!=", TF_OPERATOR}, [T_LT] = {"<", TF_OPERATOR}, [T_LE] = {"<=", TF_OPERATOR},
    [T_GT] = {">", TF_OPERATOR}, [T_GE] = {">=", TF_OPERATOR}, [T_BAR] = {"|", TF_OPERATOR}, [T_CARET] = {"^", TF_OPERATOR},
    [T_AMP] = {"&", TF_OPERATOR}, [T_SHL] = {"<<", TF_OPERATOR}, [T_SHR] = {">>", TF_OPERATOR}, [T_PLUS] = {"+", TF_OPERATOR},
    [T_MINUS] = {"-", TF_OPERATOR | TF_OPERAND}, [T_STAR] = {"*", TF_OPERATOR}, [T_SLASH] = {"/", TF_OPERATOR},
    [T_FLOORDIV] = {"//", TF_OPERATOR}, [T_PERCENT] = {"%", TF_OPERATOR},
    [T_TILDE] = {"~", TF_OPERAND},
};

const TokenRow *token_row(int code) {
    static const TokenRow none = {NULL, 0};
    return code >= 0 && code < TOKEN_CODES ? &rows[code] : &none;
}

int token_of_word(const char *text, size_t n) {
    for (int code = 1; code < TOKEN_CODES; code++)
        if ((rows[code].flags & TF_WORD) && rows[code].text[0] == *text && !strncmp(rows[code].text, text, n) && !rows[code].text[n])
            return code;
    return T_ID;
}
