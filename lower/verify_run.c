/* What the rules leave open, decided by execution of the index skeleton. */
#include "lower/verify_impl.h"

bool verify_run(Verify *v) { return verify_fault(v, "nothing shows %s", v->doubt); }
