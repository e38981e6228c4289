/* Plug-ins that are wrong in one way each: FAULT chooses. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <trainbus/sink.h>
#include <unistd.h>

#define NONE 0
#define OTHER_ABI 1
#define NO_SYMBOL 2
#define NO_FUNCTION 3
#define OTHER_VERSION 4
#define HOST_OPTION 5
#define NO_LIBRARY 6

struct sink {
  const trainbus_host* host;
  const char* path;
};

static const trainbus_sink_option options[] = {
    {"path", "FIFO", NULL, "a FIFO; every call of write() waits for its reader; hang-at-open: does that", 0},
#if FAULT == HOST_OPTION
    {"every", "N", "1", "the host has one of this name", 0},
#endif
    {"password", "WORD", "", "is shown in every failure", 1},
    {NULL, NULL, NULL, NULL, 0}};

static void* create(const trainbus_host* host, const char* const* values) {
  if (strcmp(values[0], "refused") == 0) {
    host->fail(host, "path '%s' is refused, password %s", values[0], values[1]);
    return NULL;
  }
  struct sink* sink = malloc(sizeof *sink);
  sink->host = host;
  sink->path = values[0];
  return sink;
}
static int open_place(void* self) {
  const struct sink* sink = self;
  if (strstr(sink->path, "hang-at-open")) pause();
  if (access(sink->path, F_OK) != 0) return sink->host->fail(sink->host, "'%s': %s", sink->path, strerror(errno));
  return 0;
}
static int write_record(void* self, const trainbus_record* record) {
  const struct sink* sink = self;
  const int fd = open(sink->path, O_WRONLY);
  if (fd < 0) return sink->host->fail(sink->host, "'%s': %s", sink->path, strerror(errno));
  dprintf(fd, "%s %llu\n", record->kind, (unsigned long long)record->sequence);
  return close(fd);
}
static int nothing(void* self) {
  (void)self;
  return 0;
}

static const trainbus_sink_type type = {
    .abi = FAULT == OTHER_ABI ? TRAINBUS_SINK_ABI + 41 : TRAINBUS_SINK_ABI,
    .position = TRAINBUS_SINK_HOST_KEEPS,
    .built_with = FAULT == OTHER_VERSION ? "0.0.7" : NULL,
    .name = "faulty",
    .summary = "for tests",
    .options = options,
    .create = create,
    .open = open_place,
    .write = write_record,
    .flush = nothing,
#if FAULT != NO_FUNCTION
    .sync = nothing,
#endif
    .destroy = free,
};

#if FAULT == NO_LIBRARY
extern int function_of_a_library_that_is_not_there(void);
int (*const needed)(void) = function_of_a_library_that_is_not_there;
#endif

#if FAULT == NO_SYMBOL
const trainbus_sink_type* trainbus_sinc(void);
const trainbus_sink_type* trainbus_sinc(void) { return &type; }
#else
const trainbus_sink_type* trainbus_sink(void) { return &type; }
#endif
