#include "holdfast-init.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef HOLDFAST_LIBC
#define HOLDFAST_LIBC "unknown"
#endif

static const char usageText[] =
    "usage: holdfast-init supervise [--control-fd 3] [--step-fd 4] [--tree auto|pid-namespace|subreaper]\n"
    "                               [--mount-proc auto|off] [--join PID:TICKS]\n"
    "                               [--uid N --gid N [--groups N,N...]] -- cmd [args...]\n"
    "       holdfast-init volume-read PATH\n"
    "       holdfast-init volume-write PATH [EPOCH-JSON]\n"
    "       holdfast-init sync PATH\n"
    "       holdfast-init version\n";

static int usage(const char *problem)
{
    fprintf(stderr, "holdfast-init: %s\n%s", problem, usageText);
    return EXIT_USAGE;
}

static bool parse_groups(char *list, struct options *options)
{
    uint64_t id;
    for (char *group; (group = strsep(&list, ",")) != NULL;) {
        if (options->groupCount == GROUPS_MAX || !parse_number(group, UINT32_MAX - 1, &id))
            return false;
        options->groups[options->groupCount++] = (gid_t)id;
    }
    return true;
}

static bool parse_tree(const char *value, struct options *options)
{
    const bool any = strcmp(value, "auto") == 0;
    options->allowed[TREE_PID_NAMESPACE] = options->allowed[TREE_USER_PID_NAMESPACE] =
        any || strcmp(value, "pid-namespace") == 0;
    options->allowed[TREE_SUBREAPER] = any || strcmp(value, "subreaper") == 0;
    return options->allowed[TREE_PID_NAMESPACE] || options->allowed[TREE_SUBREAPER];
}

static bool parse_join(char *value, struct options *options)
{
    uint64_t pid = 0;
    char *ticks = strchr(value, ':');
    if (ticks == NULL)
        return false;
    *ticks++ = '\0';
    if (!parse_number(value, INT32_MAX, &pid) || pid == 0 || !parse_number(ticks, UINT64_MAX, &options->joinTicks))
        return false;
    options->joinPid = (pid_t)pid;
    return true;
}

static bool parse_option(const char *name, char *value, struct options *options, bool ids[2])
{
    uint64_t number = 0;
    const bool isNumber = parse_number(value, UINT32_MAX - 1, &number);
    const bool isFd = isNumber && number > 2 && number <= INT32_MAX && fcntl((int)number, F_GETFD) >= 0;
    if (strcmp(name, "--control-fd") == 0)
        return options->controlFd = (int)number, isFd;
    if (strcmp(name, "--step-fd") == 0)
        return options->stepFd = (int)number, isFd;
    if (strcmp(name, "--uid") == 0)
        return options->uid = (uid_t)number, ids[0] = isNumber;
    if (strcmp(name, "--gid") == 0)
        return options->gid = (gid_t)number, ids[1] = isNumber;
    if (strcmp(name, "--groups") == 0)
        return parse_groups(value, options);
    if (strcmp(name, "--tree") == 0)
        return parse_tree(value, options);
    if (strcmp(name, "--join") == 0)
        return parse_join(value, options);
    if (strcmp(name, "--mount-proc") == 0)
        return options->mountProc = strcmp(value, "auto") == 0, options->mountProc || strcmp(value, "off") == 0;
    return false;
}

static int supervise_command(int count, char **arguments)
{
    static struct options options = {
        .controlFd = 3, .stepFd = 4, .allowed = {true, true, true}, .mountProc = true};
    bool ids[2] = {false, false};
    int index = 0;
    for (; index < count && strcmp(arguments[index], "--") != 0; index += 2)
        if (index + 1 >= count || !parse_option(arguments[index], arguments[index + 1], &options, ids))
            return usage("unknown option or bad value");
    if (index + 1 >= count)
        return usage("no command after --");
    if (ids[0] != ids[1] || (options.groupCount > 0 && !ids[0]))
        return usage("--uid and --gid go together, --groups with them");
    if (fcntl(options.controlFd, F_GETFD) < 0 || fcntl(options.stepFd, F_GETFD) < 0 ||
        options.controlFd == options.stepFd)
        return usage("the control and step descriptors must be open and distinct");
    if (options.joinPid > 0) { /* whatever ends that tree must end this one, and only a PID namespace inside it does */
        if (!options.allowed[TREE_PID_NAMESPACE])
            return usage("--join needs a PID namespace");
        options.allowed[TREE_USER_PID_NAMESPACE] = options.allowed[TREE_SUBREAPER] = false;
    }
    options.changeIds = ids[0];
    options.command = arguments + index + 1;
    return supervise(&options);
}

int main(int count, char **arguments)
{
    const char *applet = count > 1 ? arguments[1] : "";
    if (strcmp(applet, "supervise") == 0)
        return supervise_command(count - 2, arguments + 2);
    if (strcmp(applet, "volume-read") == 0 && count == 3)
        return volume_read(arguments[2]);
    if (strcmp(applet, "volume-write") == 0 && (count == 3 || count == 4))
        return volume_write(arguments[2], arguments[3]); /* argv ends in NULL */
    if (strcmp(applet, "sync") == 0 && count == 3)
        return volume_sync(arguments[2]);
    if (strcmp(applet, "version") != 0 || count != 2)
        return usage("unknown applet or wrong number of arguments");
    const int bytes = printf("{\"name\":\"holdfast-init\",\"protocol\":%d,\"libc\":\"%s\"}\n", PROTOCOL_VERSION, HOLDFAST_LIBC);
    return bytes > 0 && fflush(stdout) == 0 ? 0 : 1;
}
