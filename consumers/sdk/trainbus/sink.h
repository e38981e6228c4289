/* The interface between trainbus-log and a sink, a place where records go. Plain C, and the only thing the two share:
 * a shared object that exports trainbus_sink() is a plug-in, and the built-in sinks are no different.
 *
 *   trainbus-log --sink ./libmine.so:path=runs.txt
 *
 * The host reads the bus, keeps order, drops what was seen before, retries and catches up. A sink only writes what it
 * is given, in the order it is given it. sink.hpp is the same for C++, with exceptions and classes.
 *
 * Threads: calls to one sink never overlap. create() and destroy() come from the main thread, all others from a thread
 * of the sink's own, so a sink may block; the other sinks do not notice. Two sinks of one type run at the same time.
 * Strings are UTF-8, end with a 0 byte, and belong to the caller, who keeps them for the call only; those in
 * trainbus_sink_type and trainbus_host live as long as the process or the sink.
 */
#ifndef TRAINBUS_SINK_H
#define TRAINBUS_SINK_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TRAINBUS_SINK_ABI 1

/* One kept record. */
typedef struct trainbus_record {
  const char* kind;     /* "batch", "epoch", "perf", "status", "command", "alert", "scalars" or "media" */
  const char* run;      /* [A-Za-z0-9._-]{1,64} */
  const char* trainer;  /* the same */
  uint64_t incarnation; /* one process life of the trainer; which of two is the later says `order` */
  uint64_t sequence;    /* from 1 per (run, trainer, incarnation, kind): these five name a record for good */
  int64_t timestamp_ms; /* Unix time, by the trainer's clock */
  const void* message;  /* a serialized trainbus.v1.MetricsRequest, as the trainer sent it */
  size_t message_size;  /* bytes, at most 1 MiB */
  /* The record as one JSON object without a newline, as `trainbus-log --sink jsonl:` writes it. Made at the first call
   * and valid as long as the record. `size` may be NULL. */
  const char* (*json)(const struct trainbus_record* record, size_t* size);
  const void* parsed; /* for sink.hpp: `message` as a trainbus::v1::MetricsRequest, or NULL */
  int64_t order;      /* of two incarnations of one (run, trainer) the larger was heard later; 0: not known */
} trainbus_record;

/* What a sink may ask of the host, within any of its calls. */
typedef struct trainbus_host {
  /* Says in one line why a call fails (what, which value, why), and returns -1 for the sink to return:
   *   return host->fail(host, "'%s': %s", path, strerror(errno)); */
  int (*fail)(const struct trainbus_host* host, const char* format, ...)
#if defined(__GNUC__)
      __attribute__((format(printf, 2, 3)))
#endif
      ;
  /* Within open(), for TRAINBUS_SINK_KNOWS: the place has this stream's records up to `sequence`. */
  void (*have)(const struct trainbus_host* host, const char* kind, const char* run, const char* trainer,
               uint64_t incarnation, uint64_t sequence);
  /* A line for the log of trainbus-log, with the sink's name before it. */
  void (*warn)(const struct trainbus_host* host, const char* format, ...)
#if defined(__GNUC__)
      __attribute__((format(printf, 2, 3)))
#endif
      ;
  /* "tcp://head:7760", where the records come from: for a sink that asks the bus for more, as tiles. */
  const char* broker;
  /* A bound of the sink was met: something is left out, and `policy` says what, as "values of further names are left
   * out". Any thread, as often as it happens. The host counts it, logs a line a minute, and holds an alert of rule `limit`
   * until a minute after the last time. `limit` is its name, as "tag_names"; `unit` is what `bound` counts. */
  void (*limit_met)(const struct trainbus_host* host, const char* limit, double bound, const char* unit,
                    const char* policy);
} trainbus_host;

/* Who knows which records the place has. */
enum {
  /* open() tells with have(): every record once, whatever happens. */
  TRAINBUS_SINK_KNOWS = 0,
  /* The host keeps the position in a file after sync(): every record at least once; the last ones come again after a
   * sudden end or a failure, so make writing the same record twice harmless, or live with it. */
  TRAINBUS_SINK_HOST_KEEPS = 1,
  /* Nobody: it wants what is published from now on, without the history. */
  TRAINBUS_SINK_LIVE = 2
};

/* What write(), flush() or sync() may return after fail(): the place has gone for good, as a pipe whose reader has left.
 * The sink is then not opened again, and the program ends when all its sinks are over. */
#define TRAINBUS_SINK_OVER (-2)

/* An option, `key=value` after the colon. The first one may be written without `key=`. The names name, kinds, run,
 * trainer and every belong to the host. */
typedef struct trainbus_sink_option {
  const char* name;   /* [a-z][a-z0-9_-]*; NULL ends the list */
  const char* value;  /* what to put there, for the help: "PATH", "BYTES" */
  const char* preset; /* when it is not given; NULL: it must be given */
  const char* help;   /* one line */
  int secret;         /* not 0: the value is never shown; 2: only a password within it is a secret, as in a URL */
} trainbus_sink_option;

/* A sink type. Functions that return int: 0 is good; anything else has failed, after fail() said why. The sink is then
 * in no known state, and the next call is open() or destroy(). One that fails in its first open() is tried again too. */
typedef struct trainbus_sink_type {
  uint32_t abi;      /* TRAINBUS_SINK_ABI. First in every version, so that others can be refused. */
  uint32_t position; /* TRAINBUS_SINK_KNOWS, _HOST_KEEPS or _LIVE */
  /* NULL, unless the sink uses C++ classes of trainbus: then the version they are of (sink.hpp does that). */
  const char* built_with;
  const char* name;    /* "jsonl" */
  const char* summary; /* one line */
  const trainbus_sink_option* options;
  /* Checks the options; opens and writes nothing. values[i] belongs to options[i] and, like `host`, lives as long as
   * the sink. NULL after fail(): a bad option. */
  void* (*create)(const trainbus_host* host, const char* const* values);
  /* Opens or reopens the place, and repairs what a sudden end or a failed call left there. */
  int (*open)(void* sink);
  /* One record, newer than everything of its stream before. May be buffered. */
  int (*write)(void* sink, const trainbus_record* record);
  /* All written records survive the death of this process. At least every 200 ms while there are some. */
  int (*flush)(void* sink);
  /* After a flush, every few seconds and at the end: all written records survive a power cut. */
  int (*sync)(void* sink);
  void (*destroy)(void* sink);
} trainbus_sink_type;

/* The one symbol that a plug-in exports. */
#if defined(__GNUC__)
__attribute__((visibility("default")))
#endif
const trainbus_sink_type*
trainbus_sink(void);

#ifdef __cplusplus
}
#endif

#endif
