/*
 * Lines on a socket, never blocking: a peer that does not read costs its own messages, not our reaping.
 */
#include "holdfast-init.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

uint64_t clock_ns(clockid_t clock)
{
    struct timespec now;
    /* Both clocks exist since Linux 2.6.39; without them no deadline means anything. */
    if (clock_gettime(clock, &now) != 0)
        _exit(EXIT_INTERNAL);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

struct itimerspec at_ns(uint64_t ns)
{
    return (struct itimerspec){.it_value = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)}};
}

/* Readable when a child has ended; SIGCHLD is blocked by shield_signals(). -1 with errno when there is none to be had. */
int open_child_fd(void)
{
    sigset_t ended;
    sigemptyset(&ended);
    sigaddset(&ended, SIGCHLD);
    return signalfd(-1, &ended, SFD_CLOEXEC | SFD_NONBLOCK);
}

void drain_child_fd(int fd)
{
    struct signalfd_siginfo ignored;
    while (read(fd, &ignored, sizeof ignored) > 0)
        ;
}

/* Reads once; whether bytes came. Call only after channel_line() has returned 0: then the buffer has room. */
bool channel_receive(struct channel *channel)
{
    if (channel->inStart > 0) {
        memmove(channel->in, channel->in + channel->inStart, channel->inEnd - channel->inStart);
        channel->inEnd -= channel->inStart;
        channel->inStart = 0;
    }
    const ssize_t got = read(channel->fd, channel->in + channel->inEnd, sizeof channel->in - channel->inEnd);
    if (got > 0)
        channel->inEnd += (size_t)got;
    else if (got == 0 || (errno != EAGAIN && errno != EINTR))
        channel->ended = true;
    return got > 0;
}

/* 1 and a line, 0 when none is complete, -1 when a line was dropped (too long, or with a NUL byte in it). */
int channel_line(struct channel *channel, char **line)
{
    char *start = channel->in + channel->inStart;
    const size_t bytes = channel->inEnd - channel->inStart;
    char *newline = memchr(start, '\n', bytes);
    if (newline == NULL) {
        if (channel->skipping || bytes == sizeof channel->in) {
            channel->skipping = true;
            channel->inStart = channel->inEnd = 0;
        }
        return 0;
    }
    channel->inStart += (size_t)(newline - start) + 1;
    if (channel->skipping || memchr(start, '\0', (size_t)(newline - start)) != NULL) {
        channel->skipping = false;
        return -1;
    }
    *newline = '\0';
    *line = start;
    return 1;
}

static bool append(struct channel *channel, size_t limit, const char *format, va_list arguments)
{
    const size_t used = channel->outEnd - channel->outStart;
    if (channel->outEnd + LINE_BYTES_MAX > sizeof channel->out) { /* moved only when needed, or a slow reader costs us */
        memmove(channel->out, channel->out + channel->outStart, used);
        channel->outStart = 0;
        channel->outEnd = used;
    }
    if (used >= limit)
        return false;
    const size_t rest = sizeof channel->out - channel->outEnd;
    const size_t room = limit - used < rest ? limit - used : rest;
    const int bytes = vsnprintf(channel->out + channel->outEnd, room, format, arguments);
    if (bytes < 0 || (size_t)bytes >= room)
        return false;
    channel->outEnd += (size_t)bytes;
    return true;
}

static bool append_text(struct channel *channel, size_t limit, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const bool fits = append(channel, limit, format, arguments);
    va_end(arguments);
    return fits;
}

/* Queues one whole line and sends what the socket takes. False when it was dropped; a guard's channel says so later. */
bool channel_send(struct channel *channel, enum weight weight, const char *format, ...)
{
    const size_t ordinary = QUEUE_BYTES_MAX - QUEUE_BYTES_RESERVED;
    if (channel->dropped > 0 && channel->upward &&
        append_text(channel, ordinary, "error %zu%%20lines%%20dropped:%%20not%%20read\n", channel->dropped))
        channel->dropped = 0;
    va_list arguments;
    va_start(arguments, format);
    const bool queued = append(channel, weight == ESSENTIAL ? QUEUE_BYTES_MAX : ordinary, format, arguments);
    va_end(arguments);
    channel->dropped += !queued;
    channel_flush(channel);
    return queued;
}

void channel_flush(struct channel *channel)
{
    while (channel->outStart < channel->outEnd) {
        const ssize_t bytes = write(channel->fd, channel->out + channel->outStart, channel->outEnd - channel->outStart);
        if (bytes > 0)
            channel->outStart += (size_t)bytes;
        else if (errno == EAGAIN)
            return;
        else if (errno != EINTR)
            break; /* the reader is gone; its own end of the socket says so when read */
    }
    channel->outStart = channel->outEnd = 0;
}

bool channel_pending(const struct channel *channel)
{
    return channel->outStart < channel->outEnd;
}

static int hex_digit(char character)
{
    if (character >= '0' && character <= '9')
        return character - '0';
    if (character >= 'A' && character <= 'F')
        return character - 'A' + 10;
    return character >= 'a' && character <= 'f' ? character - 'a' + 10 : -1;
}

/* Percent-decodes in place. False when malformed or when it holds a NUL, which no argument can carry. */
bool decode(char *field)
{
    if (strcmp(field, "%") == 0) {
        field[0] = '\0';
        return true;
    }
    char *to = field;
    for (const char *from = field; *from != '\0'; from++) {
        if (*from != '%') {
            *to++ = *from;
            continue;
        }
        const int high = hex_digit(from[1]);
        const int low = high < 0 ? -1 : hex_digit(from[2]);
        if (low < 0 || high + low == 0)
            return false;
        *to++ = (char)(high << 4 | low);
        from += 2;
    }
    *to = '\0';
    return true;
}

/* For diagnostics: valid until the next call, cut after 512 bytes. */
const char *encode(const char *text)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./:=,@+-";
    static char encoded[3 * 512 + 1];
    size_t bytes = 0;
    for (size_t index = 0; text[index] != '\0' && index < 512; index++) {
        if (strchr(plain, text[index]) != NULL)
            encoded[bytes++] = text[index];
        else
            bytes += (size_t)snprintf(encoded + bytes, 4, "%%%02X", (unsigned char)text[index]);
    }
    encoded[bytes] = '\0';
    return bytes == 0 ? "%" : encoded;
}

/* A diagnostic: `error <what>: <detail>`. */
void channel_error(struct channel *channel, const char *what, const char *detail)
{
    char text[512];
    snprintf(text, sizeof text, "%s: %s", what, detail);
    channel_send(channel, ORDINARY, "error %s\n", encode(text));
}

/* Cuts the next space-separated field off *rest; NULL when none is left. */
char *next_field(char **rest)
{
    char *field = *rest;
    if (field == NULL || *field == '\0')
        return NULL;
    char *space = strchr(field, ' ');
    if (space != NULL)
        *space++ = '\0';
    *rest = space;
    return field;
}

/* Decimal digits only: no sign, no blank, nothing after them. */
bool parse_number(const char *text, uint64_t max, uint64_t *value)
{
    if (text == NULL || *text == '\0' || strlen(text) > 19 || strspn(text, "0123456789") != strlen(text))
        return false;
    *value = strtoull(text, NULL, 10);
    return *value <= max;
}
