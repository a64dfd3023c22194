/* The softmax of softmax.c with f32 rows. */
#define ELEMENT PE_F32
#define NAME "softmax_f32"
enum { SIZE = 4 };
#include "softmax.c"
