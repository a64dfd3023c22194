/* c[M, N] = a[M, K] b[K, N], i8 with exact i32 sums: the program of matmul.c with other types. */
#define ELEMENT PE_I8
#define RESULT PE_I32
#define NAME "matmul_i8"
enum { SIZE = 1, RESULT_SIZE = 4 };
#include "matmul.c"
