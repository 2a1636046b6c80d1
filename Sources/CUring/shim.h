// liburing.h wants _GNU_SOURCE, under which sys/select.h gives fd_set a member of another name than in the Glibc module
// that Swift imports; two definitions do not go together. So fd_set is defined the way of that module first.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <features.h>
#pragma push_macro("__USE_XOPEN")
#undef __USE_XOPEN
#include <sys/select.h>
#pragma pop_macro("__USE_XOPEN")
#include <liburing.h>
