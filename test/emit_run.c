#include "test/engines.h"
#include "test/emit_run.h"
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static void write_file(const char *folder, const char *name, const char *text) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

/* Runs a command in the folder; it must succeed and print nothing. */
static void quiet(const char *folder, const char *format, ...) {
    char command[900], full[1024], line[400];
    va_list args;
    va_start(args, format);
    vsnprintf(command, sizeof command, format, args);
    va_end(args);
    snprintf(full, sizeof full, "cd %s && (%s) 2>&1", folder, command);
    FILE *p = popen(full, "r");
    assert_non_null(p);
    bool printed = false;
    while (fgets(line, sizeof line, p)) {
        fputs(line, stderr);
        printed = true;
    }
    if (pclose(p) || printed) fail_msg("%s (in %s)", command, folder);
}

/* Undefined symbols that are not libc's and libm's: none may be left. */
static const char nm_check[] =
    "nm -u k.o | sed 's/ *U //' | grep -vxE 'malloc|aligned_alloc|free|memcpy|memset|memmove|_GLOBAL_OFFSET_TABLE_|"
    "(a?(sin|cos|tan)h?|exp[2]?|expm1|log(2|1p)?|pow|erf|sqrt|fma|floor|ceil|rint|trunc|fabs|round)f?' || true";

KnyfeCall *emit_compile(const char *text, const char *call, const char *flags) {
    char folder[] = "/tmp/knyfe-emit-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    write_file(folder, "k.c", text);
    static const char warn[] = "-std=gnu11 -O2 -Wall -Wextra -Werror";
    if (!system("clang --version > /dev/null 2>&1")) {
        quiet(folder, "clang %s %s -c k.c -o k.o", warn, flags);
        quiet(folder, nm_check);
    }
    quiet(folder, "gcc %s %s -fPIC -c k.c -o k.o", warn, flags);
    quiet(folder, nm_check);
    if (!call) {
        quiet(folder, "rm -r %s", folder);
        return NULL;
    }
    write_file(folder, "call.c", call);
    quiet(folder, "gcc %s -fPIC -shared k.o call.c -o k.so -lm", warn);
    snprintf(path, sizeof path, "%s/k.so", folder);
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) fail_msg("%s", dlerror());
    KnyfeCall *f;
    *(void **)&f = dlsym(library, "knyfe_call");
    assert_non_null(f);
    quiet(folder, "rm -r %s", folder);
    return f;
}

const char *emit_text(const Kernel *k, Arena *a) {
    Out o = out_new(a);
    const TileMachine m = {.rows = 1, .cols = 1, .local = 2 << 20, .in_place = true, .lanes = 64, .accumulators = 28, .engines = test_engines(a, "registers")};
    const char *why = NULL;
    const TileProgram *p = lower(k, &m, a, &why);
    if (!p) fail_msg("%s", why);
    emit_host_tiles(p, NULL, &o);
    return o.text;
}

KnyfeCall *emit_load(const Kernel *k, Arena *a) {
    Out call = out_new(a);
    emit_host_call(k, &call);
    return emit_compile(emit_text(k, a), call.text, "");
}
