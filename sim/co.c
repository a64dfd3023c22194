/* Coroutines: ucontext for the first entry, on x86-64 a switch of our own after it (ucontext's makes a system call each time), an
 * unreadable page below each stack, and the annotations that AddressSanitizer needs. */
#include "sim/run.h"
#include <stdlib.h>
#include <ucontext.h>

#if defined(__SANITIZE_ADDRESS__)
#define CO_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CO_ASAN 1
#endif
#endif
#ifdef CO_ASAN
void __sanitizer_start_switch_fiber(void **save, const void *bottom, size_t size);
void __sanitizer_finish_switch_fiber(void *save, const void **bottom, size_t *size);
void __asan_unpoison_memory_region(const volatile void *at, size_t size);
#endif

enum { CO_PAGE = 4096 };

struct Co {
    ucontext_t self, home;
    void *sp, *home_sp;        /* of our own switch */
    char *stack;
    void (*entry)(void *);
    void *arg;
    void *fake, *home_fake;
    const void *home_bottom;
    size_t home_size;
};

static void co_start(unsigned hi, unsigned lo) {
    Co *co = (Co *)(((uintptr_t)hi << 32) | lo);
#ifdef CO_ASAN
    __sanitizer_finish_switch_fiber(NULL, &co->home_bottom, &co->home_size);
#endif
    co->entry(co->arg);
    co_finish(co);
}

#if defined(__x86_64__)
/* Saves the registers that a call keeps, and the stack pointer in *save; goes on where `load` was saved. */
__attribute__((naked, noinline)) static void co_swap(__attribute__((unused)) void **save, __attribute__((unused)) void *load) {
    __asm__("pushq %rbp\n pushq %rbx\n pushq %r12\n pushq %r13\n pushq %r14\n pushq %r15\n"
            "movq %rsp, (%rdi)\n movq %rsi, %rsp\n"
            "popq %r15\n popq %r14\n popq %r13\n popq %r12\n popq %rbx\n popq %rbp\n ret\n");
}

static void co_begin(void) {
    Co *co;
    __asm__ volatile("movq %%r12, %0" : "=r"(co));
    co_start((unsigned)((uintptr_t)co >> 32), (unsigned)(uintptr_t)co);
}

/* A stack that co_swap can load: six registers, the entry, and the alignment that a call would leave. */
static void co_stack(Co *co) {
    void **top = (void **)(void *)(co->stack + CO_STACK) - 2;
    *--top = NULL;
    *--top = (void *)co_begin;
    top -= 6;
    top[3] = co;               /* r12 */
    co->sp = top;
}
#define CO_IN(co) co_swap(&(co)->home_sp, (co)->sp)
#define CO_OUT(co) co_swap(&(co)->sp, (co)->home_sp)
#else
static void co_context(Co *co) {
    getcontext(&co->self);
    co->self.uc_stack.ss_sp = co->stack + CO_PAGE;
    co->self.uc_stack.ss_size = CO_STACK - CO_PAGE;
    co->self.uc_link = NULL;
    makecontext(&co->self, (void (*)(void))co_start, 2, (unsigned)((uintptr_t)co >> 32), (unsigned)(uintptr_t)co);
}
static void co_stack(Co *co) { co_context(co); }
#define CO_IN(co) swapcontext(&(co)->home, &(co)->self)
#define CO_OUT(co) swapcontext(&(co)->self, &(co)->home)
#endif

void co_again(Co *co, void (*entry)(void *), void *arg) {
#ifdef CO_ASAN      /* frames that a coroutine left for good, at the same address earlier, are still marked */
    __asan_unpoison_memory_region(co->stack + CO_PAGE, CO_STACK - CO_PAGE);
#endif
    co->entry = entry;
    co->arg = arg;
    co_stack(co);
}

Co *co_new(Pages *stacks, void (*entry)(void *), void *arg) {
    Co *co = calloc(1, sizeof *co);
    if (!co) return NULL;
    if (!(co->stack = pages_guarded(stacks, CO_STACK))) {
        free(co);
        return NULL;
    }
    co_again(co, entry, arg);
    return co;
}

void co_switch_to(Co *co) {
#ifdef CO_ASAN
    __sanitizer_start_switch_fiber(&co->home_fake, co->stack + CO_PAGE, CO_STACK - CO_PAGE);
#endif
    CO_IN(co);
#ifdef CO_ASAN
    __sanitizer_finish_switch_fiber(co->home_fake, NULL, NULL);
#endif
}

void co_yield(Co *co) {
#ifdef CO_ASAN
    __sanitizer_start_switch_fiber(&co->fake, co->home_bottom, co->home_size);
#endif
    CO_OUT(co);
#ifdef CO_ASAN
    __sanitizer_finish_switch_fiber(co->fake, &co->home_bottom, &co->home_size);
#endif
}

void co_finish(Co *co) {
#ifdef CO_ASAN
    __sanitizer_start_switch_fiber(NULL, co->home_bottom, co->home_size);
#endif
    CO_OUT(co);
    abort();
}

void co_free(Co *co) { free(co); }
