#include "CPlatform.h"

// The package manager wants one C file in a C target; layouts that Swift code relies on are pinned here.
_Static_assert(sizeof(void *) == 8, "CleanQ is written for 64-bit machines");
