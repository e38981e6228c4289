/* A sink in C: one line of text a record. trainbus-log keeps its position in a file, so after a sudden end the last
 * lines may come again.   trainbus-log --sink ./lines.so:records.txt,mark=+ */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <trainbus/sink.h>
#include <unistd.h>

struct lines {
  const trainbus_host* host;
  const char *path, *mark;
  FILE* file;
};

static int failed(struct lines* lines) {
  return lines->host->fail(lines->host, "'%s': %s", lines->path, strerror(errno));
}
static void* create(const trainbus_host* host, const char* const* values) {
  struct lines* lines = calloc(1, sizeof *lines);
  if (lines) *lines = (struct lines){host, values[0], values[1], NULL};
  return lines;
}
static int open_file(void* self) {
  struct lines* lines = self;
  if (lines->file) fclose(lines->file); /* it failed, and is opened again */
  lines->file = fopen(lines->path, "a");
  return lines->file ? 0 : failed(lines);
}
static int write_line(void* self, const trainbus_record* record) {
  struct lines* lines = self;
  const int count = fprintf(lines->file, "%s %s/%s %s %llu\n", lines->mark, record->run, record->trainer, record->kind,
                            (unsigned long long)record->sequence);
  return count > 0 ? 0 : failed(lines);
}
static int flush(void* self) { return fflush(((struct lines*)self)->file) == 0 ? 0 : failed(self); }
static int sync_file(void* self) { return fsync(fileno(((struct lines*)self)->file)) == 0 ? 0 : failed(self); }
static void destroy(void* self) {
  if (((struct lines*)self)->file) fclose(((struct lines*)self)->file);
  free(self);
}

static const trainbus_sink_option options[] = {{"path", "FILE", NULL, "the file, which is added to", 0},
                                               {"mark", "TEXT", "*", "what each line begins with", 0},
                                               {NULL, NULL, NULL, NULL, 0}};
static const trainbus_sink_type type = {TRAINBUS_SINK_ABI,
                                        TRAINBUS_SINK_HOST_KEEPS,
                                        NULL,
                                        "lines",
                                        "one line a record",
                                        options,
                                        create,
                                        open_file,
                                        write_line,
                                        flush,
                                        sync_file,
                                        destroy};
const trainbus_sink_type* trainbus_sink(void) { return &type; }
