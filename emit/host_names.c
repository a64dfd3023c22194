#include "emit/host_gen.h"
#include <ctype.h>
#include <string.h>

/* Words that a C file of this kind may not define: keywords, macros and functions of the headers it includes, and functions that
 * compilers know. */
static const char *const reserved[] = {
    "auto", "break", "case", "char", "const", "continue", "default", "do", "double", "else", "enum", "extern", "float", "for", "goto",
    "if", "inline", "int", "long", "register", "restrict", "return", "short", "signed", "sizeof", "static", "struct", "switch",
    "typedef", "union", "unsigned", "void", "volatile", "while", "asm", "typeof", "alignas", "alignof", "bool", "true", "false", "complex",
    "imaginary", "noreturn", "thread_local", "nullptr", "constexpr", "static_assert", "linux", "unix", "i386", "main", "I", "NULL", "NAN",
    "INFINITY", "HUGE_VAL", "HUGE_VALF", "EOF", "errno", "EXIT_SUCCESS", "EXIT_FAILURE", "RAND_MAX", "MB_CUR_MAX", "BUFSIZ", "stdin",
    "stdout", "stderr", "CHAR_BIT", "WEOF", "WNOHANG", "WUNTRACED", "DOMAIN", "SING", "OVERFLOW", "UNDERFLOW", "PLOSS", "TLOSS", "HUGE",
    "X_TLOSS", "MAXFLOAT", "FP_NAN", "FP_INFINITE", "FP_ZERO", "FP_SUBNORMAL", "FP_NORMAL", "FP_ILOGB0", "FP_ILOGBNAN", "FP_FAST_FMA",
    "FP_FAST_FMAF", "FP_FAST_FMAL", "MATH_ERRNO", "MATH_ERREXCEPT", "math_errhandling", "signgam", "isnan", "isinf", "isfinite", "isnormal",
    "signbit", "fpclassify", "isgreater", "isgreaterequal", "isless", "islessequal", "islessgreater", "isunordered", "issignaling",
    "iseqsig", "issubnormal", "iszero", "iscanonical", "float_t", "double_t", "acos", "asin", "atan", "atan2", "cos", "sin", "tan", "acosh",
    "asinh", "atanh", "cosh", "sinh", "tanh", "exp", "exp2", "exp10", "pow10", "expm1", "log", "log10", "log1p", "log2", "logb", "ilogb",
    "modf", "frexp", "ldexp", "scalb", "scalbn", "scalbln", "pow", "sqrt", "cbrt", "hypot", "erf", "erfc", "tgamma", "lgamma", "gamma",
    "ceil", "floor", "nearbyint", "rint", "lrint", "llrint", "round", "lround", "llround", "trunc", "roundeven", "fmod", "remainder",
    "remquo", "drem", "copysign", "nan", "nextafter", "nexttoward", "nextup", "nextdown", "fdim", "fmax", "fmin", "fma", "fabs", "abs",
    "labs", "llabs", "imaxabs", "finite", "significand", "sincos", "j0", "j1", "jn", "y0", "y1", "yn", "cabs", "cacos", "carg", "casin",
    "catan", "ccos", "cexp", "cimag", "clog", "conj", "cpow", "cproj", "creal", "csin", "csqrt", "ctan", "div", "ldiv", "lldiv", "malloc",
    "calloc", "realloc", "reallocarray", "free", "alloca", "abort", "exit", "_exit", "atexit", "on_exit", "quick_exit", "at_quick_exit",
    "getenv", "setenv", "putenv", "unsetenv", "clearenv", "secure_getenv", "system", "qsort", "bsearch", "rand", "srand", "random",
    "srandom", "rand_r", "drand48", "erand48", "lrand48", "nrand48", "mrand48", "jrand48", "srand48", "seed48", "lcong48", "initstate",
    "setstate", "arc4random", "atoi", "atol", "atoll", "atof", "strtol", "strtoll", "strtoul", "strtoull", "strtod", "strtof", "strtold",
    "strtoq", "strtouq", "a64l", "l64a", "mblen", "mbtowc", "wctomb", "mbstowcs", "wcstombs", "mktemp", "mkstemp", "mkstemps", "mkdtemp",
    "mkostemp", "realpath", "getsubopt", "getloadavg", "rpmatch", "ecvt", "fcvt", "gcvt", "select", "pselect", "posix_memalign",
    "aligned_alloc", "valloc", "memcpy", "memmove", "memset", "memcmp", "memchr", "memrchr", "rawmemchr", "memmem", "mempcpy", "memccpy",
    "memfrob", "bcopy", "bzero", "bcmp", "explicit_bzero", "ffs", "ffsl", "ffsll", "index", "rindex", "strcpy", "strncpy", "strcat",
    "strncat", "strcmp", "strncmp", "strcoll", "strxfrm", "strchr", "strrchr", "strchrnul", "strcspn", "strspn", "strpbrk", "strstr",
    "strcasestr", "strtok", "strtok_r", "strlen", "strnlen", "strerror", "strerror_r", "strdup", "strndup", "strdupa", "strndupa", "strsep",
    "strsignal", "stpcpy", "stpncpy", "strcasecmp", "strncasecmp", "strfry", "strverscmp", "strlcpy", "strlcat", "basename", "dirname",
    "printf", "fprintf", "sprintf", "snprintf", "vprintf", "vfprintf", "vsprintf", "vsnprintf", "scanf", "fscanf", "sscanf", "vscanf",
    "vfscanf", "vsscanf", "dprintf", "asprintf", "vasprintf", "puts", "fputs", "putc", "putchar", "fputc", "fwrite", "fread", "getc",
    "getchar", "gets", "remove", "rename", "fork", "vfork", "execl", "execv", "execve", "execvp", "execle", "execlp", "isalnum", "isalpha",
    "isascii", "isblank", "iscntrl", "isdigit", "isgraph", "islower", "isprint", "ispunct", "isspace", "isupper", "isxdigit", "toascii",
    "tolower", "toupper", "iswalnum", "iswalpha", "towlower", "towupper", "time", "clock", "signal", "raise", "read", "write", "open", "close",
    "pipe", "link", "stat", "connect", "listen", "accept", "bind", "send", "recv", "socket", "wait", "sleep", "pause", "alarm", "kill", "dup",
    "environ", "end", "etext", "edata", "strfmon", "ssize_t", "size_t", "ptrdiff_t", "wchar_t", "wint_t", "max_align_t", "off_t", "int8_t",
    "int16_t", "int32_t", "int64_t", "uint8_t", "uint16_t", "uint32_t", "uint64_t", "intptr_t", "uintptr_t", "intmax_t", "uintmax_t", "uint",
    "ushort", "ulong", "u_char", "u_short", "u_int", "u_long", "quad_t", "u_quad_t", "fsid_t", "loff_t", "ino_t", "dev_t", "gid_t", "mode_t",
    "nlink_t", "uid_t", "pid_t", "id_t", "daddr_t", "caddr_t", "key_t", "clock_t", "clockid_t", "time_t", "timer_t", "useconds_t",
    "suseconds_t", "register_t", "sigset_t", "fd_set", "fd_mask", "blksize_t", "blkcnt_t", "fsblkcnt_t", "fsfilcnt_t", "locale_t", "div_t",
    "ldiv_t", "lldiv_t", "timeval", "timespec", "major", "minor", "makedev", "offsetof", "__func__", "restrict", "dremf", "lane",
};

static const char *const prefixes[] = {"knf_", "M_", "INT", "UINT", "PTRDIFF_", "SIZE_", "WCHAR_", "WINT_", "SIG_ATOMIC_", "FLT_", "DBL_",
                                       "FP_", "BYTE_ORDER", "LITTLE_ENDIAN", "BIG_ENDIAN", "PDP_ENDIAN", "FD_", "NFDBITS", "htobe", "htole",
                                       "be16toh", "be32toh", "be64toh", "le16toh", "le32toh", "le64toh"};

static bool has_prefix(const char *s) {
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (!strncmp(s, prefixes[i], strlen(prefixes[i]))) return true;
    return s[0] == '_';
}

/* libm's and the compilers' functions come as f, l and sized variants too. */
static bool is_reserved(const char *s) {
    size_t n = strlen(s);
    if (has_prefix(s)) return true;
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++) {
        size_t m = strlen(reserved[i]);
        if (strncmp(s, reserved[i], m)) continue;
        if (n == m || (n == m + 1 && (s[m] == 'f' || s[m] == 'l'))) return true;
        if (n > m && s[m] == 'f' && isdigit((unsigned char)s[m + 1])) return true;
        if (n == m + 2 && !strcmp(s + m, "_r")) return true;
    }
    return false;
}

static bool is_taken(const Gen *g, const char *s) {
    for (int i = 0; i < g->scope.taken.n; i++)
        if (!strcmp(g->scope.taken.at[i], s)) return true;
    return false;
}

static const char *unique(Gen *g, const char *base) {
    const char *s = base;
    for (int i = 2; is_taken(g, s) || is_reserved(s); i++) s = arena_printf(g->a, "%s_%d", base, i);
    vec_push(g->a, &g->scope.taken, s);
    return s;
}

const char *host_name(Gen *g, const char *name) {
    char *s = arena_printf(g->a, "%s%s", has_prefix(name) || isdigit((unsigned char)name[0]) ? "u_" : "", name);
    for (char *c = s; *c; c++)
        if (*c == '.') *c = '_';
    return unique(g, is_reserved(s) ? arena_printf(g->a, "%s_", s) : s);
}

const char *host_kernel_name(Gen *g, const char *name) {
    bool bad = name[0] == '_' ? name[1] == '_' || isupper((unsigned char)name[1]) : is_reserved(name) && strncmp(name, "knf_", 4);
    const char *s = bad ? arena_printf(g->a, "%s_", name) : name;
    vec_push(g->a, &g->scope.taken, s);
    return s;
}
