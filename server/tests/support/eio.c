/* Loaded into a program under test: reads of one file or block device fail with EIO where they touch the bytes whose first
 * and last stand in the file CONCLAVE_TEST_EIO; none where both are zero. So many of these reads as stand behind them still
 * go well, and there they are counted. Every other call goes on as it is. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

struct bad {
    long long first, last, spared, seen;
};

static volatile struct bad *bad;
static struct stat where;

__attribute__((constructor)) static void arm(void) {
    const char *path = getenv("CONCLAVE_TEST_EIO"), *device = getenv("CONCLAVE_TEST_EIO_OF");
    int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0 || !device || stat(device, &where)) abort();
    void *mapped = mmap(NULL, sizeof *bad, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (mapped == MAP_FAILED) abort();
    bad = mapped;
    close(file);
}

ssize_t pread64(int file, void *bytes, size_t length, off64_t from) {
    struct stat is;
    if (bad && bad->last && from <= bad->last && from + (long long)length > bad->first && !fstat(file, &is)) {
        int same = S_ISBLK(is.st_mode) ? is.st_rdev == where.st_rdev : is.st_ino == where.st_ino;
        same = same && (is.st_mode & S_IFMT) == (where.st_mode & S_IFMT);
        if (same && __atomic_add_fetch(&bad->seen, 1, __ATOMIC_SEQ_CST) > bad->spared) {
            errno = EIO;
            return -1;
        }
    }
    return syscall(SYS_pread64, file, bytes, length, from);
}
