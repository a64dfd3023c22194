#include "tool/tool.h"
int cmd_fmt(Tool *t) { (void)t; return 2; }
