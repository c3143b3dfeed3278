/* Loaded into a server under test: its wall clock shows what the machine's does, plus the seconds that stand in the
 * file CONCLAVE_TEST_CLOCK. All other clocks run as they do. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static volatile const long long *ahead;

__attribute__((constructor)) static void hang(void) {
    const char *path = getenv("CONCLAVE_TEST_CLOCK");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) abort();
    void *mapped = mmap(NULL, sizeof *ahead, PROT_READ, MAP_SHARED, file, 0);
    if (mapped == MAP_FAILED) abort();
    ahead = mapped;
    close(file);
}

int clock_gettime(clockid_t which, struct timespec *shown) {
    int done = syscall(SYS_clock_gettime, which, shown);
    if (done == 0 && which == CLOCK_REALTIME && ahead) shown->tv_sec += *ahead;
    return done;
}
