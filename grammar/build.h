/* The actions of the grammar: each makes one piece of the tree. */
#pragma once
#include "base/diag.h"
#include "dsl/ast.h"
#include "grammar/token.h"

enum {
    TREE_DEPTH_MAX = 2000,       /* levels of an expression: what recursive readers must bear */
    TREE_NODES_MAX = 1 << 20     /* expressions in a file */
};

/* The sections of a combinator, in the order that they stand in. */
typedef enum CombSection { COMB_NONE, COMB_STATE, COMB_STEP, COMB_MERGE, COMB_FINAL, COMB_SECTIONS } CombSection;

typedef VEC(AParam) AParams;
typedef VEC(AEntry *) AEntries;
typedef VEC(ADirective *) ADirectives;

typedef struct Build {
    Arena *arena;
    Names *names;
    Diags *diags;
    const Source *source;
    AFile *file;
    AFn *fn;                     /* what is being built */
    AKernel *kernel;
    AComb *comb;
    CombSection section;         /* of comb, the last one */
    bool has_section[COMB_SECTIONS], bad_section;
    ASchedule *schedule;
    ATest *test;
    AMachine *machine;
    AExpr *expr;                 /* an expression that is read alone */
    int n_nodes;
    bool too_deep, too_many;     /* has been reported */
    VEC(AName) fn_params;
} Build;

Span build_span(Build *b, Tok t);
AName build_aname(Build *b, Tok t);

void build_use(Build *b, Tok keyword, Tok path);
void build_names_start(Build *b);
void build_name(Build *b, Tok name);
void build_fn(Build *b, Tok keyword, Tok name, AExpr *body);

void build_kernel(Build *b, Tok keyword, Tok name);
void build_kernel_head(Build *b, AParams *inputs, AParams *outputs, AExprs *facts, Tok close);
void build_kernel_end(Build *b, Tok close);
void build_cparam(Build *b, Tok name, ACKind kind, const ACval *value);
ACval build_cval_name(Build *b, Tok name);
ACval build_cval_int(Build *b, Tok first, Tok number, int sign);
AParams *build_params(Build *b);
void build_param_add(Build *b, AParams *list, AParam *p);
AParam *build_param(Build *b, Tok name, Tok dtype);
AParam *build_param_shape(AParam *p, AExprs *shape, Tok close);
AParam *build_param_range(Build *b, AParam *p, AExpr *lo, AExpr *hi, Tok policy);
AParam *build_param_value(AParam *p, AExpr *value);
AStmt *build_stmt(Build *b, Span at);
void build_target_add(Build *b, AStmt *s, ATarget t);
void build_tuple_end(Build *b, AStmt *s, Tok close);
ATarget build_target(Build *b, Tok name, AExprs *subs, Tok last);
void build_def(Build *b, AStmt *s, const Tok *dtype, AExpr *value, AIters *where);
void build_claim(Build *b, AStmtKind kind, Tok keyword, AExpr *condition, AIters *where);

AExprs *build_exprs(Build *b, AExpr *first);     /* NULL: an empty list */
AExprs *build_expr_add(Build *b, AExprs *list, AExpr *e);
AExpr *build_if(Build *b, Tok keyword, AExpr *condition, AExpr *yes, AExpr *no);
AExpr *build_binary(Build *b, Tok op, AExpr *left, AExpr *right);
AExpr *build_unary(Build *b, Tok op, AExpr *operand);
AExpr *build_parens(Build *b, Tok open, AExpr *e, Tok close);
AExprs *build_operand_list(Build *b, AExpr *first, AExprs *rest, Tok close);
AExpr *build_operands(Build *b, AExpr *reduction, AExprs *operands);
AExpr *build_reduction(Build *b, Tok first, Tok comb, bool is_reduce);
AExpr *build_reduction_over(Build *b, AExpr *reduction, AIters *iters, AExpr *pred, Tok close);
AExpr *build_scan(Build *b, Tok keyword, AExpr *reduction, Tok index, Tok relation, Tok along);
AIters *build_iters(Build *b, AIters *list, AIter iter);
AIter build_iter(Build *b, Tok name, AExpr *lo, AExpr *hi);
AExpr *build_literal(Build *b, Tok t);
AExpr *build_expr_name(Build *b, Tok name);
AExpr *build_field(Build *b, Tok name, Tok field);
AExpr *build_access(Build *b, Tok name, AExprs *subs, Tok close);
AExpr *build_pad(Build *b, AExpr *access, AExpr *value);
AExpr *build_clamp(Build *b, AExpr *access, Tok keyword);
AExpr *build_sat(Build *b, Tok keyword, Tok dtype, AExpr *operand, Tok close);
AExpr *build_args(Build *b);
void build_arg(Build *b, AExpr *call, const Tok *name, AExpr *value);
AExpr *build_call(Build *b, Tok name, ACargs *cargs, AExpr *args, Tok close);
ACargs *build_carg(Build *b, ACargs *list, Tok name, ACval value);

void build_comb(Build *b, Tok keyword, Tok name);
void build_comb_params(Build *b, AParams *inputs, AParams *outputs);
void build_comb_ordered(Build *b);
void build_section(Build *b, Tok keyword, CombSection section);          /* reports what is out of order, missing or twice */
void build_section_bad(Build *b);
void build_comb_end(Build *b, Tok close);                                /* reports sections that are not there */
void build_state(Build *b, Tok name, const Tok *dtype, AExpr *init);
ABlock *build_block(Build *b);
void build_assign(Build *b, ABlock *block, Tok name, AExpr *value);
void build_step(Build *b, ABlock *block);
void build_merge(Build *b, Tok other, ABlock *block);
void build_final(Build *b, AExprs *values);

void build_schedule(Build *b, Tok keyword, Tok name, Tok kernel, ACargs *cargs, Tok machine);
void build_schedule_end(Build *b, ADirectives *list, Tok close);
ADirectives *build_directives(Build *b);
void build_directive_add(Build *b, ADirectives *list, ADirective *d);    /* NULL: a faulty one, left out */
ADirective *build_directive(Build *b, Tok word, AClauses *clauses);
ADirective *build_when(Build *b, Tok keyword, AExpr *guard, ADirectives *body, Tok close);
AClauses *build_clauses(Build *b, AClauses *list, AAtoms *clause);
AAtoms *build_atoms(Build *b, AAtoms *list, AAtom *atom);
AAtom *build_atom(Build *b, AAtomKind kind, Tok first, Tok last, AAtoms *items);
AAtom *build_atom_number(Build *b, Tok t);
AAtom *build_atom_name(Build *b, AAtom *before, Tok word);

void build_test(Build *b, Tok keyword, Tok kernel, ACargs *cargs, Tok machine);
void build_test_end(Build *b, Tok close);
void build_case_data(Build *b, ACaseKind kind, Tok first, Tok name, AData *data);
void build_case_values(Build *b, ACaseKind kind, Tok name, Tok law, AExprs *values, Tok close);
AData *build_data(Build *b, AExpr *value);
AData *build_data_list(Build *b, Tok open, AData *first);
void build_data_add(Build *b, AData *list, AData *d);
void build_data_end(Build *b, AData *list, Tok close);

void build_machine(Build *b, Tok keyword, Tok name);
void build_machine_end(Build *b, AEntries *entries, Tok close);
AEntries *build_entries(Build *b);
void build_entry_add(Build *b, AEntries *list, AEntry *e);               /* NULL: a faulty one, left out */
AEntry *build_entry(Build *b, Tok key);
void build_value_add(Build *b, AEntry *e, AValue v);
AEntry *build_meaning(Build *b, ATarget target, AExpr *value);
AEntry *build_entry_source(Build *b, AEntry *e, Tok source);
AEntry *build_group(Build *b, Tok key, const Tok *label, AEntries *entries, Tok close);
AValue build_value_name(Build *b, Tok name);
AValue build_value_prefix(Build *b, AValue v, Tok name);
AValue build_value_number(Build *b, Tok number, const Tok *unit, const Tok *per);

/* The generated parser. knf_accepts: would it take these n tokens next, were the `drop` topmost entries of its stack not there?
 * It does not move. knf_depth: the entries of its stack. */
void *knfAlloc(void *(*alloc)(size_t), Build *b);
void knfFree(void *parser, void (*release)(void *));
void knf(void *parser, int code, Tok token);
bool knf_accepts(const void *parser, int drop, const int *codes, int n);
int knf_depth(const void *parser);
void knf_pop(void *parser);
