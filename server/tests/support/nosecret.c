/* Loaded into a server under test: a kernel without memfd_secret. Every other call goes on as it is. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>

#define MEMFD_SECRET 447

long syscall(long number, ...) {
    static long (*real)(long, ...);
    long is[6];
    va_list all;
    va_start(all, number);
    for (int i = 0; i < 6; i++) is[i] = va_arg(all, long);
    va_end(all);
    if (number == MEMFD_SECRET) {
        errno = ENOSYS;
        return -1;
    }
    if (!real) real = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
    return real(number, is[0], is[1], is[2], is[3], is[4], is[5]);
}
