/* Zeroed memory for the parts of a run that most runs touch little of: local memories, stacks, books. It costs nothing until it is
 * touched, and goes in one piece. */
#include "sim/run.h"
#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__)
#define PAGES_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PAGES_ASAN 1
#endif
#endif
#ifdef PAGES_ASAN      /* it watches only what the allocator gave, and what it is told */
void __asan_poison_memory_region(const volatile void *at, size_t size);
void __asan_unpoison_memory_region(const volatile void *at, size_t size);
#endif

enum { PAGE = 4096 };

size_t pages_of(size_t bytes) { return (bytes + 64 + PAGE - 1) / PAGE * PAGE; }

bool pages_new(Pages *p, size_t size) {
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    *p = (Pages){at == MAP_FAILED ? NULL : at, size, 0};
    return p->at;
}

void *pages_take(Pages *p, size_t bytes) {
    size_t room = pages_of(bytes);
    if (!p->at || room > p->size - p->used) return NULL;
    unsigned char *at = p->at + p->used;
    p->used += room;
#ifdef PAGES_ASAN
    __asan_poison_memory_region(at + bytes, room - bytes);
#endif
    return at;
}

void *pages_guarded(Pages *p, size_t bytes) {
    unsigned char *at = p->at + p->used;
    if (!p->at || bytes > p->size - p->used || mprotect(at, PAGE, PROT_NONE)) return NULL;
    p->used += bytes;
    return at;
}

void pages_free(Pages *p) {
    if (!p->at) return;
#ifdef PAGES_ASAN
    __asan_unpoison_memory_region(p->at, p->size);
#endif
    munmap(p->at, p->size);
    p->at = NULL;
}
