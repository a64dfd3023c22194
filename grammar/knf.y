/* The grammar of .knf (Lemon). Actions are single calls of grammar/build.h.
 *
 * Tokens that are not plain text are made by the reader of tokens (parse.c): T_SEP from line ends and ';', T_CLT for a '<' that
 * opens compile-time arguments, T_PBAR for a '|' directly inside the brackets of a reduction, T_BAD where a faulty part was skipped. */
%name knf
%token_prefix T_
%token_type {Tok}
%extra_context {Build *b}
%stack_size 0
%include {
#include "grammar/build.h"
#include <assert.h>
#include <stdlib.h>
#define YYNOERRORRECOVERY 1
#define YYMALLOCARGTYPE size_t
}

%fallback ID PAD CLAMP TYPE INTEGER BOOL ORDERED STATE STEP MERGE FINAL FOR ON WHEN EXPECT.

/* Loosest first. REDUCTION: a reduction or a scan ends before + and what is looser. BARE: an access without pad or clamp. */
%nonassoc IF ELSE.
%left OR.
%left AND.
%right NOT.
%nonassoc EQ NE LT LE GT GE.
%left BAR.
%left CARET.
%left AMP.
%left SHL SHR.
%left PLUS MINUS.
%right REDUCTION.
%left STAR SLASH FLOORDIV PERCENT.
%right SIGN TILDE.
%nonassoc BARE.
%nonassoc PAD CLAMP.

%type expr {AExpr *}
%type primary {AExpr *}
%type access {AExpr *}
%type literal {AExpr *}
%type constant {AExpr *}
%type padding {AExpr *}
%type call {AExpr *}
%type args {AExpr *}
%type args1 {AExpr *}
%type reduction {AExpr *}
%type scanhead {AExpr *}
%type comb {AExpr *}
%type exprs {AExprs *}
%type exprs1 {AExprs *}
%type operand {AExprs *}
%type constants {AExprs *}
%type iter {AIter}
%type iters {AIters *}
%type where {AIters *}
%type cval {ACval}
%type cargs {ACargs *}
%type cargs1 {ACargs *}

%start_symbol file
file ::= defs.
defs ::= .
defs ::= defs SEP.
defs ::= defs def.
defs ::= defs BAD.
def ::= USE(U) STRING(S).               { build_use(b, U, S); }
def ::= FN(F) ID(N) LPAREN names RPAREN ASSIGN expr(E).  { build_fn(b, F, N, E); }

names ::= .                             { build_names_start(b); }
names ::= names1.
names1 ::= ID(N).                       { build_names_start(b); build_name(b, N); }
names1 ::= names1 COMMA ID(N).          { build_name(b, N); }

/* ---- kernels ---- */

def ::= khead LBRACE body RBRACE(R).    { build_kernel_end(b, R); }
khead ::= KERNEL(K) BAD.                { build_kernel(b, K, (Tok){0}); }
khead ::= kname BAD.
khead ::= khead BAD.

khead ::= kname kparams LPAREN params(I) RPAREN ARROW LPAREN params(O) RPAREN(R).  { build_kernel_head(b, I, O, NULL, R); }
khead ::= kname kparams LPAREN params(I) RPAREN ARROW LPAREN params(O) RPAREN(R) WHERE exprs1(F).
                                        { build_kernel_head(b, I, O, F, R); }
kname ::= KERNEL(K) ID(N).              { build_kernel(b, K, N); }
kparams ::= .
kparams ::= langle cparams GT.
langle ::= LT.
langle ::= CLT.
cparams ::= cparam.
cparams ::= cparams COMMA cparam.
cparam ::= ID(N) COLON ckind(K).                  { build_cparam(b, N, K, NULL); }
cparam ::= ID(N) COLON ckind(K) ASSIGN cval(V).   { build_cparam(b, N, K, &V); }
%type ckind {ACKind}
ckind(K) ::= TYPE.                      { K = ACK_TYPE; }
ckind(K) ::= INTEGER.                   { K = ACK_INT; }
ckind(K) ::= BOOL.                      { K = ACK_BOOL; }
ckind(K) ::= FN.                        { K = ACK_FN; }
cval(V) ::= ID(N).                      { V = build_cval_name(b, N); }
cval(V) ::= TRUE(N).                    { V = build_cval_name(b, N); }
cval(V) ::= FALSE(N).                   { V = build_cval_name(b, N); }
cval(V) ::= INT(N).                     { V = build_cval_int(b, N, N, 1); }
cval(V) ::= MINUS(M) INT(N).            { V = build_cval_int(b, M, N, -1); }

%type params {AParams *}
%type params1 {AParams *}
%type param {AParam *}
%type shaped {AParam *}
%type ranged {AParam *}
params(L) ::= .                         { L = build_params(b); }
params(L) ::= params1(A).               { L = A; }
params1(L) ::= param(P).                { L = build_params(b); build_param_add(b, L, P); }
params1(L) ::= params1(A) COMMA param(P).   { L = A; build_param_add(b, L, P); }
param(P) ::= ranged(A).                 { P = A; }
param(P) ::= ranged(A) ASSIGN constant(E).  { P = build_param_value(A, E); }
ranged(P) ::= shaped(A).                { P = A; }
ranged(P) ::= shaped(A) IN expr(L) DOTDOT expr(H) policy(W).   { P = build_param_range(b, A, L, H, W); }
shaped(P) ::= ID(N) COLON dtype(D).     { P = build_param(b, N, D); }
shaped(P) ::= ID(N) COLON dtype(D) LBRACKET exprs(S) RBRACKET(R).  { P = build_param_shape(build_param(b, N, D), S, R); }
%type dtype {Tok}
dtype(D) ::= ID(N).                     { D = N; }
%type policy {Tok}
policy(W) ::= CHECK(T).                 { W = T; }
policy(W) ::= CLAMP(T).                 { W = T; }
policy(W) ::= ASSUME(T).                { W = T; }

body ::= stmts.
body ::= stmts stmt.
stmts ::= .
stmts ::= stmts SEP.
stmts ::= stmts stmt SEP.
stmt ::= BAD.
stmt ::= lhs(S) ASSIGN expr(E) where(W).                  { build_def(b, S, NULL, E, W); }
stmt ::= lhs(S) COLON dtype(D) ASSIGN expr(E) where(W).   { build_def(b, S, &D, E, W); }
stmt ::= CHECK(K) expr(E) where(W).     { build_claim(b, AS_CHECK, K, E, W); }
stmt ::= ASSUME(K) expr(E) where(W).    { build_claim(b, AS_ASSUME, K, E, W); }
where(W) ::= .                          { W = NULL; }
where(W) ::= WHERE iters(L).            { W = L; }

%type lhs {AStmt *}
%type tuple {AStmt *}
%type target {ATarget}
lhs(S) ::= target(T).                   { S = build_stmt(b, T.span); build_target_add(b, S, T); }
lhs(S) ::= tuple(A) RPAREN(R).          { S = A; build_tuple_end(b, S, R); }
tuple(S) ::= LPAREN(P) target(T) COMMA target(U).
                                        { S = build_stmt(b, build_span(b, P)); build_target_add(b, S, T); build_target_add(b, S, U); }
tuple(S) ::= tuple(A) COMMA target(T).  { S = A; build_target_add(b, S, T); }
target(T) ::= ID(N).                    { T = build_target(b, N, NULL, N); }
target(T) ::= ID(N) LBRACKET exprs(S) RBRACKET(R).  { T = build_target(b, N, S, R); }

/* ---- expressions ---- */

exprs(L) ::= .                          { L = build_exprs(b, NULL); }
exprs(L) ::= exprs1(A).                 { L = A; }
exprs1(L) ::= expr(E).                  { L = build_exprs(b, E); }
exprs1(L) ::= exprs1(A) COMMA expr(E).  { L = build_expr_add(b, A, E); }

expr(X) ::= IF(K) expr(C) THEN expr(T) ELSE expr(E). [IF]  { X = build_if(b, K, C, T, E); }
expr(X) ::= expr(L) OR(O) expr(R).      { X = build_binary(b, O, L, R); }
expr(X) ::= expr(L) AND(O) expr(R).     { X = build_binary(b, O, L, R); }
expr(X) ::= NOT(O) expr(R).             { X = build_unary(b, O, R); }
expr(X) ::= expr(L) EQ|NE|LT|LE|GT|GE(O) expr(R).  { X = build_binary(b, O, L, R); }
expr(X) ::= expr(L) BAR(O) expr(R).     { X = build_binary(b, O, L, R); }
expr(X) ::= expr(L) CARET(O) expr(R).   { X = build_binary(b, O, L, R); }
expr(X) ::= expr(L) AMP(O) expr(R).     { X = build_binary(b, O, L, R); }
expr(X) ::= expr(L) SHL|SHR(O) expr(R). { X = build_binary(b, O, L, R); }
expr(X) ::= expr(L) PLUS|MINUS(O) expr(R).  { X = build_binary(b, O, L, R); }
expr(X) ::= reduction(A) operand(L). [REDUCTION]  { X = build_operands(b, A, L); }
expr(X) ::= expr(L) STAR|SLASH|FLOORDIV|PERCENT(O) expr(R).  { X = build_binary(b, O, L, R); }
expr(X) ::= MINUS(O) expr(R). [SIGN]    { X = build_unary(b, O, R); }
expr(X) ::= TILDE(O) expr(R).           { X = build_unary(b, O, R); }
expr(X) ::= primary(A).                 { X = A; }

operand(L) ::= expr(E). [REDUCTION]     { L = build_exprs(b, E); }
operand(L) ::= LPAREN expr(E) COMMA exprs1(A) RPAREN(R).  { L = build_operand_list(b, E, A, R); }

comb(X) ::= SUM|PROD|MEAN|ANY|ALL|ARGMAX|ARGMIN(T).  { X = build_reduction(b, T, T, false); }
comb(X) ::= MAX(T).                     { X = build_reduction(b, T, T, false); }
comb(X) ::= MIN(T).                     { X = build_reduction(b, T, T, false); }
comb(X) ::= REDUCE(K) ID(N).            { X = build_reduction(b, K, N, true); }
%type typed {AExpr *}
typed(X) ::= comb(A).                   { X = A; }
typed(X) ::= comb(A) LT dtype(D) GT.    { X = A; X->name = build_aname(b, D); }
reduction(X) ::= typed(A) LBRACKET iters(I) RBRACKET(R).    { X = build_reduction_over(b, A, I, NULL, R); }
reduction(X) ::= typed(A) LBRACKET iters(I) PBAR expr(P) RBRACKET(R).  { X = build_reduction_over(b, A, I, P, R); }
reduction(X) ::= SCAN(K) typed(A) LBRACKET ID(E) LT|LE|GT|GE(R) ID(D) RBRACKET.  { X = build_scan(b, K, A, E, R, D); }

iters(L) ::= iter(I).                   { L = build_iters(b, NULL, I); }
iters(L) ::= iters(A) COMMA iter(I).    { L = build_iters(b, A, I); }
iter(I) ::= ID(N).                      { I = build_iter(b, N, NULL, NULL); }
iter(I) ::= ID(N) IN expr(L) DOTDOT expr(H).  { I = build_iter(b, N, L, H); }

primary(X) ::= literal(A).              { X = A; }
primary(X) ::= ID(N).                   { X = build_expr_name(b, N); }
primary(X) ::= ID(N) DOT ID(F).         { X = build_field(b, N, F); }
primary(X) ::= access(A). [BARE]        { X = A; }
primary(X) ::= access(A) PAD padding(P).    { X = build_pad(b, A, P); }
primary(X) ::= access(A) CLAMP(C).      { X = build_clamp(b, A, C); }
primary(X) ::= call(A).                 { X = A; }
primary(X) ::= SAT(K) LT dtype(D) GT LPAREN expr(E) RPAREN(R).  { X = build_sat(b, K, D, E, R); }
primary(X) ::= LPAREN(L) expr(E) RPAREN(R).  { X = build_parens(b, L, E, R); }
access(X) ::= ID(N) LBRACKET exprs(L) RBRACKET(R).  { X = build_access(b, N, L, R); }
padding(X) ::= primary(A).              { X = A; }
padding(X) ::= MINUS(O) primary(A).     { X = build_unary(b, O, A); }

call(X) ::= ID(N) LPAREN args(A) RPAREN(R).           { X = build_call(b, N, NULL, A, R); }
call(X) ::= MAX(N) LPAREN args(A) RPAREN(R).          { X = build_call(b, N, NULL, A, R); }
call(X) ::= MIN(N) LPAREN args(A) RPAREN(R).          { X = build_call(b, N, NULL, A, R); }
call(X) ::= ID(N) cargs(C) LPAREN args(A) RPAREN(R).  { X = build_call(b, N, C, A, R); }
args(L) ::= .                           { L = build_args(b); }
args(L) ::= args1(A).                   { L = A; }
args1(L) ::= expr(E).                   { L = build_args(b); build_arg(b, L, NULL, E); }
args1(L) ::= ID(N) ASSIGN expr(E).      { L = build_args(b); build_arg(b, L, &N, E); }
args1(L) ::= args1(A) COMMA expr(E).    { L = A; build_arg(b, L, NULL, E); }
args1(L) ::= args1(A) COMMA ID(N) ASSIGN expr(E).  { L = A; build_arg(b, L, &N, E); }
cargs(L) ::= CLT cargs1(A) GT.          { L = A; }
cargs1(L) ::= ID(N) ASSIGN cval(V).     { L = build_carg(b, NULL, N, V); }
cargs1(L) ::= cargs1(A) COMMA ID(N) ASSIGN cval(V).  { L = build_carg(b, A, N, V); }

literal(X) ::= INT|FLOAT|TRUE|FALSE|INF|NAN|PI(T).  { X = build_literal(b, T); }
constant(X) ::= literal(A).             { X = A; }
constant(X) ::= MINUS(O) literal(A).    { X = build_unary(b, O, A); }
constants(L) ::= constant(E).           { L = build_exprs(b, E); }
constants(L) ::= constants(A) COMMA constant(E).  { L = build_expr_add(b, A, E); }

/* ---- combinators ---- */

def ::= chead LBRACE sections RBRACE(R).  { build_comb_end(b, R); }
chead ::= COMBINATOR(K) BAD.            { build_comb(b, K, (Tok){0}); }
chead ::= cname BAD.
chead ::= chead BAD.
chead ::= cname LPAREN plains(I) RPAREN ARROW LPAREN plains(O) RPAREN ordered.  { build_comb_params(b, I, O); }
cname ::= COMBINATOR(K) ID(N).          { build_comb(b, K, N); }
ordered ::= .
ordered ::= ORDERED.                    { build_comb_ordered(b); }
%type plains {AParams *}
plains(L) ::= plain(P).                 { L = build_params(b); build_param_add(b, L, P); }
plains(L) ::= plains(A) COMMA plain(P). { L = A; build_param_add(b, L, P); }
%type plain {AParam *}
plain(P) ::= ID(N) COLON dtype(D).      { P = build_param(b, N, D); }
sections ::= .
sections ::= sections SEP.
sections ::= sections section.
sections ::= sections BAD.                      { build_section_bad(b); }
section ::= STATE(K) stinits.                   { build_section(b, K, COMB_STATE); }
section ::= STEP(K) block(L).                   { build_section(b, K, COMB_STEP); build_step(b, L); }
section ::= MERGE(K) LPAREN ID(N) RPAREN block(L).  { build_section(b, K, COMB_MERGE); build_merge(b, N, L); }
section ::= FINAL(K) LPAREN exprs1(L) RPAREN.   { build_section(b, K, COMB_FINAL); build_final(b, L); }
stinits ::= stinit.
stinits ::= stinits COMMA stinit.
stinit ::= ID(N) ASSIGN expr(E).                { build_state(b, N, NULL, E); }
stinit ::= ID(N) COLON dtype(D) ASSIGN expr(E). { build_state(b, N, &D, E); }
stinit ::= BAD.
%type block {ABlock *}
%type assigns {ABlock *}
block(L) ::= LBRACE assigns(A) RBRACE.              { L = A; }
block(L) ::= LBRACE assigns(A) ID(N) ASSIGN expr(E) RBRACE.  { L = A; build_assign(b, L, N, E); }
block(L) ::= LBRACE assigns(A) BAD RBRACE.          { L = A; }
assigns(L) ::= .                                    { L = build_block(b); }
assigns(L) ::= assigns(A) SEP.                      { L = A; }
assigns(L) ::= assigns(A) BAD SEP.                  { L = A; }
assigns(L) ::= assigns(A) ID(N) ASSIGN expr(E) SEP. { L = A; build_assign(b, L, N, E); }

/* ---- schedules ---- */

def ::= shead LBRACE directives(L) RBRACE(R).       { build_schedule_end(b, L, R); }
shead ::= SCHEDULE(K) ID(N) FOR ID(F) cargsopt(C) on(M).  { build_schedule(b, K, N, F, C, M); }
shead ::= SCHEDULE(K) BAD.                          { build_schedule(b, K, (Tok){0}, (Tok){0}, NULL, (Tok){0}); }
%type cargsopt {ACargs *}
cargsopt(L) ::= .                                   { L = NULL; }
cargsopt(L) ::= cargs(A).                           { L = A; }
%type on {Tok}
on(T) ::= .                                         { T = (Tok){0}; }
on(T) ::= ON ID(N).                                 { T = N; }
%type directives {ADirectives *}
%type directives1 {ADirectives *}
%type directive {ADirective *}
directives(L) ::= directives1(A).                   { L = A; }
directives(L) ::= directives1(A) directive(D).      { L = A; build_directive_add(b, L, D); }
directives1(L) ::= .                                { L = build_directives(b); }
directives1(L) ::= directives1(A) SEP.              { L = A; }
directives1(L) ::= directives1(A) directive(D) SEP. { L = A; build_directive_add(b, L, D); }
directive(D) ::= BAD.                               { D = NULL; }
directive(D) ::= ID(W) clauses(C).                  { D = build_directive(b, W, C); }
directive(D) ::= WHEN(K) expr(E) LBRACE directives(L) RBRACE(R).  { D = build_when(b, K, E, L, R); }
%type clauses {AClauses *}
%type clauses1 {AClauses *}
%type clause {AAtoms *}
%type atoms {AAtoms *}
%type atom {AAtom *}
%type dotted {AAtom *}
clauses(L) ::= .                                    { L = build_clauses(b, NULL, NULL); }
clauses(L) ::= clauses1(A).                         { L = A; }
clauses1(L) ::= clause(C).                          { L = build_clauses(b, NULL, C); }
clauses1(L) ::= clauses1(A) COMMA clause(C).        { L = build_clauses(b, A, C); }
clause(L) ::= atom(A).                              { L = build_atoms(b, NULL, A); }
clause(L) ::= clause(A) atom(B).                    { L = build_atoms(b, A, B); }
atoms(L) ::= atom(A).                               { L = build_atoms(b, NULL, A); }
atoms(L) ::= atoms(A) COMMA atom(B).                { L = build_atoms(b, A, B); }
atom(A) ::= dotted(D).                              { A = D; }
atom(A) ::= INT|FLOAT(T).                           { A = build_atom_number(b, T); }
atom(A) ::= ARROW(T).                               { A = build_atom(b, AA_ARROW, T, T, NULL); }
atom(A) ::= LPAREN(L) atoms(I) RPAREN(R).           { A = build_atom(b, AA_GROUP, L, R, I); }
atom(A) ::= LBRACE(L) atoms(I) RBRACE(R).           { A = build_atom(b, AA_SET, L, R, I); }
dotted(A) ::= word(W).                              { A = build_atom_name(b, NULL, W); }
dotted(A) ::= dotted(B) DOT word(W).                { A = build_atom_name(b, B, W); }
%type word {Tok}
word(W) ::= ID(T).                                  { W = T; }
word(W) ::= WHERE|IN|CHECK|ASSUME|IF|THEN|ELSE|AND|OR|NOT|SCAN|REDUCE|SAT|SUM|PROD|MAX|MIN|MEAN|ANY|ALL|ARGMAX|ARGMIN
            |TRUE|FALSE|INF|NAN|PI(T).              { W = T; }

/* ---- tests ---- */

def ::= thead LBRACE cases RBRACE(R).               { build_test_end(b, R); }
thead ::= TEST(K) ID(N) cargsopt(C) on(M).          { build_test(b, K, N, C, M); }
thead ::= TEST(K) BAD.                              { build_test(b, K, (Tok){0}, NULL, (Tok){0}); }
cases ::= cases1.
cases ::= cases1 case.
cases1 ::= .
cases1 ::= cases1 SEP.
cases1 ::= cases1 case SEP.
cases1 ::= cases1 case COMMA.
case ::= BAD.
case ::= ID(N) ASSIGN data(D).                      { build_case_data(b, AC_VALUE, N, N, D); }
case ::= EXPECT(K) ID(N) ASSIGN data(D).            { build_case_data(b, AC_EXPECT, K, N, D); }
case ::= ID(N) IN LBRACE constants(L) RBRACE(R).    { build_case_values(b, AC_SET, N, N, L, R); }
case ::= ID(N) TILDE ID(W) LPAREN RPAREN(R).        { build_case_values(b, AC_RANDOM, N, W, NULL, R); }
case ::= ID(N) TILDE ID(W) LPAREN constants(L) RPAREN(R).  { build_case_values(b, AC_RANDOM, N, W, L, R); }
%type data {AData *}
%type datas {AData *}
data(D) ::= constant(E).                            { D = build_data(b, E); }
data(D) ::= LBRACKET(L) RBRACKET(R).                { D = build_data_list(b, L, NULL); build_data_end(b, D, R); }
data(D) ::= datas(A) RBRACKET(R).                   { D = A; build_data_end(b, D, R); }
datas(D) ::= LBRACKET(L) data(E).                   { D = build_data_list(b, L, E); }
datas(D) ::= datas(A) COMMA data(E).                { D = A; build_data_add(b, D, E); }

/* ---- machines ---- */

def ::= mhead LBRACE entries(L) RBRACE(R).          { build_machine_end(b, L, R); }
mhead ::= MACHINE(K) ID(N).                         { build_machine(b, K, N); }
mhead ::= MACHINE(K) BAD.                           { build_machine(b, K, (Tok){0}); }
%type entries {AEntries *}
%type entries1 {AEntries *}
%type entry {AEntry *}
entries(L) ::= entries1(A).                         { L = A; }
entries(L) ::= entries1(A) entry(E).                { L = A; build_entry_add(b, L, E); }
entries1(L) ::= .                                   { L = build_entries(b); }
entries1(L) ::= entries1(A) SEP.                    { L = A; }
entries1(L) ::= entries1(A) entry(E) SEP.           { L = A; build_entry_add(b, L, E); }
entry(E) ::= BAD.                                   { E = NULL; }
entry(E) ::= property(P).                           { E = P; }
entry(E) ::= meaning(M).                            { E = M; }
entry(E) ::= meaning(M) STRING(S).                  { E = build_entry_source(b, M, S); }
entry(E) ::= property(P) STRING(S).                 { E = build_entry_source(b, P, S); }
entry(E) ::= word(K) LBRACE entries(L) RBRACE(R).   { E = build_group(b, K, NULL, L, R); }
entry(E) ::= word(K) word(N) LBRACE entries(L) RBRACE(R).  { E = build_group(b, K, &N, L, R); }
%type meaning {AEntry *}
meaning(M) ::= ID(N) LBRACKET exprs(S) RBRACKET(R) ASSIGN expr(V).  { M = build_meaning(b, build_target(b, N, S, R), V); }
%type property {AEntry *}
property(P) ::= word(K) value(V).                   { P = build_entry(b, K); build_value_add(b, P, V); }
property(P) ::= property(A) COMMA value(V).         { P = A; build_value_add(b, P, V); }
%type value {AValue}
%type amount {AValue}
%type number {Tok}
value(V) ::= word(N).                               { V = build_value_name(b, N); }
value(V) ::= FN(N).                                 { V = build_value_name(b, N); }
value(V) ::= amount(A).                             { V = A; }
value(V) ::= word(N) amount(A).                     { V = build_value_prefix(b, A, N); }
amount(V) ::= number(N).                            { V = build_value_number(b, N, NULL, NULL); }
amount(V) ::= number(N) word(U).                    { V = build_value_number(b, N, &U, NULL); }
amount(V) ::= number(N) word(U) SLASH word(P).      { V = build_value_number(b, N, &U, &P); }
number(N) ::= INT(T).                               { N = T; }
number(N) ::= FLOAT(T).                             { N = T; }

/* ---- an expression alone: the reader puts the token that no text has in front of it ---- */

file ::= EXPRESSION expr(E).                        { b->expr = E; }

%code {
/* The parser's stack as the errors see it: see grammar/build.h. */

int knf_depth(const void *parser) {
    const yyParser *p = parser;
    return (int)(p->yytos - p->yystack);
}

void knf_pop(void *parser) { yy_pop_parser_stack(parser); }

/* A walk of the tables: the real stack up to `base`, and what would stand on it. */
typedef struct Walk { const yyParser *p; long base; int n; YYACTIONTYPE state[64]; } Walk;

static YYACTIONTYPE walk_top(const Walk *w) { return w->n ? w->state[w->n - 1] : w->p->yystack[w->base].stateno; }

static void walk_reduce(Walk *w, YYACTIONTYPE rule) {
    int size = -yyRuleInfoNRhs[rule], own = size < w->n ? size : w->n;
    w->n -= own;
    w->base -= size - own;
    YYACTIONTYPE next = yy_find_reduce_action(walk_top(w), (YYCODETYPE)yyRuleInfoLhs[rule]);
    w->state[w->n++] = next;
}

bool knf_accepts(const void *parser, int drop, const int *codes, int n) {
    Walk w = {.p = parser, .base = knf_depth(parser) - drop};
    for (int i = 0; i < n; i++) {
        YYACTIONTYPE act;
        while ((act = yy_find_shift_action((YYCODETYPE)codes[i], walk_top(&w))) >= YY_MIN_REDUCE) {
            if (w.n == 63) return false;
            walk_reduce(&w, (YYACTIONTYPE)(act - YY_MIN_REDUCE));
        }
        if (act == YY_ACCEPT_ACTION) return true;
        if (act > YY_MAX_SHIFTREDUCE || w.n == 63) return false;
        w.state[w.n++] = (YYACTIONTYPE)(act > YY_MAX_SHIFT ? act + YY_MIN_REDUCE - YY_MIN_SHIFTREDUCE : act);
    }
    return true;
}
}
