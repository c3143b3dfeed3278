/* Loaded into a program under test: its clocks show what the machine's do, plus the seconds that stand in the file
 * CONCLAVE_TEST_CLOCK. There are two numbers: by the first the wall clock alone is ahead, by the second time has passed,
 * for the wall clock and for the one since boot. All other clocks run as they do. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct hands {
    long long ahead, passed;
};

static volatile const struct hands *hands;

__attribute__((constructor)) static void hang(void) {
    const char *path = getenv("CONCLAVE_TEST_CLOCK");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) abort();
    void *mapped = mmap(NULL, sizeof *hands, PROT_READ, MAP_SHARED, file, 0);
    if (mapped == MAP_FAILED) abort();
    hands = mapped;
    close(file);
}

int clock_gettime(clockid_t which, struct timespec *shown) {
    int done = syscall(SYS_clock_gettime, which, shown);
    if (done == 0 && hands) {
        if (which == CLOCK_REALTIME) shown->tv_sec += hands->ahead + hands->passed;
        if (which == CLOCK_BOOTTIME) shown->tv_sec += hands->passed;
    }
    return done;
}
