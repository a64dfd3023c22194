#include "lower/propose.h"

ScheduleItem *propose(Proposal *p, ScheduleWord word, Name name) {
    const char *text = arena_printf(p->a, "%s %s", schedule_word(word), name);
    const Source *s = source_of_text(p->a, "schedule", text, strlen(text));
    vec_push(p->a, &p->items, ((ScheduleItem){.word = word, .span = {s, 0, (uint32_t)s->size}, .share = -1, .block = p->block}));
    ScheduleItem *x = &p->items.at[p->items.n - 1];
    propose_name(p, x, name);
    return x;
}

Name propose_stmt(const Proposal *p, const Stmt *s) { return sched_label(p->a, p->k, s); }

Name propose_axis(const Proposal *p, const Stmt *s, int q) {
    return arena_printf(p->a, "%s.%s", propose_stmt(p, s), sched_axis_label(p->a, s, sched_axis_at(s, q)));
}

Name propose_tensor(const Proposal *p, const Stmt *s, const Tensor *t) { return arena_printf(p->a, "%s.%s", propose_stmt(p, s), t->name); }

static bool same_names(const ScheduleItem *x, const ScheduleItem *y) {
    for (int i = 0; i < x->names.n; i++)
        for (int j = 0; j < y->names.n; j++)
            if (!strcmp(x->names.at[i].text, y->names.at[j].text)) return true;
    return false;
}

static bool clashes(const ScheduleItem *x, const ScheduleItem *y) {
    static const ScheduleWord pairs[][2] = {{S_FUSE, S_STORE}, {S_KEEP, S_STAGE}, {S_BUFFERS, S_STAGE}};
    bool kin = x->word == y->word;
    for (size_t p = 0; p < sizeof pairs / sizeof *pairs; p++) kin |= (x->word == pairs[p][0] && y->word == pairs[p][1]) || (x->word == pairs[p][1] && y->word == pairs[p][0]);
    return kin && x->block == y->block && same_names(x, y);
}

bool propose_clashes(const Proposal *p, const Schedule *s) {
    for (int i = 0; i < s->items.n; i++)
        for (int n = 0; n < p->items.n; n++)
            if (clashes(&p->items.at[n], &s->items.at[i])) return true;
    return false;
}

void propose_add(const Proposal *p, Schedule *s) {
    for (int n = 0; n < p->items.n; n++) vec_push(p->a, &s->items, p->items.at[n]);
}
