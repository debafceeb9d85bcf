/*
 * Durable effects under a folder: counted, and one of them made to fail. Loaded into the real program by LD_PRELOAD, in
 * tests alone; docs/TESTING.md tells how it is used.
 *
 * An effect is a call that changes what is on the disk, or forces it there: create, write, truncate, sync, unlink,
 * rename, link, mkdir, chmod. It is counted when it touches SHIM_ROOT. Nothing is really forced to the disk: that would
 * take long, and what a lost power supply leaves is made here.
 *
 *   SHIM_ROOT    the folder
 *   SHIM_STATE   a file outside of it: two 64-bit numbers, effects so far and whether the fault struck
 *   SHIM_LOG     a file outside of it: one line for each effect (optional)
 *   SHIM_MODE    count | kill | error | power
 *   SHIM_AT      the effect that is meant, from 1
 *   SHIM_AFTER   1: once it is done (kill, power); a write or a sync half done (error)
 *   SHIM_ERRNO, SHIM_STICKY, SHIM_CALM   error: which, whether all from there on, and a file that ends it by being there
 *   SHIM_SEED, SHIM_SECTOR               power: what is lost is drawn from the seed, in pieces of this size
 *
 * What a lost power supply leaves: each sector of a file is as it was at the last sync of the file, or as any write
 * since left it, each by itself; its length is one of those that it had. Changes of names since the last sync of their
 * folder are lost from some change on, the later ones with it, as journaling file systems do it. The shared memory of
 * SQLite is not a file in this sense.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define FILES_MAX 512
#define NAMES_MAX 8192
#define RUN_MAX_S 120
/* A call that is refused because the fault says so. */
#define REFUSED 1
/* A write that is done by half. */
#define HALF 2

enum mode { OFF, COUNT, KILL, ERROR, POWER };

struct op {
    struct op *next;
    off_t at;
    size_t length;
    int is_cut; /* the file gets the length `at` */
    char data[];
};

struct file {
    dev_t device;
    ino_t number;
    int fd;
    char *base; /* as it was at the last sync; NULL when nothing was written since */
    off_t base_length;
    struct op *ops, **last;
};

enum change { CREATED, UNLINKED, RENAMED, LINKED, MADE };

struct name {
    enum change change;
    int is_durable;
    char a[PATH_MAX], b[PATH_MAX], kept[PATH_MAX];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int is_ready;
static enum mode mode;
static char root[PATH_MAX], graveyard[PATH_MAX];
static const char *calm;
static int log_fd = -1, is_after, is_sticky, wanted_errno;
static uint64_t at, sector = 512, seed;
static volatile uint64_t *state;
static struct file files[FILES_MAX];
static int files_count;
static struct name *names;
static int names_count;

static uint64_t number(const char *name, uint64_t otherwise) {
    const char *text = getenv(name);
    return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

static void get_ready(void) {
    if (is_ready) return;
    is_ready = 1;
    /* A run that hangs ends by itself, with a signal that no trial takes for its own. */
    alarm(RUN_MAX_S);
    const char *folder = getenv("SHIM_ROOT"), *kind = getenv("SHIM_MODE"), *kept = getenv("SHIM_STATE");
    if (!folder || !kind || !kept) return;
    snprintf(root, sizeof root, "%s/", folder);
    snprintf(graveyard, sizeof graveyard, "%s.kept", kept);
    at = number("SHIM_AT", 0);
    is_after = (int)number("SHIM_AFTER", 0);
    is_sticky = (int)number("SHIM_STICKY", 0);
    wanted_errno = (int)number("SHIM_ERRNO", EIO);
    sector = number("SHIM_SECTOR", 512);
    seed = number("SHIM_SEED", 1) * 0x9E3779B97F4A7C15u + 1;
    calm = getenv("SHIM_CALM");
    int fd = (int)syscall(SYS_openat, AT_FDCWD, kept, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || syscall(SYS_ftruncate, fd, 16) != 0) return;
    state = mmap(NULL, 16, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (state == MAP_FAILED) return;
    const char *log = getenv("SHIM_LOG");
    if (log) log_fd = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    mode = !strcmp(kind, "kill") ? KILL : !strcmp(kind, "error") ? ERROR : !strcmp(kind, "power") ? POWER : COUNT;
    if (mode == POWER) {
        syscall(SYS_mkdirat, AT_FDCWD, graveyard, 0700);
        names = calloc(NAMES_MAX, sizeof *names);
        if (!names) abort();
    }
}

static uint64_t drawn(uint64_t below) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return below ? (seed >> 11) % below : 0;
}

/* ---- which calls are meant ------------------------------------------------------------------------------------ */

static int is_inside(const char *path) { return strncmp(path, root, strlen(root)) == 0; }

static int path_of_fd(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    path[length > 0 ? length : 0] = 0;
    return length > 0;
}

static void path_at(int folder, const char *name, char *path) {
    char above[PATH_MAX] = "";
    if (name[0] == '/') {
        snprintf(path, PATH_MAX, "%s", name);
        return;
    }
    if (folder == AT_FDCWD) {
        if (!getcwd(above, sizeof above)) above[0] = 0;
    } else {
        path_of_fd(folder, above);
    }
    if (snprintf(path, PATH_MAX, "%s/%s", above, name) >= PATH_MAX) path[0] = 0;
}

static int ends_with(const char *text, const char *end) {
    size_t a = strlen(text), b = strlen(end);
    return a >= b && !strcmp(text + a - b, end);
}

/* ---- what a lost power supply leaves -------------------------------------------------------------------------- */

static struct file *file_of(int fd) {
    struct stat about;
    char path[PATH_MAX], link[64];
    if (fstat(fd, &about) != 0 || !S_ISREG(about.st_mode) || !path_of_fd(fd, path) || ends_with(path, "-shm"))
        return NULL;
    for (int i = 0; i < files_count; i++)
        if (files[i].device == about.st_dev && files[i].number == about.st_ino) return &files[i];
    if (files_count == FILES_MAX) abort();
    /* Never closed: closing it would let go of the locks that the program holds on the file. */
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    int own = (int)syscall(SYS_openat, AT_FDCWD, link, O_RDWR | O_CLOEXEC, 0);
    if (own < 0) abort();
    struct file *file = &files[files_count++];
    *file = (struct file){.device = about.st_dev, .number = about.st_ino, .fd = own};
    return file;
}

static void remember(int fd, off_t offset, const void *data, size_t length, int is_cut) {
    struct file *file = file_of(fd);
    if (!file) return;
    if (!file->base) {
        struct stat about;
        if (fstat(file->fd, &about) != 0) abort();
        file->base = malloc((size_t)about.st_size + 1);
        if (!file->base || pread(file->fd, file->base, (size_t)about.st_size, 0) != about.st_size) abort();
        file->base_length = about.st_size;
        file->last = &file->ops;
    }
    struct op *op = malloc(sizeof *op + length);
    if (!op) abort();
    *op = (struct op){.at = offset, .length = length, .is_cut = is_cut};
    if (length) memcpy(op->data, data, length);
    *file->last = op;
    file->last = &op->next;
}

static void forget(struct file *file) {
    if (!file) return;
    for (struct op *op = file->ops, *next; op; op = next) {
        next = op->next;
        free(op);
    }
    free(file->base);
    file->base = NULL;
    file->ops = NULL;
}

static void note_name(enum change change, const char *a, const char *b, const char *kept) {
    if (mode != POWER) return;
    if (names_count == NAMES_MAX) abort();
    struct name *name = &names[names_count++];
    name->change = change;
    name->is_durable = 0;
    snprintf(name->a, PATH_MAX, "%s", a);
    snprintf(name->b, PATH_MAX, "%s", b ? b : "");
    snprintf(name->kept, PATH_MAX, "%s", kept ? kept : "");
}

/* Keeps what is about to lose its name; the place of it, or an empty text when there is nothing. */
static void keep(const char *path, char *kept) {
    static int kept_count;
    kept[0] = 0;
    if (mode != POWER || faccessat(AT_FDCWD, path, F_OK, 0) != 0) return;
    if (snprintf(kept, PATH_MAX, "%s/%d", graveyard, kept_count++) >= PATH_MAX) abort();
    if (syscall(SYS_linkat, AT_FDCWD, path, AT_FDCWD, kept, 0) != 0) kept[0] = 0;
}

static int lies_in(const char *path, const char *folder) {
    size_t length = strlen(folder);
    return !strncmp(path, folder, length) && path[length] == '/' && !strchr(path + length + 1, '/');
}

static void folder_synced(const char *folder) {
    for (int i = 0; i < names_count; i++)
        if (lies_in(names[i].a, folder)) names[i].is_durable = 1;
}

/* The length that a sector's file has, and the sector, after so many of the changes. */
static void put_sector(struct file *file, off_t where, uint64_t changes) {
    char *image = calloc(1, sector);
    if (!image) abort();
    if (where < file->base_length) {
        off_t rest = file->base_length - where;
        memcpy(image, file->base + where, rest < (off_t)sector ? (size_t)rest : sector);
    }
    for (struct op *op = file->ops; op && changes; op = op->next, changes--) {
        off_t end = where + (off_t)sector, from = op->at > where ? op->at : where;
        if (op->is_cut) {
            if (op->at < end) memset(image + (from - where), 0, (size_t)(end - from));
            continue;
        }
        off_t to = op->at + (off_t)op->length < end ? op->at + (off_t)op->length : end;
        if (from < to) memcpy(image + (from - where), op->data + (from - op->at), (size_t)(to - from));
    }
    if (syscall(SYS_pwrite64, file->fd, image, sector, where) != (long)sector) abort();
    free(image);
}

static off_t length_after(struct file *file, uint64_t changes) {
    off_t length = file->base_length;
    for (struct op *op = file->ops; op && changes; op = op->next, changes--) {
        off_t end = op->at + (off_t)op->length;
        length = op->is_cut ? op->at : end > length ? end : length;
    }
    return length;
}

static void lose_content(struct file *file) {
    uint64_t count = 0;
    off_t longest = file->base_length;
    for (struct op *op = file->ops; op; op = op->next) {
        off_t end = op->at + (off_t)op->length;
        longest = end > longest ? end : longest;
        count++;
    }
    off_t length = length_after(file, drawn(count + 1));
    /* Often all or nothing of a file arrives; else each sector by itself. */
    uint64_t way = drawn(4);
    for (off_t where = 0; where < longest; where += (off_t)sector) {
        int is_touched = 0;
        for (struct op *op = file->ops; op && !is_touched; op = op->next)
            is_touched = op->is_cut ? op->at < where + (off_t)sector
                                    : op->at < where + (off_t)sector && op->at + (off_t)op->length > where;
        if (is_touched) put_sector(file, where, way == 0 ? 0 : way == 1 ? count : drawn(count + 1));
    }
    if (syscall(SYS_ftruncate, file->fd, way == 0 ? file->base_length : way == 1 ? length_after(file, count) : length))
        abort();
}

static void undo_name(const struct name *name) {
    switch (name->change) {
    case CREATED:
    case LINKED:
        syscall(SYS_unlinkat, AT_FDCWD, name->a, 0);
        break;
    case MADE:
        syscall(SYS_unlinkat, AT_FDCWD, name->a, AT_REMOVEDIR);
        break;
    case UNLINKED:
        if (name->kept[0]) syscall(SYS_linkat, AT_FDCWD, name->kept, AT_FDCWD, name->a, 0);
        break;
    case RENAMED:
        syscall(SYS_renameat2, AT_FDCWD, name->b, AT_FDCWD, name->a, 0);
        if (name->kept[0]) syscall(SYS_linkat, AT_FDCWD, name->kept, AT_FDCWD, name->b, 0);
        break;
    }
}

static void lose_power(void) {
    for (int i = 0; i < files_count; i++)
        if (files[i].base) lose_content(&files[i]);
    uint64_t way = drawn(3);
    uint64_t first = way == 0 ? 0 : way == 1 ? (uint64_t)names_count : drawn((uint64_t)names_count + 1);
    for (int i = names_count; i-- > (int)first;)
        if (!names[i].is_durable) undo_name(&names[i]);
}

/* ---- one effect ------------------------------------------------------------------------------------------------ */

static void die(void) {
    state[1] = 1;
    if (mode == POWER) lose_power();
    syscall(SYS_kill, getpid(), SIGKILL);
    for (;;) pause();
}

/* Before an effect: counts it; REFUSED or HALF when it is to fail. The lock is held until `done`. */
static int begin(const char *kind, const char *path) {
    state[0]++;
    if (log_fd >= 0) {
        char line[PATH_MAX + 64];
        int length = snprintf(line, sizeof line, "%llu %s %s\n", (unsigned long long)state[0], kind, path + strlen(root));
        syscall(SYS_write, log_fd, line, length);
    }
    if (mode == ERROR) {
        if (!(is_sticky ? state[0] >= at : state[0] == at)) return 0;
        if (calm && faccessat(AT_FDCWD, calm, F_OK, 0) == 0) return 0;
        state[1] = 1;
        errno = wanted_errno;
        return is_after && state[0] == at ? HALF : REFUSED;
    }
    if ((mode == KILL || mode == POWER) && state[0] == at && !is_after) die();
    return 0;
}

static void done(void) {
    if ((mode == KILL || mode == POWER) && state[0] == at) die();
    pthread_mutex_unlock(&lock);
}

/* Whether a call is an effect; then the lock is held. */
static int enter_path(const char *path) {
    pthread_mutex_lock(&lock);
    get_ready();
    if (mode != OFF && is_inside(path)) return 1;
    pthread_mutex_unlock(&lock);
    return 0;
}

static int enter_fd(int fd, char *path) {
    if (fd <= 2) return 0;
    if (is_ready && mode == OFF) return 0;
    return path_of_fd(fd, path) && enter_path(path);
}

static ssize_t written(int fd, const void *data, size_t length, off_t offset, int is_at) {
    return is_at ? syscall(SYS_pwrite64, fd, data, length, offset) : syscall(SYS_write, fd, data, length);
}

static ssize_t write_effect(int fd, const void *data, size_t length, off_t offset, int is_at) {
    char path[PATH_MAX];
    if (!enter_fd(fd, path)) return written(fd, data, length, offset, is_at);
    ssize_t wrote = -1;
    int refused = begin("write", path);
    if (refused == REFUSED || (refused == HALF && length < 2)) {
        int why = errno;
        pthread_mutex_unlock(&lock);
        errno = why;
        return -1;
    }
    if (refused == HALF) length /= 2;
    if (mode == POWER) {
        off_t where = is_at ? offset : lseek(fd, 0, SEEK_CUR);
        if (!is_at && fcntl(fd, F_GETFL) & O_APPEND) where = lseek(fd, 0, SEEK_END);
        remember(fd, where, data, length, 0);
    }
    wrote = written(fd, data, length, offset, is_at);
    int why = errno;
    done();
    errno = why;
    return wrote;
}

ssize_t write(int fd, const void *data, size_t length) { return write_effect(fd, data, length, 0, 0); }
ssize_t pwrite(int fd, const void *data, size_t length, off_t offset) { return write_effect(fd, data, length, offset, 1); }
ssize_t pwrite64(int fd, const void *data, size_t length, off_t offset) { return write_effect(fd, data, length, offset, 1); }

ssize_t writev(int fd, const struct iovec *parts, int count) {
    char path[PATH_MAX];
    if (!enter_fd(fd, path)) return syscall(SYS_writev, fd, parts, count);
    pthread_mutex_unlock(&lock);
    /* A writer has to cope with a short write: the first part that is not empty is written. */
    for (int i = 0; i < count; i++)
        if (parts[i].iov_len) return write_effect(fd, parts[i].iov_base, parts[i].iov_len, 0, 0);
    return 0;
}

static int cut_effect(int fd, off_t length) {
    char path[PATH_MAX];
    if (!enter_fd(fd, path)) return (int)syscall(SYS_ftruncate, fd, length);
    int refused = begin("truncate", path), code = -1, why = errno;
    if (!refused) {
        if (mode == POWER) remember(fd, length, NULL, 0, 1);
        code = (int)syscall(SYS_ftruncate, fd, length);
        why = errno;
        done();
    } else {
        pthread_mutex_unlock(&lock);
    }
    errno = why;
    return code;
}

int ftruncate(int fd, off_t length) { return cut_effect(fd, length); }
int ftruncate64(int fd, off_t length) { return cut_effect(fd, length); }

static int sync_effect(int fd) {
    char path[PATH_MAX];
    if (!path_of_fd(fd, path)) return 0;
    char inside[PATH_MAX + 2];
    /* The folder itself counts, too. */
    snprintf(inside, sizeof inside, "%s/", path);
    if (!enter_path(inside)) return 0;
    int refused = begin("sync", inside), why = errno;
    if (!refused) {
        if (mode == POWER) {
            forget(file_of(fd));
            folder_synced(path);
        }
        done();
        return 0;
    }
    pthread_mutex_unlock(&lock);
    errno = why;
    return -1;
}

int fsync(int fd) { return sync_effect(fd); }
int fdatasync(int fd) { return sync_effect(fd); }

/* ---- names ------------------------------------------------------------------------------------------------------ */

/* An effect on a name that cannot be half done: what it is, its call, and what it changes. */
#define NAME_EFFECT(kind, path, before, call, change)                                                                  \
    int refused = begin(kind, path), code = -1, why = errno;                                                           \
    if (!refused) {                                                                                                    \
        before;                                                                                                        \
        code = (int)(call);                                                                                            \
        why = errno;                                                                                                   \
        if (code >= 0) {                                                                                               \
            change;                                                                                                    \
        }                                                                                                              \
        done();                                                                                                        \
    } else {                                                                                                           \
        pthread_mutex_unlock(&lock);                                                                                   \
    }                                                                                                                  \
    errno = why;                                                                                                       \
    return code;

static int open_effect(int folder, const char *name, int flags, mode_t rights) {
    char path[PATH_MAX] = "";
    if (flags & O_CREAT) path_at(folder, name, path);
    int is_new = path[0] && faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) != 0;
    if (!is_new || !enter_path(path)) return (int)syscall(SYS_openat, folder, name, flags, rights);
    NAME_EFFECT("create", path, , syscall(SYS_openat, folder, name, flags, rights), note_name(CREATED, path, NULL, NULL))
}

#define RIGHTS                                                                                                         \
    mode_t rights = 0;                                                                                                 \
    if (flags & (O_CREAT | O_TMPFILE)) {                                                                               \
        va_list rest;                                                                                                  \
        va_start(rest, flags);                                                                                         \
        rights = va_arg(rest, mode_t);                                                                                 \
        va_end(rest);                                                                                                  \
    }

int open(const char *name, int flags, ...) { RIGHTS return open_effect(AT_FDCWD, name, flags, rights); }
int open64(const char *name, int flags, ...) { RIGHTS return open_effect(AT_FDCWD, name, flags, rights); }
int openat(int folder, const char *name, int flags, ...) { RIGHTS return open_effect(folder, name, flags, rights); }
int openat64(int folder, const char *name, int flags, ...) { RIGHTS return open_effect(folder, name, flags, rights); }

int unlinkat(int folder, const char *name, int flags) {
    char path[PATH_MAX], kept[PATH_MAX] = "";
    path_at(folder, name, path);
    if (!enter_path(path)) return (int)syscall(SYS_unlinkat, folder, name, flags);
    NAME_EFFECT(flags & AT_REMOVEDIR ? "rmdir" : "unlink", path, if (!(flags & AT_REMOVEDIR)) keep(path, kept),
                syscall(SYS_unlinkat, folder, name, flags), note_name(UNLINKED, path, NULL, kept))
}

int unlink(const char *name) { return unlinkat(AT_FDCWD, name, 0); }
int rmdir(const char *name) { return unlinkat(AT_FDCWD, name, AT_REMOVEDIR); }

int renameat2(int from, const char *old, int to, const char *new, unsigned flags) {
    char a[PATH_MAX], b[PATH_MAX], kept[PATH_MAX];
    path_at(from, old, a);
    path_at(to, new, b);
    if (!enter_path(b)) return (int)syscall(SYS_renameat2, from, old, to, new, flags);
    NAME_EFFECT("rename", b, keep(b, kept), syscall(SYS_renameat2, from, old, to, new, flags),
                note_name(RENAMED, a, b, kept))
}

int renameat(int from, const char *old, int to, const char *new) { return renameat2(from, old, to, new, 0); }
int rename(const char *old, const char *new) { return renameat2(AT_FDCWD, old, AT_FDCWD, new, 0); }

int linkat(int from, const char *old, int to, const char *new, int flags) {
    char path[PATH_MAX];
    path_at(to, new, path);
    if (!enter_path(path)) return (int)syscall(SYS_linkat, from, old, to, new, flags);
    NAME_EFFECT("link", path, , syscall(SYS_linkat, from, old, to, new, flags), note_name(LINKED, path, NULL, NULL))
}

int link(const char *old, const char *new) { return linkat(AT_FDCWD, old, AT_FDCWD, new, 0); }

int mkdirat(int folder, const char *name, mode_t rights) {
    char path[PATH_MAX];
    path_at(folder, name, path);
    if (!is_ready || faccessat(AT_FDCWD, path, F_OK, 0) == 0 || !enter_path(path))
        return (int)syscall(SYS_mkdirat, folder, name, rights);
    NAME_EFFECT("mkdir", path, , syscall(SYS_mkdirat, folder, name, rights), note_name(MADE, path, NULL, NULL))
}

int mkdir(const char *name, mode_t rights) {
    pthread_mutex_lock(&lock);
    get_ready();
    pthread_mutex_unlock(&lock);
    return mkdirat(AT_FDCWD, name, rights);
}

int chmod(const char *name, mode_t rights) {
    char path[PATH_MAX];
    path_at(AT_FDCWD, name, path);
    if (!enter_path(path)) return (int)syscall(SYS_fchmodat, AT_FDCWD, name, rights);
    NAME_EFFECT("chmod", path, , syscall(SYS_fchmodat, AT_FDCWD, name, rights), )
}
