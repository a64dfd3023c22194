/* When shared things are taken: exclusive calendars, shared rates, and the events of the run. */
#include "sim/run.h"
#include <stdlib.h>
#include <string.h>

static void calendar_grow(Calendar *c) {
    if (c->head > c->cap / 2) {
        memmove(c->at, c->at + c->head, sizeof *c->at * (size_t)c->n);
        c->head = 0;
    }
    if (c->head + c->n < c->cap) return;
    c->cap = c->cap ? c->cap * 2 : 16;
    c->at = realloc(c->at, sizeof *c->at * (size_t)c->cap);
    if (!c->at) abort();
}

/* The first slot that ends after `from`. Most bookings come near the end. */
static int calendar_find(const Calendar *c, int64_t from) {
    const Slot *s = c->at + c->head;
    int lo = 0, hi = c->n;
    for (; hi > 0 && c->n - hi < 12; hi--)
        if (s[hi - 1].hi <= from) return hi;
    while (lo < hi) {
        int mid = (lo + hi) / 2;
        if (s[mid].hi > from) hi = mid;
        else lo = mid + 1;
    }
    return lo;
}

static void calendar_insert(Calendar *c, int i, int64_t lo, int64_t hi) {
    Slot *s = c->at + c->head;
    bool left = i > 0 && s[i - 1].hi == lo, right = i < c->n && s[i].lo == hi;
    if (left && right) {
        s[i - 1].hi = s[i].hi;
        memmove(s + i, s + i + 1, sizeof *s * (size_t)(c->n - i - 1));
        c->n--;
        i--;
    } else if (left) s[--i].hi = hi;
    else if (right) s[i].lo = lo;
    else {
        calendar_grow(c);
        s = c->at + c->head;
        memmove(s + i + 1, s + i, sizeof *s * (size_t)(c->n - i));
        s[i] = (Slot){lo, hi};
        c->n++;
    }
    c->last = c->head + i;
}

int64_t calendar_book(Calendar *c, int64_t from, int64_t dur, int64_t now) {
    if (dur == 0) return from;
    while (c->n && c->at[c->head].hi <= now) c->head++, c->n--;
    int64_t t;
    if (calendar_continue(c, from, dur, &t)) return t;
    c->busy += dur;
    t = from;
    const Slot *s = c->at + c->head;
    int i = calendar_find(c, from);
    for (; i < c->n && s[i].lo < t + dur; i++)
        if (s[i].hi > t) t = s[i].hi;
    calendar_insert(c, i, t, t + dur);
    return t;
}

void calendar_free(Calendar *c) { free(c->at); }

/* The bucket of that number, emptied when it still holds an earlier time's use; `late` when it holds a later one's. */
static int64_t *bucket(Buckets *b, int64_t index, int64_t *late) {
    int i = (int)(index % BUCKETS);
    if (b->at[i].stamp > index + 1) { *late = 0; return late; }
    if (b->at[i].stamp != index + 1) { b->at[i].stamp = index + 1; b->at[i].used = 0; }
    return &b->at[i].used;
}

/* All in one bucket that has room for it: most of the time. */
static bool bucket_book(Buckets *b, int64_t lo, int64_t hi, int64_t need) {
    int64_t i = lo / BUCKET_TICKS, end = (i + 1) * BUCKET_TICKS, *used = &b->at[i % BUCKETS].used;
    if (b->at[i % BUCKETS].stamp != i + 1 || lo >= hi || hi > end || need > end - lo || need > BUCKET_TICKS - *used) return false;
    *used += need;
    if (b->last < end - BUCKET_TICKS + *used) b->last = end - BUCKET_TICKS + *used;
    return true;
}

int64_t buckets_book(Buckets *b, int64_t lo, int64_t hi, int64_t need) {
    b->busy += need;
    if (need == 0) return hi;
    if (bucket_book(b, lo, hi, need)) return lo + need > hi ? lo + need : hi;
    if (hi - lo > (BUCKETS - 96) * (int64_t)BUCKET_TICKS) lo = hi - (BUCKETS - 96) * (int64_t)BUCKET_TICKS;
    int64_t left = need, given = 0, end = hi, span = hi > lo ? hi - lo : 1, late;
    for (int64_t i = lo / BUCKET_TICKS; left > 0; i++) {
        int64_t start = i * BUCKET_TICKS, from = start > lo ? start : lo, to = start + BUCKET_TICKS < hi ? start + BUCKET_TICKS : hi;
        int64_t due = to >= hi ? need : (int64_t)((__int128)need * (to - lo) / span);   /* what should be served by `to` */
        int64_t *used = bucket(b, i, &late), time = start + BUCKET_TICKS - from, room = BUCKET_TICKS - *used < time ? BUCKET_TICKS - *used : time;
        int64_t take = due - given < room ? due - given : room;
        if (take <= 0) continue;
        *used += take;
        given += take;
        left -= take;
        int64_t done = start >= hi ? start + *used : from + take;
        if (done > end) end = done;
        if (b->last < start + *used) b->last = start + *used;
    }
    return end;
}

static bool before(const Event *a, const Event *b) {
    if (a->time != b->time) return a->time < b->time;
    if (a->order != b->order) return a->order < b->order;
    return (int32_t)(a->seq - b->seq) < 0;
}

void heap_push(Heap *h, int64_t time, uint32_t order, EventKind kind, void *what) {
    if (h->n == h->cap) {
        h->cap = h->cap ? h->cap * 2 : 256;
        h->at = realloc(h->at, sizeof *h->at * (size_t)h->cap);
        if (!h->at) abort();
    }
    Event e = {time, order, h->seq++, kind, what};
    int i = h->n++;
    for (; i > 0 && before(&e, &h->at[(i - 1) / 2]); i = (i - 1) / 2) h->at[i] = h->at[(i - 1) / 2];
    h->at[i] = e;
}

Event heap_pop(Heap *h) {
    Event top = h->at[0], e = h->at[--h->n];
    int i = 0;
    for (;;) {
        int k = 2 * i + 1;
        if (k >= h->n) break;
        if (k + 1 < h->n && before(&h->at[k + 1], &h->at[k])) k++;
        if (!before(&h->at[k], &e)) break;
        h->at[i] = h->at[k];
        i = k;
    }
    h->at[i] = e;
    return top;
}

void heap_free(Heap *h) { free(h->at); }
