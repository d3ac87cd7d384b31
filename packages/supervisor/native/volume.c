/*
 * The applets that touch a volume. They run as steps, so that a volume that hangs hangs a killable child only.
 * One line of JSON on stdout. No symbolic link is followed at or below .holdfast: data may belong to others than us.
 */
#include "holdfast-init.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

enum { RECORD_BYTES_MAX = 64 << 10, PROBE_BYTES = 4096 };

static const char *errno_name(int error)
{
    static const struct {
        int error;
        const char *name;
    } names[] = {
        {EPERM, "EPERM"},         {ENOENT, "ENOENT"},     {EIO, "EIO"},           {ENXIO, "ENXIO"},
        {EBADF, "EBADF"},         {EAGAIN, "EAGAIN"},     {ENOMEM, "ENOMEM"},     {EACCES, "EACCES"},
        {EBUSY, "EBUSY"},         {EEXIST, "EEXIST"},     {ENODEV, "ENODEV"},     {ENOTDIR, "ENOTDIR"},
        {EISDIR, "EISDIR"},       {EINVAL, "EINVAL"},     {ENFILE, "ENFILE"},     {EMFILE, "EMFILE"},
        {EFBIG, "EFBIG"},         {ENOSPC, "ENOSPC"},     {EROFS, "EROFS"},       {ENAMETOOLONG, "ENAMETOOLONG"},
        {ELOOP, "ELOOP"},         {EPROTO, "EPROTO"},     {EILSEQ, "EILSEQ"},     {EOPNOTSUPP, "EOPNOTSUPP"},
        {ENETDOWN, "ENETDOWN"},   {ENETUNREACH, "ENETUNREACH"}, {ECONNRESET, "ECONNRESET"}, {ENOTCONN, "ENOTCONN"},
        {ESHUTDOWN, "ESHUTDOWN"}, {ETIMEDOUT, "ETIMEDOUT"}, {EHOSTDOWN, "EHOSTDOWN"}, {EHOSTUNREACH, "EHOSTUNREACH"},
        {ESTALE, "ESTALE"},       {EDQUOT, "EDQUOT"},     {EREMOTEIO, "EREMOTEIO"}, {ECONNREFUSED, "ECONNREFUSED"},
        {EBADFD, "EBADFD"},       {ECANCELED, "ECANCELED"},
    };
    static char other[24];
    for (size_t index = 0; index < sizeof names / sizeof names[0]; index++)
        if (names[index].error == error)
            return names[index].name;
    snprintf(other, sizeof other, "ERRNO_%d", error);
    return other;
}

/* Length of the UTF-8 sequence at text, or 0 when it is not one. */
static size_t utf8_length(const unsigned char *text)
{
    const size_t length = text[0] < 0x80 ? 1 : text[0] >= 0xF0 ? 4 : text[0] >= 0xE0 ? 3 : 2;
    const bool lead = text[0] < 0x80 || (text[0] >= 0xC2 && text[0] <= 0xF4);
    for (size_t index = 1; lead && index < length; index++)
        if ((text[index] & 0xC0) != 0x80)
            return 0;
    if (!lead || (text[0] == 0xE0 && text[1] < 0xA0) || (text[0] == 0xED && text[1] > 0x9F) ||
        (text[0] == 0xF0 && text[1] < 0x90) || (text[0] == 0xF4 && text[1] > 0x8F))
        return 0;
    return length;
}

/* Bytes that are no UTF-8 become U+FFFD: paths may hold any, JSON may not. */
static void print_string(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    putchar('"');
    while (*at != '\0') {
        const size_t length = utf8_length(at);
        if (length == 0)
            fputs("\\ufffd", stdout);
        else if (*at < 0x20 || *at == '"' || *at == '\\')
            printf("\\u%04x", *at);
        else
            fwrite(at, 1, length, stdout);
        at += length == 0 ? 1 : length;
    }
    putchar('"');
}

static void print_field(const char *name, const char *value)
{
    printf(",\"%s\":", name);
    if (value == NULL)
        fputs("null", stdout);
    else
        print_string(value);
}

static int end_line(void)
{
    fputs("}\n", stdout);
    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}

static int failed(const char *step, int error)
{
    printf("{\"ok\":false,\"step\":\"%s\",\"errno\":\"%s\",\"message\":", step, errno_name(error));
    print_string(strerror(error));
    return end_line();
}

static int succeeded(uint64_t startNs)
{
    printf("{\"ok\":true,\"probeUs\":%llu", (unsigned long long)((clock_ns(CLOCK_MONOTONIC) - startNs) / 1000u));
    return end_line();
}

/* ELOOP for a symbolic link, whatever the kernel says about it together with O_DIRECTORY. */
static int open_holdfast(int volumeFd)
{
    const int fd = openat(volumeFd, ".holdfast", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat stat;
    const int error = errno;
    if (fd < 0 && fstatat(volumeFd, ".holdfast", &stat, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(stat.st_mode))
        errno = ELOOP;
    else
        errno = error;
    return fd;
}

/* A record as a string, NULL with errno when it is not to be had. */
static char *read_record(int holdfastFd, const char *name)
{
    static char records[2][RECORD_BYTES_MAX + 1];
    static size_t used;
    char *record = records[used++ % 2];
    struct stat stat;
    size_t bytes = 0;
    ssize_t got = 1;
    const int fd = openat(holdfastFd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &stat) != 0)
        return NULL;
    if (!S_ISREG(stat.st_mode) || stat.st_size > RECORD_BYTES_MAX) {
        errno = S_ISREG(stat.st_mode) ? EFBIG : EINVAL;
        return NULL;
    }
    while (bytes < RECORD_BYTES_MAX + 1 && got > 0) {
        got = read(fd, record + bytes, RECORD_BYTES_MAX + 1 - bytes);
        if (got < 0 && errno != EINTR)
            return NULL;
        bytes += got > 0 ? (size_t)got : 0;
        got = got < 0 ? 1 : got;
    }
    close(fd);
    if (bytes > RECORD_BYTES_MAX || memchr(record, '\0', bytes) != NULL) {
        errno = bytes > RECORD_BYTES_MAX ? EFBIG : EILSEQ;
        return NULL;
    }
    record[bytes] = '\0';
    return record;
}

/* Nothing in it but our own directory and what mkfs makes. -1 with errno when it cannot be read. */
static int is_empty(int volumeFd)
{
    const int fd = openat(volumeFd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    if (directory == NULL)
        return -1;
    int empty = 1;
    const struct dirent *entry;
    errno = 0;
    while (empty == 1 && (entry = readdir(directory)) != NULL)
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
                strcmp(entry->d_name, ".holdfast") == 0 || strcmp(entry->d_name, "lost+found") == 0;
    if (empty == 1 && errno != 0)
        empty = -1;
    const int error = errno;
    closedir(directory);
    errno = error;
    return empty;
}

struct problem {
    int error;
    const char *where;
};

static void note(struct problem *problem, const char *where)
{
    if (problem->error == 0)
        *problem = (struct problem){errno, where};
}

static void print_contents(int volumeFd, struct problem *problem)
{
    const char *volume = NULL, *epoch = NULL;
    struct stat claim = {0};
    const int holdfastFd = open_holdfast(volumeFd);
    if (holdfastFd < 0 && errno != ENOENT)
        note(problem, ".holdfast");
    if (holdfastFd >= 0) {
        if ((volume = read_record(holdfastFd, "volume.json")) == NULL && errno != ENOENT)
            note(problem, ".holdfast/volume.json");
        if ((epoch = read_record(holdfastFd, "epoch.json")) == NULL && errno != ENOENT)
            note(problem, ".holdfast/epoch.json");
        if (fstatat(holdfastFd, "claim", &claim, AT_SYMLINK_NOFOLLOW) != 0) {
            if (errno != ENOENT)
                note(problem, ".holdfast/claim");
        } else if (!S_ISREG(claim.st_mode)) {
            errno = S_ISLNK(claim.st_mode) ? ELOOP : EINVAL;
            note(problem, ".holdfast/claim");
        }
    }
    const int empty = is_empty(volumeFd);
    if (empty < 0)
        note(problem, ".");
    print_field("volume", volume);
    print_field("epoch", epoch);
    printf(",\"claim\":\"%s\",\"empty\":%s", S_ISREG(claim.st_mode) ? "present" : "missing", empty == 1 ? "true" : "false");
}

/* Where the path leads, links resolved: what mountinfo speaks of. NULL without /proc. */
static const char *real_path(int fd)
{
    static char real[PATH_MAX];
    char link[32];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const ssize_t bytes = readlink(link, real, sizeof real - 1);
    if (bytes <= 0)
        return NULL;
    real[bytes] = '\0';
    return real;
}

int volume_read(const char *path)
{
    struct problem problem = {0, "."};
    struct stat own, parent;
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &own) != 0 || fstatat(fd, "..", &parent, 0) != 0)
        note(&problem, ".");
    fputs("{\"path\":", stdout);
    print_string(path);
    if (problem.error != 0) {
        printf(",\"type\":\"%s\"", problem.error == ENOENT ? "missing" : "other");
    } else {
        printf(",\"dev\":\"%u:%u\",\"parentDev\":\"%u:%u\",\"ino\":\"%llu\",\"type\":\"directory\"", major(own.st_dev),
               minor(own.st_dev), major(parent.st_dev), minor(parent.st_dev), (unsigned long long)own.st_ino);
        print_field("real", real_path(fd));
        print_contents(fd, &problem);
    }
    if (problem.error != 0) {
        char text[256];
        snprintf(text, sizeof text, "%s: %s", problem.where, strerror(problem.error));
        print_field("errno", errno_name(problem.error));
        if (problem.error != ENOENT)
            print_field("error", text);
    }
    return end_line();
}

static bool write_all(int fd, const char *data, size_t bytes)
{
    while (bytes > 0) {
        const ssize_t wrote = write(fd, data, bytes);
        if (wrote < 0 && errno != EINTR)
            return false;
        data += wrote > 0 ? wrote : 0;
        bytes -= wrote > 0 ? (size_t)wrote : 0;
    }
    return true;
}

static int open_for_writing(int directoryFd, const char *name)
{
    struct stat stat;
    const int fd = openat(directoryFd, name, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644);
    if (fd < 0 || fstat(fd, &stat) != 0)
        return -1;
    if (S_ISREG(stat.st_mode))
        return fd;
    errno = EINVAL;
    return -1;
}

/* NULL, or the step that failed, with errno. */
static const char *probe(int holdfastFd)
{
    char wrote[PROBE_BYTES], got[PROBE_BYTES];
    /* Other bytes each time, or an old block read back would pass for the new one. */
    uint64_t state = clock_ns(CLOCK_BOOTTIME) ^ (uint64_t)getpid() << 48;
    for (size_t index = 0; index < sizeof wrote; index++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        wrote[index] = (char)(state >> 56);
    }
    const int fd = open_for_writing(holdfastFd, "probe");
    if (fd < 0)
        return "open";
    if (!write_all(fd, wrote, sizeof wrote))
        return "write";
    if (fsync(fd) != 0)
        return "fsync";
    /* Advice only: where it is refused, the read may come from the page cache. */
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    for (size_t bytes = 0; bytes < sizeof got;) {
        const ssize_t count = pread(fd, got + bytes, sizeof got - bytes, (off_t)bytes);
        if (count == 0)
            errno = EIO;
        if (count == 0 || (count < 0 && errno != EINTR))
            return "read";
        bytes += count > 0 ? (size_t)count : 0;
    }
    errno = EIO;
    return memcmp(wrote, got, sizeof got) == 0 ? close(fd) == 0 ? NULL : "write" : "compare";
}

static const char *replace_epoch(int holdfastFd, const char *epoch)
{
    const int fd = open_for_writing(holdfastFd, "epoch.json.tmp");
    if (fd < 0)
        return "open";
    if (!write_all(fd, epoch, strlen(epoch)))
        return "write";
    if (fsync(fd) != 0)
        return "fsync";
    if (close(fd) != 0)
        return "write";
    if (renameat(holdfastFd, "epoch.json.tmp", holdfastFd, "epoch.json") != 0)
        return "rename";
    return fsync(holdfastFd) == 0 ? NULL : "fsync";
}

int volume_write(const char *path, const char *epoch)
{
    const uint64_t startNs = clock_ns(CLOCK_MONOTONIC);
    const int volumeFd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const int holdfastFd = volumeFd < 0 ? -1 : open_holdfast(volumeFd);
    if (holdfastFd < 0)
        return failed("open", errno);
    const char *step = probe(holdfastFd);
    if (step == NULL && epoch != NULL)
        step = replace_epoch(holdfastFd, epoch);
    return step == NULL ? succeeded(startNs) : failed(step, errno);
}

int volume_sync(const char *path)
{
    const uint64_t startNs = clock_ns(CLOCK_MONOTONIC);
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return failed("open", errno);
    return syncfs(fd) == 0 ? succeeded(startNs) : failed("fsync", errno);
}
